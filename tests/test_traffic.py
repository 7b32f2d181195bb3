"""Traffic: first come, first served, over replicas that come and go, and no slot is ever lost."""

import asyncio
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from potstill.errors import BrokenWorld
from potstill.teacher.loop import run_async
from potstill.teacher.traffic.pace import Limits, Pace
from potstill.teacher.traffic.replica import Replica
from potstill.teacher.traffic.stated import Permitted
from potstill.teacher.traffic.traffic import Traffic
from potstill.teacher.transport import TransportError, Wire

from .asking import ask as ask_run
from .asking import completion, make_run, question, serving, texts
from .replicas import Answer, servers


def after(seconds: float) -> Answer:
    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(seconds)
        return web.Response(body=b"{}")

    return answer


async def ask(traffic: Traffic, operation: str = "chat") -> Wire:
    """One request, tried until it is answered, as a buyer does it."""
    for attempt in range(200):
        place = await traffic.place(100, 50)
        try:
            wire = await place.send(operation, b"{}")
            if wire.status == 200:
                return wire
        except TransportError:
            pass
        finally:
            place.leave()
        await asyncio.sleep(min(0.01 * 2**attempt, 0.2))
    raise AssertionError("never answered")


def test_each_operation_has_its_address_and_the_key_is_struck_out() -> None:
    async def complain(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"your key sk-secret", status=400)

    async def work() -> tuple[list[str], Wire]:
        async with servers(complain) as ((server,), (transport,)):
            await transport.send("chat", b"{}")
            wire = await transport.send("completions", b"{}")
            return server.paths, wire

    paths, wire = run_async(work())
    assert paths == ["/v1/chat/completions", "/v1/completions"]
    assert (wire.status, wire.body) == (400, b"your key (key)")


def test_a_request_that_never_left_says_so_and_a_cut_one_does_not() -> None:
    async def cut(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        request.transport.abort()
        return web.Response()

    async def work() -> list[bool]:
        reached = []
        async with servers(cut) as ((server,), (transport,)):
            for _ in range(2):
                with pytest.raises(TransportError) as caught:
                    await transport.send("chat", b"{}")
                reached.append(caught.value.reached)
                await server.down()
        return reached

    assert run_async(work()) == [True, False]


def test_a_replica_that_dies_loses_nothing_and_comes_back() -> None:
    async def work() -> tuple[int, int, int, int]:
        async with servers(after(0.005), after(0.005)) as ((first, second), transports):
            traffic = Traffic(transports, Limits(concurrency=16))
            await asyncio.gather(*(ask(traffic) for _ in range(100)))
            before = len(first.paths), len(second.paths)
            await first.down()
            replies = await asyncio.gather(*(ask(traffic) for _ in range(200)))
            took_over = len(second.paths) - before[1]
            await first.up()
            while len(first.paths) <= before[0] + 20:  # it is tried again, then used like the other
                replies += await asyncio.gather(*(ask(traffic) for _ in range(20)))
            return before[0], before[1], took_over, sum(reply.status != 200 for reply in replies)

    first, second, took_over, bad = run_async(work())
    assert min(first, second) >= 30
    assert took_over >= 200
    assert bad == 0


def test_the_replica_with_fewer_in_flight_gets_the_next() -> None:
    async def work() -> tuple[int, int]:
        async with servers(after(0.2), after(0.01)) as ((slow, fast), transports):
            traffic = Traffic(transports, Limits(concurrency=8))
            await ask(traffic)
            await asyncio.gather(*(ask(traffic) for _ in range(150)))
            return len(slow.paths), len(fast.paths)

    slow, fast = run_async(work())
    assert slow + fast == 151
    assert fast > 2 * slow


class Hanging:
    where = "a host"

    async def send(self, operation: str, body: bytes) -> Wire:
        await asyncio.sleep(1e6)
        raise AssertionError


class Instant:
    where = "a host"

    async def send(self, operation: str, body: bytes) -> Wire:
        return Wire(200, {}, b"", 0.0)


def test_while_one_replica_wants_to_be_left_alone_another_that_was_gone_is_tried() -> None:
    class Script(Instant):
        """Answers with these statuses, then 200; None: takes no connection."""

        def __init__(self, where: str, *statuses: int | None) -> None:
            self.where, self.statuses, self.asked = where, list(statuses), 0

        async def send(self, operation: str, body: bytes) -> Wire:
            self.asked += 1
            status = self.statuses.pop(0) if self.statuses else 200
            if status is None:
                raise TransportError("no connection", reached=False)
            return Wire(status, {"retry-after": "500"} if status == 429 else {}, b"", 0.0)

    async def work() -> tuple[int, int]:
        busy, gone = Script("busy", 200, 429, 503, 503, 503), Script("gone", 200, None)
        traffic = Traffic([busy, gone], Limits(concurrency=10))
        places = [await traffic.place(100, 50) for _ in range(10)]
        for transport, requests in ((busy, 5), (gone, 2)):
            for place in [place for place in places if place.replica.transport is transport][:requests]:
                with suppress(TransportError):
                    await place.send("chat", b"{}")
        asked = busy.asked
        for place in places:
            place.leave()
        assert (await ask(traffic)).status == 200
        return busy.asked - asked, gone.asked

    later, of_gone = asyncio.run(asyncio.wait_for(work(), 60))
    assert (later, of_gone) == (0, 3)


def test_a_failing_replica_is_left_out_longer_and_longer_and_tried_with_one_request() -> None:
    replica = Replica(Instant(), Pace(Limits(8)))
    replica.failed(0.0, reached=True)
    replica.failed(0.0, reached=True)
    assert not replica.left_out
    replica.failed(0.0, reached=True)
    waits, now = [], 0.0
    for _ in range(8):
        waits.append(replica.ready_at(now) - now)
        now = replica.ready_at(now)
        replica.taken()
        assert replica.ready_at(now) == float("inf")  # on trial: no second one
        replica.failed(now, reached=True)
    assert waits == [1, 2, 4, 8, 16, 32, 60, 60]
    replica.well()
    assert replica.ready_at(now) <= now


def test_what_replicas_permit_is_added_up_over_those_that_have_answered() -> None:
    said = {"X-RateLimit-Limit-Requests": "6000", "X-RateLimit-Remaining-Requests": "5999"}

    async def answer(request: web.Request) -> web.StreamResponse:
        await asyncio.sleep(0.01)
        return web.Response(body=b"{}", headers={**said, "X-RateLimit-Reset-Requests": "10ms"})

    async def work() -> list[Permitted]:
        async with servers(answer, answer) as (_, transports):
            traffic = Traffic(transports, Limits(concurrency=2))
            found = [traffic.permitted]
            await ask(traffic)
            found.append(traffic.permitted)
            await asyncio.gather(ask(traffic), ask(traffic))
            return [*found, traffic.permitted]

    assert run_async(work()) == [Permitted(), Permitted(6000), Permitted(12000)]


def test_a_request_that_is_sent_makes_room_for_the_next() -> None:
    async def work() -> int:
        async with servers(after(1)) as ((server,), transports):
            traffic = Traffic(transports, Limits(concurrency=64, requests_per_minute=180))

            async def ask_slowly() -> None:
                place = await traffic.place(100, 50)
                await asyncio.sleep(0.02)  # as long as the disk takes
                try:
                    await place.send("chat", b"")
                finally:
                    place.leave()

            asking = [asyncio.create_task(ask_slowly()) for _ in range(20)]
            await asyncio.sleep(0.9)
            for task in asking:
                task.cancel()
            await asyncio.gather(*asking, return_exceptions=True)
            return len(server.paths)

    assert run_async(work()) >= 2, "no answer was there yet; of 180 a minute one at a time may wait for the disk"


def test_when_every_replica_is_out_the_least_bad_is_tried() -> None:
    async def work() -> list[int]:
        async with servers(after(0), after(0)) as ((first, second), transports):
            traffic = Traffic(transports, Limits(concurrency=4))
            await first.down()
            await second.down()
            for _ in range(6):
                place = await traffic.place(100, 50)
                with pytest.raises(TransportError):
                    await place.send("chat", b"")
                place.leave()
            assert traffic.slowed_by == f"failing: {first.where}, {second.where}"
            await first.up()
            await second.up()
            statuses = [(await ask(traffic)).status for _ in range(20)]
            assert traffic.slowed_by.count("127.0.0.1") <= 1, "whoever answers is no longer named"
            return statuses

    assert run_async(work()) == [200] * 20


def test_what_has_a_place_and_is_not_sent_is_not_in_flight() -> None:
    async def work() -> list[int]:
        traffic = Traffic([Hanging()], Limits(concurrency=2))
        place = await traffic.place(100, 50)
        before = traffic.in_flight
        sending = asyncio.create_task(place.send("chat", b""))
        await asyncio.sleep(0)
        during = traffic.in_flight
        sending.cancel()
        await asyncio.gather(sending, return_exceptions=True)
        return [before, during, traffic.in_flight]

    assert run_async(work()) == [0, 1, 0]


def test_there_are_never_more_in_flight_than_there_are_slots() -> None:
    inside, most = 0, 0

    async def answer(request: web.Request) -> web.StreamResponse:
        nonlocal inside, most
        inside += 1
        most = max(most, inside)
        await asyncio.sleep(0.005)
        inside -= 1
        return web.Response(body=b"{}")

    async def work() -> None:
        async with servers(answer, answer) as (_, transports):
            traffic = Traffic(transports, Limits(concurrency=6))
            await asyncio.gather(*(ask(traffic) for _ in range(200)))

    run_async(work())
    assert 3 <= most <= 6


def test_places_are_given_in_the_order_of_asking() -> None:
    async def work() -> list[int]:
        traffic, order = Traffic([Instant()], Limits(concurrency=1)), []

        async def one(number: int) -> None:
            place = await traffic.place(100, 50)
            order.append(number)
            await asyncio.sleep(0)
            place.leave()

        await asyncio.gather(*(one(number) for number in range(50)))
        return order

    assert run_async(work()) == list(range(50))


def test_who_stops_waiting_or_sending_leaks_no_slot() -> None:
    async def work() -> None:
        async with servers(after(0.02)) as (_, transports):
            traffic = Traffic(transports, Limits(concurrency=4))
            await ask(traffic)
            for moment in range(30):
                tasks = [asyncio.create_task(ask(traffic)) for _ in range(12)]
                await asyncio.sleep(0.001 * moment)
                for task in tasks:
                    task.cancel()
                await asyncio.gather(*tasks, return_exceptions=True)
            places = [await asyncio.wait_for(traffic.place(100, 50), 2) for _ in range(4)]
            for place in places:
                place.leave()
                place.leave()
            replies = await asyncio.wait_for(asyncio.gather(*(ask(traffic) for _ in range(20))), 10)
            assert len(replies) == 20

    run_async(work())


def test_a_place_given_at_the_moment_of_cancelling_goes_to_the_next() -> None:
    async def work() -> None:
        traffic = Traffic([Instant()], Limits(concurrency=1))
        held = await traffic.place(100, 50)
        first, second = (asyncio.create_task(traffic.place(100, 50)) for _ in range(2))
        await asyncio.sleep(0)
        held.leave()
        first.cancel()
        place = await asyncio.wait_for(second, 2)
        place.leave()
        assert first.cancelled()

    run_async(work())


def test_retry_after_holds_everybody_back_and_no_slot() -> None:
    sent: list[float] = []
    refused = asyncio.Event()

    async def answer(request: web.Request) -> web.StreamResponse:
        sent.append(time.monotonic())
        if len(sent) == 3:
            refused.set()
            return web.Response(status=429, headers={"Retry-After-Ms": "300"})
        return web.Response(body=b"{}")

    async def work() -> str:
        async with servers(answer) as (_, transports):
            traffic = Traffic(transports, Limits(concurrency=2))
            for _ in range(2):
                await ask(traffic)
            limited = asyncio.create_task(ask(traffic))
            await refused.wait()
            await asyncio.sleep(0.05)
            others = [asyncio.create_task(ask(traffic)) for _ in range(5)]
            await asyncio.sleep(0.05)
            told = traffic.slowed_by
            await asyncio.gather(limited, *others)
            return told

    told = run_async(work())
    assert len(sent) == 2 + 1 + 6
    assert sent[3] - sent[2] >= 0.299
    assert "Retry-After" in told


def used_up(reset: str) -> Answer:
    said = {"limit": "600", "remaining": "0", "reset": reset}

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(body=b"{}", headers={f"X-RateLimit-{name}-Requests": told for name, told in said.items()})

    return answer


def test_where_nothing_is_left_for_hours_nobody_waits() -> None:
    async def work() -> list[BaseException | Wire]:
        async with servers(used_up("6h0m0s")) as (_, transports):
            traffic = Traffic(transports, Limits(concurrency=1))
            return await asyncio.gather(*(ask(traffic) for _ in range(4)), return_exceptions=True)

    first, *others = run_async(work())
    assert isinstance(first, Wire)
    assert {type(other) for other in others} == {BrokenWorld}
    assert {str(other)[:36] for other in others} <= {
        "the teacher asks to wait 21,600 s be",
        "the teacher asks to wait 21,599 s be",
    }


def test_a_run_stops_where_nothing_is_left_for_hours_and_keeps_what_was_answered(tmp_path: Path) -> None:
    left = {"x-ratelimit-limit-requests": "600", "x-ratelimit-reset-requests": "6h0m0s"}

    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, str], bytes]:
        return 200, left | {"x-ratelimit-remaining-requests": str(max(0, 3 - number))}, completion("fine")

    questions = [question(f"question {number}") for number in range(20)]
    with serving(answer) as (base_url, asked):
        run = make_run(tmp_path, base_url, concurrency=1)
        with pytest.raises(BrokenWorld, match="asks to wait 21,"):
            ask_run(run, *questions)
        assert len(asked) == 3
        assert texts(ask_run(run, *questions[:3])) == [["fine"]] * 3
        assert len(asked) == 3


def test_another_replica_goes_on_where_one_is_used_up() -> None:
    async def work() -> list[int]:
        async with servers(used_up("6h0m0s"), after(0.01)) as (every, transports):
            traffic = Traffic(transports, Limits(concurrency=4))
            await asyncio.gather(*(ask(traffic) for _ in range(40)))
            return [len(server.paths) for server in every]

    used, other = run_async(work())
    assert used + other == 40
    assert used <= 4


def test_who_waits_is_told_why_no_place_will_come() -> None:
    async def work() -> list[BaseException | object]:
        traffic = Traffic([Instant()], Limits(concurrency=1))
        held = await traffic.place(100, 50)
        waiting = [asyncio.create_task(traffic.place(100, 50)) for _ in range(3)]
        await asyncio.sleep(0)
        traffic.halt(ValueError("the key is wrong"))
        held.leave()
        return list(await asyncio.gather(*waiting, traffic.place(100, 50), return_exceptions=True))

    assert [str(error) for error in run_async(work())] == ["the key is wrong"] * 4
