"""A site in a process of its own, which calls ``sentry_sdk.init`` itself: the SDK's integrations patch for good.

It reads from its stdin, as JSON, the DSN, the options for ``init``, djmetrics's settings and the code to run.
"""

import asyncio
import json
import subprocess
import sys
from typing import Any


def run(dsn: str, code: str, *, init: dict[str, Any] | None, settings: dict[str, Any] | None = None) -> str:
    """Run ``code`` in such a process and return what it printed. ``init`` None: the site calls no ``init``."""
    arguments = json.dumps([dsn, init, settings or {}, code])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-m", "tests.exporters.sentry.elsewhere"],
        input=arguments,  # not as arguments: the SDK sends those
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def _main() -> None:
    dsn, init, chosen, code = json.loads(sys.stdin.read())
    import sentry_sdk
    from django.conf import settings

    if init is not None:
        late = init.pop("late", False)
        if integrations := init.pop("integrations", None):
            from sentry_sdk.integrations.django import DjangoIntegration
            from sentry_sdk.integrations.logging import LoggingIntegration

            known = {"django": DjangoIntegration, "logging": LoggingIntegration}
            init["integrations"] = [known[each]() for each in integrations]
        if not late:
            sentry_sdk.init(dsn, **init)
    import logging

    import django

    from tests import settings as site

    plain = {name: getattr(site, name) for name in dir(site) if name.isupper()}
    logging.disable(logging.CRITICAL) if init and "integrations" not in init else None
    settings.configure(
        **{
            **plain,
            "ROOT_URLCONF": "tests.exporters.sentry.site",
            "DJMETRICS": {"SENTRY": chosen},
        }
    )
    django.setup()
    from django.core.wsgi import get_wsgi_application
    from django.test import RequestFactory

    application = get_wsgi_application()

    def get(path: str, **headers: str) -> bytes:
        """Ask as a WSGI server would, to the last byte."""
        environ = {**RequestFactory().get(path).environ, **headers}
        answer = application(environ, lambda *args: None)
        try:
            return b"".join(answer)
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def get_async(path: str) -> None:
        """Ask as an ASGI server would."""
        from django.core.asgi import get_asgi_application
        from django.test import AsyncRequestFactory

        scope = {**AsyncRequestFactory().get(path).scope, "type": "http"}
        asked = iter([{"type": "http.request", "body": b"", "more_body": False}])

        async def receive() -> dict[str, Any]:
            for each in asked:
                return each
            await asyncio.sleep(60)
            return {"type": "http.disconnect"}

        async def send(message: Any) -> None:
            pass

        asyncio.run(get_asgi_application()(scope, receive, send))

    exec(code, {"get": get, "get_async": get_async, "sentry_sdk": sentry_sdk, "dsn": dsn, "init": init})
    from djmetrics import units

    units.flush()  # a stream that nobody closed is reported with the next request, or here
    sentry_sdk.flush()


if __name__ == "__main__":
    _main()
