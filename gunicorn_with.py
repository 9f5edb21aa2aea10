"""gunicorn's configuration as the docs give it."""

from djmetrics.gunicorn import *  # noqa: F403 (this is the one line that a site adds)
