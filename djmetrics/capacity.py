"""How many requests a worker process can serve at once, where its server says so.

As with the shared folder, the server is told by what it leaves in the process. A server of coroutines or greenlets has
no such number.
"""

import sys
from typing import Any

from . import workers


def capacity() -> int:
    """The requests that this process can serve at once; 0 where nothing says how many."""
    return _uwsgi() or _mod_wsgi() or _gunicorn()


def _uwsgi() -> int:
    server: Any = sys.modules.get("uwsgi")
    options = getattr(server, "opt", None)
    if not isinstance(options, dict) or {"async", "gevent", "asyncio"} & set(options):
        return 0
    try:
        return int(options.get("threads", 1))
    except (TypeError, ValueError):
        return 0


def _mod_wsgi() -> int:
    """Only inside Apache's processes is there a group."""
    server: Any = sys.modules.get("mod_wsgi")
    if getattr(server, "process_group", None) is None:
        return 0
    return int(getattr(server, "threads_per_process", 0))


def _gunicorn() -> int:
    worker = workers.gunicorn_worker()
    if worker is None:
        return 0
    kinds = {base.__module__ for base in type(worker).__mro__}
    if "gunicorn.workers.gthread" in kinds:
        return int(worker.cfg.threads)
    return 1 if "gunicorn.workers.sync" in kinds else 0
