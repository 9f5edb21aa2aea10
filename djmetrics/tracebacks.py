"""Exceptions on their way through us: they leave with the traceback that they would have without us."""

import sys

# Past what the site's class makes of it.
_traceback = vars(BaseException)["__traceback__"]


def passed(error: BaseException) -> type[BaseException]:
    """Take the caller's frame out of the traceback of ``error``, which it caught and is about to raise again.

    For the wrappers of what is timed: they are in the way of every exception of a site, and who reads a log, a page
    or a task's result has no use for them. A bare ``raise`` does not add the frame anew. Returns the exception's class.

    The frames below still lead to the caller's, which lives as long as they do, and ``traceback.clear_frames``, as in
    ``assertRaises``, no longer finds it. So the caller deletes its arguments before it raises.
    """
    traceback = _traceback.__get__(error)
    if traceback is not None and traceback.tb_frame is sys._getframe(1):
        _traceback.__set__(error, traceback.tb_next)
    return type(error)
