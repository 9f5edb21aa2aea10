"""What exceptions are called."""

_CEILING = 1000

_error_names: dict[type[BaseException], str] = {}
_exit_code = vars(SystemExit)["code"].__get__
_qualname = vars(type)["__qualname__"].__get__
_module = vars(type)["__module__"].__get__

mro = vars(type)["__mro__"].__get__
"""A class and its bases, past its metaclass."""


def error_name(error: type[BaseException] | None) -> str:
    """``error.type`` as the conventions want it: the class's full name, without a module if it is Python's own.

    Read past the class's metaclass, which may say anything.
    """
    if error is None:
        return ""
    known = type(error) is type  # else to look it up would run code of its metaclass
    if known and error in _error_names:
        return _error_names[error]
    module, name = _module(error), _qualname(error)
    name = str.__str__(name)  # a class may be named by a subclass of str
    full = f"{module}.{name}" if type(module) is str and module != "builtins" else name
    if known:
        if len(_error_names) >= _CEILING:
            _error_names.clear()
        _error_names[error] = full
    return full


def is_normal_exit(error: BaseException) -> bool:
    """Whether it ends the process as one that succeeded: ``sys.exit()``, ``sys.exit(0)``."""
    if not issubclass(type(error), SystemExit):
        return False
    code = _exit_code(error)
    return code is None or (type(code) in (int, bool) and code == 0)
