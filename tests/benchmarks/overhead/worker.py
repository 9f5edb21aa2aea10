"""One process with one contender; it makes requests when it is told to on its standard input.

``make ENDPOINT TIMES`` answers the CPU nanoseconds per request, of the whole process; ``recorded`` answers running
totals of what the contender recorded. Each answer is a line of JSON.
"""

import gc
import importlib
import json
import os
import sys
import time
from typing import Any

from .contenders import CONTENDERS, Contender, set_files_folder
from .endpoints import ENDPOINTS, Caller, caller

APPLICATION = f"{__package__}.application"


def make_handler(contender: Contender, interface: str, middlewares: bool) -> Any:
    """Set Django up with ``contender`` in it, and return the handler that a server would be given."""
    settings = importlib.import_module(f"{APPLICATION}.settings")
    if not middlewares:
        settings.MIDDLEWARE = []
    contender.before_setup(settings)
    os.environ["DJANGO_SETTINGS_MODULE"] = settings.__name__
    import django

    django.setup()
    contender.after_setup()
    core = importlib.import_module(f"django.core.{interface}")
    return getattr(core, f"get_{interface}_application")()


def cpu_per_request(call: Caller, times: int, contender: Contender) -> float:
    """The CPU nanoseconds of this process, all its threads together, for each of ``times`` requests."""
    started = time.process_time_ns()
    call(times)
    contender.settle()
    return (time.process_time_ns() - started) / times


def main(name: str, folder: str, endpoints: list[str]) -> None:
    """Obey until the input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anyone prints is no answer
    contender = CONTENDERS[name]
    set_files_folder(contender, folder)
    first = ENDPOINTS[endpoints[0]]
    handler = make_handler(contender, first.interface, first.middlewares)

    data = importlib.import_module(f"{APPLICATION}.data")
    data.create_tables()
    data.create_rows()
    session = data.log_in()
    callers = {each: caller(handler, ENDPOINTS[each], session) for each in endpoints}
    print(json.dumps("ready"), file=answers, flush=True)

    for line in sys.stdin:
        command, *arguments = line.split()
        if command == "make":
            answer: Any = cpu_per_request(callers[arguments[0]], int(arguments[1]), contender)
        else:
            answer = contender.recorded()
            gc.collect()
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
