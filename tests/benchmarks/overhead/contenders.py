"""The contenders, by their names in the tables."""

import importlib.metadata
import os

from .parts import Contender, DjangoPrometheus, Djmetrics, Floor
from .stacks import AllThree, Stack

BARE = "bare"

CONTENDERS: dict[str, Contender] = {
    BARE: Contender(),
    "bare again": Contender(),
    "floor": Floor(),
    "django-prometheus": DjangoPrometheus(),
    "djmetrics": Djmetrics(),
    "django-prometheus, many processes": DjangoPrometheus(in_files=True),
    "djmetrics, many processes": Djmetrics(in_files=True),
    "today's stack, 10 % of traces": Stack(0.1),
    "djmetrics, all three, 10 % of traces": AllThree(0.1),
    "the same with the site's own Sentry client": AllThree(0.1, own_client=False),
    "today's stack, all traces": Stack(1),
    "djmetrics, all three, all traces": AllThree(1),
}


def missing(name: str) -> bool:
    """Whether a contender's package is not installed."""
    try:
        CONTENDERS[name].versions()
    except importlib.metadata.PackageNotFoundError:
        return True
    return False


def set_files_folder(contender: Contender, folder: str) -> None:
    """Give a contender the folder for its files, if it uses any; before prometheus_client is imported."""
    os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)
    if contender.in_files:
        os.environ["PROMETHEUS_MULTIPROC_DIR"] = folder
