"""A teacher that goes away, or says 5xx, for seconds or for good: what is waited for, what is a row, what ends the run."""

import asyncio
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web

from potstill.errors import BrokenWorld
from potstill.teacher.ask import Teacher
from potstill.teacher.loop import run_async
from potstill.teacher.open import open_teacher

from .asking import ask as ask_run
from .asking import completion, make_run, question, serving
from .replicas import Server, servers


async def fine(request: web.Request) -> web.StreamResponse:
    return web.Response(body=completion("fine"))


async def statuses_of(teacher: Teacher, numbers: Iterable[int]) -> list[str]:
    """What becomes of questions that are asked at once."""
    asking = (teacher.ask(question(f"question {number}")) for number in numbers)
    return [reply.status for [reply] in await asyncio.gather(*asking)]


def through_an_outage(run_in: Path, seconds: float, concurrency: int) -> list[str]:
    """What 40 questions bring whose teacher takes no connection for some seconds, after 20 that it has answered."""

    async def work() -> list[str]:
        async with servers(fine) as ([server], _):
            run = make_run(run_in, server.base_url, concurrency=concurrency, attempts=2)
            async with open_teacher(run, "generate") as teacher:
                before = await statuses_of(teacher, range(20))
                await server.down()
                up = asyncio.create_task(_up_after(server, seconds))
                try:
                    return before + await statuses_of(teacher, range(20, 60))
                finally:
                    up.cancel()

    return run_async(work())


async def _up_after(server: Server, seconds: float) -> None:
    await asyncio.sleep(seconds)
    await server.up()


@pytest.mark.parametrize("concurrency", [1, 8])
def test_while_the_teacher_takes_no_connection_it_is_waited_for_and_no_row_is_lost(
    tmp_path: Path, concurrency: int
) -> None:
    assert through_an_outage(tmp_path, 2.5, concurrency) == ["ok"] * 60


def test_a_teacher_that_is_gone_for_long_ends_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potstill.teacher.traffic.traffic.LONGEST_WAIT_S", 0.9)
    with pytest.raises(BrokenWorld, match="has taken no connection; run again"):
        through_an_outage(tmp_path, 1e3, 8)


def test_whether_it_is_gone_for_long_the_last_try_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potstill.teacher.traffic.traffic.LONGEST_WAIT_S", 0.9)
    assert through_an_outage(tmp_path, 0.5, 8) == ["ok"] * 60, "it is tried after 1 s, and is there again"


def stumbling(from_number: int, seconds: float) -> Callable[[dict[str, Any], int], Any]:
    """A server that answers 500 to the questions from a number on, for some seconds."""
    failed: list[float] = []

    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, str], bytes]:
        if int(request["messages"][-1]["content"].split()[-1]) < from_number:
            return 200, {}, completion("fine")
        failed.append(time.monotonic())
        well = failed[-1] > failed[0] + seconds
        return (200, {}, completion("fine")) if well else (500, {}, b"cannot")

    return answer


def asked_of(tmp_path: Path, answer: Callable[[dict[str, Any], int], Any], **teacher: object) -> list[str]:
    with serving(answer) as (base_url, _):
        run = make_run(tmp_path, base_url, **{"concurrency": 8, "attempts": 2, **teacher})
        return [reply.status for [reply] in ask_run(run, *(question(f"question {number}") for number in range(60)))]


def test_seconds_of_5xx_cost_no_row(tmp_path: Path) -> None:
    assert asked_of(tmp_path, stumbling(20, 1.5)) == ["ok"] * 60


def test_prompts_that_the_teacher_stumbles_over_are_rows_and_no_outage(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("potstill.teacher.retries.OUTAGE_S", 0.5)
    assert asked_of(tmp_path, stumbling(52, 1e3)) == ["ok"] * 52 + ["error:http_500"] * 8


def test_one_torn_answer_after_seconds_of_5xx_costs_no_row(tmp_path: Path) -> None:
    stumbles, torn = stumbling(20, 1.5), set[str]()

    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, str], bytes]:
        status, headers, body = stumbles(request, number)
        asked = request["messages"][-1]["content"]
        if status != 200 or asked in torn:
            return status, headers, body
        torn.add(asked)
        return status, headers, body[:20]

    assert asked_of(tmp_path, answer) == ["ok"] * 60


def test_a_teacher_that_says_nothing_but_5xx_for_long_ends_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("potstill.teacher.buying.LONGEST_WAIT_S", 0.9)
    with pytest.raises(BrokenWorld, match=r"has answered nothing; the last that it said: .* answered 500"):
        asked_of(tmp_path, stumbling(20, 1e3))


def test_who_answers_others_meanwhile_is_asked_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potstill.teacher.buying.LONGEST_WAIT_S", 0.9)
    monkeypatch.setattr("potstill.teacher.retries.OUTAGE_S", 0.5)
    bad = {5, 15, 25}

    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, str], bytes]:
        if int(request["messages"][-1]["content"].split()[-1]) in bad:
            return 500, {}, b"cannot"
        time.sleep(0.3)
        return 200, {}, completion("fine")

    statuses = asked_of(tmp_path, answer)
    assert statuses == ["error:http_500" if number in bad else "ok" for number in range(60)]


@pytest.mark.parametrize(("status", "failed"), [(500, "error:http_500"), (200, "error:torn")])
def test_what_is_left_of_a_run_may_be_what_the_teacher_cannot_answer(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: int, failed: str
) -> None:
    monkeypatch.setattr("potstill.teacher.retries.OUTAGE_S", 0.1)
    stumbles = stumbling(52, 1e3)

    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, str], bytes]:
        told = stumbles(request, number)
        return told if told[0] == 200 else (status, *told[1:])

    expected = ["ok"] * 52 + [failed] * 8
    assert [asked_of(tmp_path, answer) for _ in range(2)] == [expected] * 2


def test_another_teacher_of_the_same_run_has_to_answer_first(tmp_path: Path) -> None:
    asked_of(tmp_path, stumbling(60, 0))
    with pytest.raises(BrokenWorld, match="has answered nothing yet; the last of 6 tries"):
        asked_of(tmp_path, stumbling(0, 1e3), name="another")


async def _cannot(request: web.Request) -> web.StreamResponse:
    return web.Response(status=503, body=b"loading")


def test_who_never_answered_and_takes_no_connection_is_not_waited_for(tmp_path: Path) -> None:
    async def work() -> None:
        cannot = asyncio.Event()

        async def answer(request: web.Request) -> web.StreamResponse:
            cannot.set()
            return await _cannot(request)

        async with servers(answer) as ([server], _):
            run = make_run(tmp_path, server.base_url, attempts=2)
            async with open_teacher(run, "generate") as teacher:
                asking = asyncio.create_task(teacher.ask(question("one")))
                await cannot.wait()
                await server.down()
                await asyncio.wait_for(asking, 30)

    with pytest.raises(BrokenWorld, match="has answered nothing yet"):
        run_async(work())


def test_a_replica_that_is_gone_costs_no_row_a_try(tmp_path: Path) -> None:
    async def work() -> list[str]:
        async with servers(fine, fine) as ((first, second), _):
            run = make_run(tmp_path, first.base_url, replicas=[second.base_url], concurrency=8, attempts=1)
            async with open_teacher(run, "generate") as teacher:
                await teacher.ask(question("one"))
                await first.down()
                return await statuses_of(teacher, range(60))

    assert run_async(work()) == ["ok"] * 60


def test_while_one_replica_is_gone_the_other_is_not_waited_for_for_ever(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("potstill.teacher.buying.LONGEST_WAIT_S", 2.5)
    monkeypatch.setattr("potstill.teacher.traffic.replica.LEFT_OUT_MOST_S", 1.0)
    busy = False

    async def answer(request: web.Request) -> web.StreamResponse:
        return web.Response(status=429, body=b"later") if busy else await fine(request)

    async def work() -> None:
        nonlocal busy
        async with servers(fine, answer) as ((first, second), _):
            run = make_run(tmp_path, first.base_url, replicas=[second.base_url], concurrency=2)
            async with open_teacher(run, "generate") as teacher:
                await teacher.ask(question("one"))
                busy = True
                await first.down()
                await asyncio.wait_for(statuses_of(teacher, range(8)), 30)

    with pytest.raises(BrokenWorld, match=r"has answered nothing; the last that it said: .* answered 429"):
        run_async(work())


def test_while_one_replica_is_gone_and_the_other_says_5xx_no_row_is_lost(tmp_path: Path) -> None:
    bad_until = 0.0

    async def stumble(request: web.Request) -> web.StreamResponse:
        return await (_cannot if time.monotonic() < bad_until else fine)(request)

    async def work() -> list[str]:
        nonlocal bad_until
        async with servers(fine, stumble) as ((first, second), _):
            run = make_run(tmp_path, first.base_url, replicas=[second.base_url], concurrency=8, attempts=4)
            async with open_teacher(run, "generate") as teacher:
                statuses = await statuses_of(teacher, range(20))
                await first.down()
                statuses += await statuses_of(teacher, range(20, 40))
                bad_until = time.monotonic() + 2
                return statuses + await statuses_of(teacher, range(40, 100))

    assert run_async(work()) == ["ok"] * 100
