"""Free ports on loopback."""

import socket
from collections.abc import Callable


def is_free(port: int) -> bool:
    """Whether a server could listen on 127.0.0.1 at ``port`` now."""
    with socket.socket() as tried:
        # As servers do it: a connection that is still being closed keeps nobody out.
        tried.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            tried.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def choose(wanted: int, what: str, say: Callable[[str], None]) -> int:
    """``wanted`` if it is free, else one that the system picks, and ``say`` which."""
    if is_free(wanted):
        return wanted
    with socket.socket() as tried:
        tried.bind(("127.0.0.1", 0))
        port: int = tried.getsockname()[1]
    say(f"Port {wanted} is taken: {what} uses {port}.")
    return port
