"""djmetrics tells where each request's time and CPU went, per view and per release."""

from .annotations import annotate
from .blocks import timed
from .flags import flag_evaluated
from .recorder import current_record

__version__ = "0.1.0"

__all__ = ["__version__", "annotate", "current_record", "flag_evaluated", "timed"]
