"""Hooks for gunicorn. In ``gunicorn.conf.py``: ``from djmetrics.gunicorn import *``, and nothing else to set.

A site that has hooks of its own under one of these names calls ours from them::

    from djmetrics import gunicorn as djmetrics_hooks
    from djmetrics.gunicorn import *

    def child_exit(server, worker):
        djmetrics_hooks.child_exit(server, worker)
        ...  # the site's own

The master chooses the folder for the workers' figures when it starts, and removes it when it ends; the
workers get it through the environment. It stays the same through reloads (HUP) and binary upgrades (USR2), so
that no counter falls.
"""

import os
import sys
from pathlib import Path
from typing import Any

from . import folders, workers

__all__ = ["child_exit", "on_exit", "on_reload", "on_starting", "post_worker_init", "pre_exec"]


def on_starting(server: Any) -> None:
    """Choose the folder, clean what earlier servers left, and tell the workers through the environment."""
    uid, gid = server.cfg.uid, server.cfg.gid
    given = workers.given_folder()
    if given is None or folders.is_private(given):
        # An upgraded master (USR2) finds the private folder of the one before it in its environment.
        key = given.name if given else folders.process_key(os.getpid())
        folder = folders.private_folder(key, uid, gid)
    else:
        folders.clean_if_idle(given)
        folder = folders.given_folder(given, uid, gid)
    if folder is not None:
        os.environ[workers.ENVIRONMENT] = str(folder)


def on_reload(server: Any) -> None:
    """Choose the folder if our line came into the configuration file while the server ran."""
    if workers.ENVIRONMENT not in os.environ:
        on_starting(server)


def pre_exec(server: Any) -> None:
    """Hand the folder to the new master of a binary upgrade: for a while, both masters' workers answer."""
    if folder := os.environ.get(workers.ENVIRONMENT):
        server.cfg.env_orig[workers.ENVIRONMENT] = folder


def post_worker_init(worker: Any) -> None:
    """Say that this process serves requests, so that METRICS_PORT opens before the first of them."""
    runtime = sys.modules.get("djmetrics.runtime")  # absent: our line is here, but the app is not in the site
    if runtime is not None:
        runtime.serving()


def child_exit(server: Any, worker: Any) -> None:
    """Let prometheus_client forget a dead worker's gauges, where the site uses its multiprocess mode.

    Our own files need nothing: the next worker takes the dead one's place.
    """
    if os.environ.get(workers.PROMETHEUS_ENVIRONMENT):
        from prometheus_client import multiprocess  # not at the top: the master needs it only here

        multiprocess.mark_process_dead(worker.pid)


def on_exit(server: Any) -> None:
    """Remove the folder if we chose it and nobody else, such as an upgraded master, is in it."""
    folder = Path(os.environ.get(workers.ENVIRONMENT, ""))
    if folders.is_private(folder):
        folders.release(folder)
        folders.remove_if_idle(folder)
