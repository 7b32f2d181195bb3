"""The one event loop of a command: uvloop where there is one."""

import asyncio
import gc
import signal
import sys
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

Result = TypeVar("Result")


def run_async(work: Coroutine[Any, Any, Result]) -> Result:
    """Run a coroutine to its end, on uvloop where the platform has it.

    Ctrl-C cancels the work, which may finish what is in flight; a second one leaves at once.
    """
    ended = False

    async def main() -> Result:
        task = asyncio.current_task()

        def end() -> None:
            nonlocal ended
            ended = True
            if task is not None:
                task.cancel()

        for number in _endings():
            asyncio.get_running_loop().add_signal_handler(number, end)
        return await work

    with _set_for_requests():
        try:
            return _run(main())
        except asyncio.CancelledError:
            if ended:
                raise KeyboardInterrupt from None
            raise


def _run(work: Coroutine[Any, Any, Result]) -> Result:
    if sys.platform == "win32":
        return asyncio.run(work)
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(work)


def _endings() -> list[int]:
    """What a scheduler, a container or a lost terminal sends: it ends the work as Ctrl-C does, and what is in flight is kept.

    One that our parent has told us to ignore (`nohup`) stays ignored.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        return []
    return [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) != signal.SIG_IGN]


@contextmanager
def _set_for_requests() -> Iterator[None]:
    """The interpreter's settings while many requests are in flight.

    They make many objects that die young and hardly any cycles: to look for cycles after every 700 objects, among all that
    the imported packages keep, costs a fifth of a request's CPU. And the ledger's thread has to get its turn soon: until it
    has written an answer down, a kill loses it.
    """
    collecting, switching = gc.get_threshold(), sys.getswitchinterval()
    gc.freeze()
    gc.set_threshold(20_000, 20, 100)
    sys.setswitchinterval(0.0005)
    try:
        yield
    finally:
        sys.setswitchinterval(switching)
        gc.set_threshold(*collecting)
        gc.unfreeze()
