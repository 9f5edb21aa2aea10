"""What every template may use."""

from typing import Any

from django.http import HttpRequest

from . import units
from .middleware import chosen_unit


def unit(request: HttpRequest) -> dict[str, Any]:
    """The unit that the reader chose, and all there are to choose from."""
    return {"unit": chosen_unit(request), "units": units.UNITS}
