"""Each view under its own name."""

from django.urls import include, path

from . import views

urlpatterns = [
    path("hello/", views.hello, name="hello"),
    path("async/", views.hello_async, name="async"),
    path("sleep/<int:ms>/", views.sleep, name="sleep"),
    path("sleep-async/<int:ms>/", views.sleep_async, name="sleep-async"),
    path("burn/<int:ms>/", views.burn, name="burn"),
    path("burn-async/<int:ms>/", views.burn_async, name="burn-async"),
    path("queries/<int:n>/", views.queries, name="queries"),
    path("repeated/<int:n>/", views.repeated, name="repeated"),
    path("stream/<int:chunks>/<int:ms>/", views.stream, name="stream"),
    path("file/", views.file, name="file"),
    path("upload/", views.upload, name="upload"),
    path("error/", views.error, name="error"),
    path("missing/", views.missing, name="missing"),
    path("cached/<int:n>/", views.cached, name="cached"),
    path("order/", views.order, name="order"),
    path("background/", views.background, name="background"),
    path("worker/", views.worker, name="worker"),
    path("", include("djmetrics.urls")),
]
