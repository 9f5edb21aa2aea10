"""The end of a worker process, for servers that end it without running Python's exit handlers."""

import sys
from collections.abc import Callable
from typing import Any

from . import guard
from .patching import Patches

_patches = Patches("the end of a worker")


def before(finish: Callable[[], None]) -> None:
    """Call ``finish`` when the server of this process has answered its last request.

    Only uvicorn needs it: once it has stopped by itself it sends itself the signal that made it stop, which ends the
    process there and then. It has no seam for that but the lifespan protocol, which Django does not speak.
    """
    server = getattr(sys.modules.get("uvicorn.server"), "Server", None)
    if server is not None:
        _patches.replace(server, "shutdown", lambda original: _followed(original, finish))


def forget() -> None:
    """Undo ``before``."""
    _patches.restore()


def _followed(original: Callable[..., Any], finish: Callable[[], None]) -> Callable[..., Any]:
    async def shutdown(*args: Any, **kwargs: Any) -> Any:
        try:
            return await original(*args, **kwargs)
        finally:
            try:
                finish()
            except Exception:
                guard.failed("ends.uvicorn")

    return shutdown
