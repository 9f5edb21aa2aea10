"""The URLs of the site that tests run in: only the endpoint. Tests with views of their own bring their own URLconf."""

from django.urls import include, path

urlpatterns = [path("", include("djmetrics.urls"))]
