"""The URL of the metrics page: ``path("", include("djmetrics.urls"))`` puts it at /metrics."""

from django.urls import path

from .views import metrics

urlpatterns = [path("metrics", metrics, name="djmetrics-metrics")]
