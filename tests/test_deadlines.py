"""Deadlines: who waits long enough is not given up, who hangs costs one floor, and a wrong estimate mends itself."""

import asyncio
import math
import random
from collections.abc import Callable

import pytest

from potstill.teacher.traffic.deadlines import Deadlines, Latencies
from potstill.teacher.traffic.pace import Limits
from potstill.teacher.traffic.traffic import Traffic
from potstill.teacher.transport import TransportError, Wire


def test_the_quantile_is_right_to_the_width_of_a_bin() -> None:
    chance, seen = random.Random(1), Latencies()
    sample = sorted(math.exp(1.5 * chance.gauss(0, 1)) for _ in range(20_000))
    for seconds in sample:
        seen.add(seconds)
    exact = sample[int(0.99 * len(sample))]
    assert exact <= seen.p99() <= 1.2 * exact


def test_before_there_are_a_hundred_replies_ten_times_the_longest_is_waited_for() -> None:
    seen = Latencies()
    assert seen.patience(60) == 60
    for seconds in range(1, 100):
        seen.add(seconds)
    assert seen.patience(60) == 990
    seen.add(2.0)
    assert seen.patience(60) == pytest.approx(4 * 99, rel=0.1)


def test_each_output_cap_has_its_own_patience() -> None:
    deadlines = Deadlines(5)
    for _ in range(200):
        deadlines.answered(8000, 100.0)
        deadlines.answered(10, 0.1)
    assert deadlines.patience(10) == 5
    assert 400 <= deadlines.patience(8000) <= 440


def replay(floor: float, requests: int, latency: Callable[[random.Random], float], width: int) -> int:
    """Requests given up in virtual time, `width` at once, judged as the sweeper judges them: once a second."""
    chance, seen = random.Random(2), Latencies()
    in_flight: list[tuple[float, float]] = []
    now, given_up, sent = 0.0, 0, 0
    while sent < requests or in_flight:
        while len(in_flight) < width and sent < requests:
            in_flight.append((now, now + latency(chance)))
            sent += 1
        for started, ends in [one for one in in_flight if one[1] <= now]:
            seen.add(ends - started)
        in_flight = [one for one in in_flight if one[1] > now]
        old = [one for one in in_flight if now - one[0] > seen.patience(floor)]
        for started, _ in old:
            seen.add(now - started)
        given_up += len(old)
        in_flight = [one for one in in_flight if one not in old]
        now += 1.0
    return given_up


def test_uneven_answers_are_not_given_up() -> None:
    given_up = replay(60, 10_000, lambda chance: math.exp(1.5 * chance.gauss(0, 1)), 64)
    assert given_up / 10_000 <= 0.001


def test_patience_that_was_too_short_grows_by_itself() -> None:
    given_up = replay(5, 2000, lambda chance: 30 + chance.random(), 64)
    assert given_up <= 128


class Hanging:
    """Answers after 5 ms, and one in a hundred never."""

    where = "a host"

    def __init__(self) -> None:
        self.sent = 0

    async def send(self, operation: str, body: bytes) -> Wire:
        self.sent += 1
        await asyncio.sleep(1e6 if self.sent % 100 == 50 else 0.005)
        return Wire(200, {}, b"{}", 0.005)


def test_what_hangs_is_given_up_after_the_floor_all_at_once() -> None:
    async def work() -> tuple[list[TransportError], float]:
        traffic, errors = Traffic([Hanging()], Limits(concurrency=64, deadline_s=0.5)), []

        async def one() -> None:
            place = await traffic.place(100, 50)
            try:
                await place.send("chat", b"")
            except TransportError as error:
                errors.append(error)
            finally:
                place.leave()

        started = asyncio.get_running_loop().time()
        await asyncio.gather(*(one() for _ in range(2000)))
        return errors, asyncio.get_running_loop().time() - started

    errors, seconds = asyncio.run(work())
    assert len(errors) == 20
    assert all(error.reached and "no answer in" in str(error) for error in errors)
    assert seconds < 0.5 * 20 / 2  # one after the other they would take more than 10 s


def test_it_is_said_when_a_request_has_used_up_half_its_patience() -> None:
    async def work() -> list[str]:
        deadlines = Deadlines(60.0)
        nothing = deadlines.overdue(100.0)
        for _ in range(200):
            deadlines.answered(50, 20.0)
        deadlines.watch(50, 100.0)
        deadlines.watch(50, 120.0)
        return [nothing, *(deadlines.overdue(now) for now in (139.0, 150.0))]

    nothing, soon, late = asyncio.run(work())
    assert (nothing, soon) == ("", ""), "others have taken 20 s, a few take twice that"
    assert late.startswith("the oldest request is 50 s old, and is given up after 8")


def test_who_gives_up_the_request_is_not_told_of_a_deadline() -> None:
    async def work() -> None:
        traffic = Traffic([Hanging()], Limits(concurrency=1, deadline_s=60))
        place = await traffic.place(100, 50)
        async with asyncio.timeout(0.1):
            try:
                for _ in range(100):
                    await place.send("chat", b"")
            finally:
                place.leave()

    with pytest.raises(TimeoutError):
        asyncio.run(work())
