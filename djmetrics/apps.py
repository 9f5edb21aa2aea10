"""The Django app: starts djmetrics when Django is ready."""

from django.apps import AppConfig


class DjmetricsConfig(AppConfig):
    """Installs the hooks. It runs no query, binds no port and imports no URLconf."""

    name = "djmetrics"
    verbose_name = "djmetrics"

    def ready(self) -> None:
        """Start to measure."""
        from . import checks, runtime  # noqa: F401 - both need the app registry; checks register themselves

        runtime.start()
