"""The process in which mathematics is compared: one line of JSON in, one out. Started by `maths.py`.

An answer such as `9^9^9^9` keeps sympy busy for ever, in one step that no signal interrupts; the kernel ends this process
after `SECONDS` of computing, and never sooner because the machine has other work.
"""

import logging
import resource
import sys
from functools import lru_cache
from typing import Any

import orjson

from .final import final_part

SECONDS = 5
"""Seconds of computing for one comparison."""

GIGABYTES = 4
"""Memory at most."""


def compare(answer: str, reference: str) -> tuple[str, str]:
    """The verdict on an answer (`right`, `wrong`, `unparsable`) and its reason."""
    from math_verify import verify

    wanted = _read(reference)
    if not wanted:
        return "unparsable", "the reference has no mathematical expression that can be read"
    given = _read(answer)
    if not given:
        return "wrong", "there is no mathematical expression in it"
    # Without its own limit in time, which is a signal: this process has one that holds.
    if verify(wanted, given, timeout_seconds=None):
        return "right", ""
    return "wrong", f"{_short(given)} where {_short(wanted)} was expected"


@lru_cache(256)
def _read(text: str) -> list[Any]:
    """The expression that a text ends in and how it is written; empty where there is none."""
    from math_verify import parse

    found = parse(final_part(text), parsing_timeout=None)  # type: ignore[arg-type] - None is what its words call for
    return found if len(found) == 2 else []  # the text alone: it looked like one and could not be read


def _short(found: list[Any]) -> str:
    written = str(found[1])
    return written if len(written) <= 60 else f"{written[:57]}…"


def _more_time() -> None:
    """Allow `SECONDS` beyond what this process has used; whoever uses them up is killed."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    _limit(resource.RLIMIT_CPU, int(used.ru_utime + used.ru_stime) + SECONDS + 1)


def _limit(what: int, most: int) -> None:
    _, hard = resource.getrlimit(what)
    resource.setrlimit(what, (most if hard == resource.RLIM_INFINITY else min(most, hard), hard))


def main() -> None:
    """Answer every line of standard input until it ends."""
    import math_verify  # noqa: F401 - imported before the first comparison's time begins
    from sympy.core import random as chance

    logging.disable(logging.WARNING)  # that its own limits are off is meant
    _limit(resource.RLIMIT_AS, GIGABYTES * 2**30)
    for line in sys.stdin.buffer:
        _more_time()
        chance.seed(0)  # sympy tries equalities at points that it draws
        try:
            verdict = compare(*orjson.loads(line))
        except (MemoryError, RecursionError, OverflowError) as error:
            verdict = "unparsable", f"too large to compare ({type(error).__name__})"
        sys.stdout.buffer.write(orjson.dumps(verdict) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
