"""The end of a worker under uvicorn, which runs no exit handlers."""

import asyncio
import sys
from types import ModuleType

import pytest

from djmetrics import ends, guard


@pytest.fixture
def server(monkeypatch):
    """A stand-in for uvicorn's server, and the order in which things happen."""
    happened = []

    class Server:
        async def shutdown(self, sockets=None):
            happened.append(sockets)
            if sockets == "broken":
                raise KeyError
            return "done"

    module = ModuleType("uvicorn.server")
    module.Server = Server
    monkeypatch.setitem(sys.modules, "uvicorn.server", module)
    Server.happened = happened
    yield Server
    ends.forget()


def test_after_the_last_answer(server):
    """It is called once the server has shut down, whatever came of that; twice asked is once called."""
    ends.before(lambda: server.happened.append("finished"))
    ends.before(lambda: server.happened.append("finished"))
    assert asyncio.run(server().shutdown(sockets=[])) == "done"
    with pytest.raises(KeyError):
        asyncio.run(server().shutdown("broken"))
    assert server.happened == [[], "finished", "broken", "finished"]


def test_our_failure_is_ours(server, monkeypatch):
    """What fails in it does not keep the server from ending."""
    monkeypatch.setattr(guard, "strict", False)
    ends.before(lambda: 1 // 0)
    assert asyncio.run(server().shutdown()) == "done"


def test_undone(server):
    """Afterwards the server is as before."""
    before = server.shutdown
    ends.before(lambda: server.happened.append("finished"))
    ends.forget()
    assert server.shutdown is before


def test_elsewhere(monkeypatch):
    """Without uvicorn nothing is done."""
    monkeypatch.delitem(sys.modules, "uvicorn.server", raising=False)
    ends.before(lambda: None)
    ends.forget()
