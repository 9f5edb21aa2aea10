"""The servers that the site runs under, and how each is started."""

import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from .drivers import ROOT, WORKERS, Command, Configuration, tool

HERE = Path(__file__).parent
WSGI = "tests.servers.site.wsgi"
ASGI = "tests.servers.site.asgi"


def gunicorn(*options: str, app: str = WSGI, conf: str = "gunicorn_with.py") -> Command:
    """gunicorn with our line in its configuration, unless ``conf`` says otherwise."""

    def command(port: int, folder: Path) -> Sequence[str]:
        return [
            # Not `python -m gunicorn`: an upgraded master would run that module's file, beside which lies an `http`.
            *(str(tool("gunicorn")), "--config", str(HERE / conf), "--bind", f"127.0.0.1:{port}"),
            *("--workers", str(WORKERS), "--no-control-socket", "--graceful-timeout", "2"),
            *options,
            f"{app}:application",
        ]

    return command


def module(name: str, *options: str) -> Command:
    """A server that is started as a Python module; ``{port}`` stands for the port."""

    def command(port: int, folder: Path) -> Sequence[str]:
        return [sys.executable, "-m", name, *(option.format(port=port) for option in options)]

    return command


def uwsgi(*options: str) -> Command:
    """uWSGI, its own program or the one in the wheel."""

    def command(port: int, folder: Path) -> Sequence[str]:
        return [
            *(str(tool("uwsgi")), "--http-socket", f"127.0.0.1:{port}"),
            *("--virtualenv", sys.prefix, "--pythonpath", str(ROOT), "--module", f"{WSGI}:application"),
            *("--master", "--processes", str(WORKERS), "--threads", "2", "--die-on-term", "--need-app"),
            *("--worker-reload-mercy", "5", "--reload-mercy", "5"),
            *options,
        ]

    return command


def mod_wsgi(port: int, folder: Path) -> Sequence[str]:
    """Apache with mod_wsgi in daemon mode."""
    return [
        *(str(tool("mod_wsgi-express")), "start-server", "--port", str(port), "--host", "127.0.0.1"),
        *("--server-root", str(folder / "apache"), "--processes", str(WORKERS), "--threads", "4"),
        *("--python-path", str(ROOT), "--working-directory", str(folder), "--application-type", "module"),
        "--log-to-terminal",
        *("--setenv", "SITE_FILE", str(folder / "file.bin")),
        *("--setenv", "SITE_LOG", str(folder / "site.log")),
        WSGI,
    ]


CONFIGURATIONS = (
    Configuration("gunicorn sync", gunicorn()),
    Configuration("gunicorn gthread", gunicorn("--worker-class", "gthread", "--threads", "4")),
    Configuration("gunicorn gevent", gunicorn("--worker-class", "gevent")),
    Configuration(
        "gunicorn uvicorn",
        gunicorn("--worker-class", "uvicorn_worker.UvicornWorker", app=ASGI),
        interface="asgi",
    ),
    Configuration("gunicorn preload", gunicorn("--preload")),
    Configuration("gunicorn recycling", gunicorn("--max-requests", "9", "--max-requests-jitter", "4")),
    Configuration("gunicorn without our line", gunicorn(conf="gunicorn_without.py")),
    Configuration(
        "gunicorn with PROMETHEUS_MULTIPROC_DIR", gunicorn(), env={"PROMETHEUS_MULTIPROC_DIR": "{folder}"}
    ),
    Configuration(
        "uvicorn",
        module("uvicorn", "--port", "{port}", "--lifespan", "off", f"{ASGI}:application"),
        workers=1,
        interface="asgi",
    ),
    Configuration(
        "uvicorn workers",
        module(
            *("uvicorn", "--port", "{port}", "--workers", str(WORKERS), "--lifespan", "off"),
            f"{ASGI}:application",
        ),
        interface="asgi",
    ),
    Configuration(
        "hypercorn",
        module("hypercorn", "--bind", "127.0.0.1:{port}", "--workers", str(WORKERS), f"{ASGI}:application"),
        interface="asgi",
        respawns=False,
    ),
    Configuration(
        "daphne",
        module("daphne", "--port", "{port}", "--bind", "127.0.0.1", f"{ASGI}:application"),
        workers=1,
        interface="asgi",
    ),
    Configuration(
        "granian wsgi",
        module(
            *("granian", "--interface", "wsgi", "--port", "{port}", "--workers", str(WORKERS)),
            f"{WSGI}:application",
        ),
        respawns=False,
    ),
    Configuration(
        "granian asgi",
        module(
            *("granian", "--interface", "asginl", "--port", "{port}", "--workers", str(WORKERS)),
            f"{ASGI}:application",
        ),
        interface="asgi",
        respawns=False,
    ),
    Configuration("uwsgi prefork", uwsgi(), stop=signal.SIGINT, program="uwsgi"),
    Configuration("uwsgi lazy-apps", uwsgi("--lazy-apps"), stop=signal.SIGINT, program="uwsgi"),
    Configuration("apache mod_wsgi", mod_wsgi, program="mod_wsgi-express", refuses_root=True),
)
