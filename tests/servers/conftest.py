"""One server per configuration for the whole session, and the truth table."""

import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from tests.components.fixtures import absent
from tests.components.process import Missing

from . import drivers
from .configurations import CONFIGURATIONS
from .drivers import Configuration, Server
from .truth import Row, Table

HERE = os.path.dirname(__file__)
Truth = Callable[[str, str, float, float], Row]

REDUNDANT = {"gunicorn gevent", "uwsgi lazy-apps"}
"""Those that die only in ``make test-all``: their processes are replaced just as another one's here, and slowly.

uWSGI waits for seconds before it replaces the second one in a row, gevent's workers before they stop: half a minute.
Nothing else is left out of them.
"""

MORTALS = [
    pytest.param(each, marks=[pytest.mark.slow_matrix] if each.name in REDUNDANT else [])
    for each in CONFIGURATIONS
    if each.workers > 1 and each.respawns
]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every test in this folder starts servers; those that share one stay together under ``--dist loadgroup``."""
    for item in items:
        if str(item.path).startswith(HERE):
            item.add_marker(pytest.mark.servers)
            if isinstance(item, pytest.Function) and hasattr(item, "callspec"):
                shared = item.callspec.params.get("server")
                if shared is not None:
                    item.add_marker(pytest.mark.xdist_group(shared.name))


def started(configuration: Configuration) -> Iterator[Server]:
    """Run one configuration; skip, but fail in CI, where its program is missing or the machine refuses it."""
    with ExitStack() as stack:
        try:
            server = stack.enter_context(drivers.serving(configuration))
        except (Missing, drivers.Refused) as error:
            absent(str(error))
        yield server


@pytest.fixture(scope="session", params=CONFIGURATIONS, ids=lambda each: each.name.replace(" ", "-"))
def server(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The site, running under each server in turn."""
    yield from started(request.param)


@pytest.fixture(params=MORTALS, ids=lambda each: each.name.replace(" ", "-"))
def mortal(request: pytest.FixtureRequest) -> Iterator[Server]:
    """The site under each server that replaces its workers, started for one test that kills some."""
    yield from started(request.param)


@pytest.fixture(scope="session")
def truth_table() -> Iterator[Table]:
    """All comparisons of this session."""
    table = Table()
    yield table
    table.write()


@pytest.fixture
def truth(truth_table: Table, request: pytest.FixtureRequest) -> Truth:
    """Note one comparison: figure, unit, exported, independent."""
    name = "mortal" if "mortal" in request.fixturenames else "server"
    running: Server = request.getfixturevalue(name)

    def note(figure: str, unit: str, exported: float, independent: float) -> Row:
        return truth_table.add(running.configuration.name, figure, unit, exported, independent)

    return note
