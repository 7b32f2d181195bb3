"""Many things asked at once, drawn from an iterator so that memory does not grow with their number."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

from ..errors import BrokenWorld, PotstillError
from ..store.screen import Screen, Track
from .ask import Teacher

Item = TypeVar("Item")
SECONDS_BETWEEN_NOTES = 0.25


async def ask_all(
    teacher: Teacher,
    items: Iterable[Item],
    ask: Callable[[Item], Awaitable[None]],
    screen: Screen,
    label: str,
    total: int,
    unit: str = "prompts",
) -> None:
    """Run `ask` on every item, with progress and money on the screen.

    At the first error, or when interrupted, nothing more is sent; what is in flight is waited for, because it is paid.
    """

    def stop(error: BaseException) -> None:
        teacher.halt(error if isinstance(error, PotstillError) else BrokenWorld("the run was stopped"))
        if sent := teacher.in_flight:
            screen.line(f"stopping: what is in flight ({sent:,}) is paid and will be kept; Ctrl-C leaves it behind")

    with screen.track(label, total, unit) as track:

        async def ask_one(item: Item) -> None:
            await ask(item)
            track.advance()

        telling = asyncio.create_task(_tell(track, teacher))
        # Twice as many workers as places: the next question is ready when a reply is still being written down.
        try:
            await work_through(items, ask_one, 2 * teacher.concurrency, stop)
        finally:
            telling.cancel()
            track.note(_note(teacher))


async def _tell(track: Track, teacher: Teacher) -> None:
    """Say how it goes also while nothing comes back: that is when somebody wants to know why."""
    while True:
        track.note(_note(teacher))
        await asyncio.sleep(SECONDS_BETWEEN_NOTES)


def _note(teacher: Teacher) -> str:
    tally, slowed_by = teacher.tally, teacher.slowed_by
    told = f"{tally.sent:,} sent, {tally.reused:,} reused, {tally.failed:,} failed, ${tally.usd:,.2f}"
    return f"{told}; {slowed_by}" if slowed_by else told


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
    for task in tasks:
        task.add_done_callback(_hear)
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    except BaseException as error:
        going = False
        stop(error)
        try:
            await asyncio.wait(tasks)
        except (
            asyncio.CancelledError
        ):  # an error was being waited out: the first Ctrl-C is no reason to lose what is paid
            await asyncio.wait(tasks)
        raise


def _hear(task: "asyncio.Task[None]") -> None:
    """The first error is raised by whoever waits; the others follow from it, and nobody asks for them."""
    if not task.cancelled():
        task.exception()


async def _worker(waiting: Iterator[Item], work: Callable[[Item], Awaitable[None]]) -> None:
    for item in waiting:
        await work(item)
        await asyncio.sleep(0)  # what the ledger answers never waits: without this nobody could interrupt a replay
