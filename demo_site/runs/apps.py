"""The app's configuration."""

from django.apps import AppConfig


class RunsConfig(AppConfig):
    """The app ``runs``."""

    name = "runs"
    verbose_name = "The running log"
