"""The site for WSGI servers, with a line in SITE_LOG about each answer's body as the server gets it."""

import io
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from django.core.wsgi import get_wsgi_application

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "tests.servers.site.settings")

_site = get_wsgi_application()


def application(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
    """Pass the request on, and note whether the server got an open file that it may leave to the kernel."""
    body = _site(environ, start_response)
    if environ["PATH_INFO"] == "/file/":
        # gunicorn's wrapper keeps the file in `filelike`; uWSGI's and mod_wsgi's hand on the file, or hide it.
        wrapper = environ.get("wsgi.file_wrapper")
        inner = getattr(body, "filelike", body)
        is_file = isinstance(inner, io.BufferedReader)
        is_wrapped = isinstance(wrapper, type) and isinstance(body, wrapper)
        kind = f"{type(body).__module__}.{type(body).__name__}"
        with Path(os.environ["SITE_LOG"]).open("a") as log:
            log.write(f"{kind} {is_file} {is_wrapped} {bool(wrapper)}\n")
    return body
