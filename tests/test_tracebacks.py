"""Exceptions that pass our wrappers."""

from traceback import extract_tb
from typing import Any

import pytest

from djmetrics.tracebacks import passed


class Veiled(LookupError):
    """Its class has ideas of its own about tracebacks."""

    @property
    def __traceback__(self) -> Any:
        raise AssertionError("asked")

    @__traceback__.setter
    def __traceback__(self, value: Any) -> None:
        raise AssertionError("set")


def fail(error: BaseException) -> None:
    raise error


kinds: list[type[BaseException]] = []


def wrapper(error: BaseException, function: Any = fail) -> None:
    try:
        function(error)
    except BaseException as caught:
        kinds.append(passed(caught))
        raise


def frames_of(error: BaseException) -> list[str]:
    return [each.name for each in extract_tb(BaseException.__dict__["__traceback__"].__get__(error))]


def left_by(*call: Any) -> list[str]:
    """The frames of what leaves a call, below this one."""
    try:
        call[0](*call[1:])
    except BaseException as error:
        return frames_of(error)[1:]
    return []


@pytest.mark.parametrize("error", [LookupError(), KeyboardInterrupt(), Veiled()], ids=repr)
def test_leaves_out_the_frame_that_caught_it(error):
    assert left_by(wrapper, error) == ["fail"]
    assert kinds[-1] is type(error)


def test_leaves_out_one_frame_for_each_wrapper():
    """One around the other, and again where an exception is raised a second time."""
    error = LookupError()
    assert left_by(wrapper, error, wrapper) == ["fail"]
    assert left_by(wrapper, error, wrapper) == ["fail", "left_by", "fail"]


def test_leaves_the_frames_of_others():
    """A failure of what a wrapper does itself is told where it was."""

    def helper(error: BaseException) -> None:
        passed(error)

    def broken(error: BaseException) -> None:
        try:
            fail(error)
        except LookupError as caught:
            helper(caught)
            raise

    assert left_by(broken, LookupError()) == ["broken", "fail"]


def test_a_traceback_that_was_taken_away():
    error = LookupError()
    assert passed(error) is LookupError
    assert error.__traceback__ is None


def test_what_is_called_in_a_wrong_way():
    """Without a wrapper that would fail where it was called."""
    assert left_by(wrapper, TypeError(), lambda: None) == []
