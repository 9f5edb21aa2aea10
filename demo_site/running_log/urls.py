"""URLs of the running log: the pages, the admin, login and logout, and djmetrics' own."""

from django.contrib import admin
from django.urls import include, path

urlpatterns = [
    path("", include("runs.urls")),
    path("", include("djmetrics.urls")),
    path("accounts/", include("runs.accounts")),
    path("admin/", admin.site.urls),
]
