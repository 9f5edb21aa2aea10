from django.urls import path

from . import views

urlpatterns = [
    path("hello", views.hello, name="hello"),
    path("page", views.page, name="page"),
    path("queries", views.queries, name="queries"),
    path("error", views.error, name="error"),
    path("async", views.later, name="async"),
]
