"""Many things asked at once, drawn from an iterator so that memory does not grow with their number."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

Item = TypeVar("Item")


async def work_through(
    items: Iterable[Item],
    work: Callable[[Item], Awaitable[None]],
    workers: int,
    stop: Callable[[BaseException], None],
) -> None:
    """Run `work` on every item, `workers` at a time.

    At the first error, or when interrupted, `stop` is called once, no further item is started, and what is in flight is
    waited for: it is paid. Then the error is raised.
    """
    going = True

    def feed() -> Iterator[Item]:
        for item in items:
            if not going:
                return
            yield item

    waiting = feed()
    tasks = {asyncio.create_task(_worker(waiting, work)) for _ in range(workers)}
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    except BaseException as error:
        going = False
        stop(error)
        await asyncio.wait(tasks)
        for task in tasks:
            task.exception()  # the first one is raised, the others follow from it
        raise


async def _worker(waiting: Iterator[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    for item in waiting:
        await work(item)
