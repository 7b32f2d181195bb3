"""Asking: nothing is bought twice, nothing is used before it is durable, a failed request is a row."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from potstill.errors import BadTeacher, BrokenWorld
from potstill.ledger.ledger import Ledger
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.ask import Teacher
from potstill.teacher.loop import run_async
from potstill.teacher.open import open_teacher
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings
from potstill.teacher.reply import Reply
from potstill.teacher.workers import ask_all

from .asking import Answer, ask, completion, make_run, question, serving, stats, texts


@pytest.fixture
def server() -> Iterator[str]:
    with start_practice(practice_settings("practice://skills?refused=0&truncated=0")) as base_url:
        yield base_url


def test_what_was_answered_is_never_asked_again(tmp_path: Path, server: str) -> None:
    run = make_run(tmp_path, server)
    asked = [question(f"Date: {day} March 2021", draws=2) for day in range(1, 20)]
    first = ask(run, *asked)
    again = ask(run, *asked)
    assert texts(again) == texts(first)
    assert stats(server)["requests"] == len(asked)
    assert all(reply.reused for draws in again for reply in draws)
    assert not any(reply.reused for draws in first for reply in draws)


def test_a_question_that_is_known_in_part_is_not_recalled(tmp_path: Path, server: str) -> None:
    run, known = make_run(tmp_path, server), []

    def recall(teacher: Teacher) -> None:
        known.extend(teacher.memory.recall([question("Date: 5 May 2020", draws=draws) for draws in (1, 2, 1)]))

    bought = ask(run, question("Date: 5 May 2020"), then=recall)
    assert [replies and [reply.text for reply in replies] for replies in known] == [
        texts(bought)[0],
        None,
        texts(bought)[0],
    ]


def test_more_draws_buy_only_the_new_ones(tmp_path: Path, server: str) -> None:
    run = make_run(tmp_path, server)
    four = ask(run, question("Date: 4 May 2020", draws=4))[0]
    eight = ask(run, question("Date: 4 May 2020", draws=8), then=lambda teacher: _sent(teacher, 1))[0]
    assert [reply.text for reply in eight[:4]] == [reply.text for reply in four]
    assert [reply.reused for reply in eight] == [True] * 4 + [False] * 4
    assert stats(server)["requests"] == 2


def _sent(teacher: Teacher, requests: int) -> None:
    assert teacher.tally.sent == requests


def test_the_same_question_in_flight_is_one_request(tmp_path: Path, server: str) -> None:
    replies = ask(make_run(tmp_path, server), *[question("Date: 4 May 2020")] * 20)
    assert len({draws[0].text for draws in replies}) == 1
    assert stats(server)["requests"] == 1


def test_a_server_that_moved_keeps_its_answers(tmp_path: Path) -> None:
    asked = question("Date: 4 May 2020")
    reused = []
    for _ in range(2):
        with start_practice(practice_settings("practice://skills")) as base_url:
            reused.append(ask(make_run(tmp_path, base_url, name=None), asked)[0][0].reused)
    assert reused == [False, True]


def test_a_reply_is_durable_before_it_is_handed_over(tmp_path: Path, server: str) -> None:
    run = make_run(tmp_path, server)

    def on_disk(key: str) -> bool:
        with sqlite3.connect(run.ledger) as other:
            return other.execute("SELECT 1 FROM draws WHERE key = ?", (bytes.fromhex(key),)).fetchone() is not None

    async def work() -> list[bool]:
        async with open_teacher(run, "generate") as teacher:
            return [on_disk((await teacher.ask(question(f"Date: {day} May 2020")))[0].key) for day in range(1, 9)]

    assert run_async(work()) == [True] * 8


def test_faults_are_tried_again_and_nothing_is_lost(tmp_path: Path) -> None:
    url = "practice://skills?fail_500=0.15&fail_429=0.15&fail_reset=0.1&fail_torn=0.1&refused=0&truncated=0&retry_after_s=0.01"
    run = make_run(tmp_path, url, price={"input": 1, "output": 1})
    found: list[int] = []
    replies = ask(
        run,
        *[question(f"Date: {day} May {year}") for day in range(1, 21) for year in range(2000, 2010)],
        then=lambda teacher: found.append(teacher.tally.sent),
    )
    assert {draws[0].status for draws in replies} == {"ok"}
    assert found[0] > 200
    with sqlite3.connect(run.ledger) as ledger:
        outcomes = dict(ledger.execute("SELECT outcome, count(*) FROM attempts GROUP BY outcome"))
        unsettled = {
            row[0] for row in ledger.execute("SELECT DISTINCT outcome FROM attempts WHERE settled = 0 AND usd > 0")
        }
    assert outcomes["ok"] == 200
    assert {"http_500", "http_429", "lost", "torn"} <= set(outcomes)
    assert unsettled == {"lost", "torn"}, "what may have been billed stays charged, what was not answered is not"


def test_a_request_that_never_succeeds_is_a_row(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potstill.teacher.retries.OUTAGE_S", 0)

    def answer(request: dict[str, Any], number: int) -> Answer:
        return (500, {}, b"down") if request["messages"][0]["content"] == "bad" else (200, {}, completion("fine"))

    with serving(answer) as (base_url, asked):
        good, bad = ask(make_run(tmp_path, base_url, attempts=2), question("good"), question("bad"))
    assert good[0].status == "ok"
    assert (bad[0].status, bad[0].text) == ("error:http_500", "")
    assert "500" in bad[0].error
    assert len(asked) == 3


def test_a_teacher_that_never_answers_is_given_up_after_three_requests(tmp_path: Path) -> None:
    with start_practice(practice_settings("practice://skills?fail_500=1&fail_times=999")) as base_url:
        with pytest.raises(BrokenWorld, match=r"has answered nothing yet; the last of 6 tries: .*500"):
            ask(make_run(tmp_path, base_url, attempts=2), *[question(f"Date: {day} May 2020") for day in range(1, 28)])
        assert stats(base_url)["requests"] == 6


def test_refused_and_cut_off_answers_have_their_own_status(tmp_path: Path) -> None:
    run = make_run(tmp_path, "practice://skills?refused=0.3&truncated=0.3&content_filter=0.2")
    replies = ask(run, *[question(f"Date: {day} May 2020") for day in range(1, 28)])
    assert {"ok", "refused", "truncated", "content_filter"} == {draws[0].status for draws in replies}


@pytest.mark.parametrize(
    ("teacher", "says"),
    [
        ({"base_url": "http://127.0.0.1:9/v1"}, "cannot be reached"),
        ({"model": "practice-2"}, "it has: practice-1"),
        ({"api_key_env": "POTSTILL_TEST_NO_SUCH_KEY"}, "POTSTILL_TEST_NO_SUCH_KEY is not set"),
    ],
)
def test_a_teacher_that_cannot_be_asked_is_found_out_for_nothing(
    tmp_path: Path, server: str, teacher: dict, says: str
) -> None:
    run = make_run(tmp_path, **{"base_url": server, **teacher})
    with pytest.raises(BadTeacher, match=says):
        ask(run, *[question(f"Date: {day} May 2020") for day in range(1, 9)])
    assert stats(server)["requests"] == 0


def test_a_parameter_that_the_model_refuses_costs_one_request(tmp_path: Path) -> None:
    with start_practice(practice_settings("practice://skills?unsupported=temperature")) as base_url:
        run = make_run(tmp_path, base_url)
        with pytest.raises(BrokenWorld, match="temperature"):
            ask(run, *[question(f"Date: {day} May 2020", temperature=0.5) for day in range(1, 28)])
        assert stats(base_url)["requests"] == 1


def test_no_key_reaches_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "practice-key"
    monkeypatch.setenv("POTSTILL_TEST_KEY", secret)
    with start_practice(practice_settings("practice://skills?require_key=1&fail_500=0.2")) as base_url:
        run = make_run(tmp_path, base_url, api_key_env="POTSTILL_TEST_KEY")
        replies = ask(run, *[question(f"Date: {day} May 2020") for day in range(1, 9)])
        assert {draws[0].status for draws in replies} <= {"ok", "refused", "truncated"}
        monkeypatch.setenv("POTSTILL_TEST_KEY", "sk-planted-and-wrong")
        with pytest.raises(BadTeacher) as told:
            ask(run, question("Date: 5 May 2021"))
    assert "sk-planted-and-wrong" not in str(told.value)
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert files
    assert not any(secret.encode() in path.read_bytes() or b"sk-planted" in path.read_bytes() for path in files)


KILLED = """
import asyncio, sys
sys.path.insert(0, sys.argv[1])
from asking import ask_until_killed
ask_until_killed(sys.argv[2], sys.argv[3])
"""


def test_after_a_kill_nothing_that_was_handed_over_is_asked_again(tmp_path: Path) -> None:
    with start_practice(practice_settings("practice://skills?latency_ms=5&refused=0&truncated=0")) as base_url:
        handed = _run_and_kill(tmp_path, base_url, after=400)
        before = stats(base_url)["requests"]
        run = make_run(tmp_path, base_url)
        replies = ask(run, *[question(f"Date: {number}") for number in range(3000)])
        reused = {draws[0].key for draws in replies if draws[0].reused}
        bought_again = before + sum(not draws[0].reused for draws in replies) - 3000
    assert len(handed) >= 400
    assert handed <= reused
    assert bought_again <= 2 * 16, "only what was in flight or on its way to the disk"


def _run_and_kill(folder: Path, base_url: str, after: int) -> set[str]:
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(folder), base_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        handed = [child.stdout.readline().strip() for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        handed += [line.strip() for line in child.stdout if len(line) == 65]
    time.sleep(0.2)  # what was in flight reaches the server before it is counted
    return set(handed)


@pytest.mark.parametrize(
    ("body", "status", "text"),
    [
        (completion([{"type": "text", "text": "in "}, {"type": "text", "text": "parts"}]), "ok", "in parts"),
        (completion(), "unparsable", ""),
        (completion(None), "unparsable", ""),
        (completion("lone \ud800 surrogate"), "ok", "lone ? surrogate"),
        (completion("a", usage=[1]), "ok", "a"),
        (completion("a", usage={"prompt_tokens": "n/a"}), "ok", "a"),
        (completion("a", usage={"prompt_tokens": 10**30, "completion_tokens": 1}), "ok", "a"),
        (
            completion("I'm sorry, I can't assist with that request."),
            "refused",
            "I'm sorry, I can't assist with that request.",
        ),
        (completion("I can't help but admire the plot."), "ok", "I can't help but admire the plot."),
    ],
)
def test_a_whole_reply_is_kept_however_strange_it_is(tmp_path: Path, body: bytes, status: str, text: str) -> None:
    with serving(lambda request, number: (200, {}, body)) as (base_url, asked):
        run = make_run(tmp_path, base_url, price={"input": 1, "output": 1, "cached_input": 0.5})
        for _ in range(2):
            (reply,) = ask(run, question("anything"))[0]
            assert (reply.status, reply.text) == (status, text)
            assert reply.usd > 0
    assert len(asked) == 1


@pytest.mark.parametrize("refuses", [True, False])
def test_a_server_that_gives_one_choice_at_a_time_fills_all_draws(tmp_path: Path, refuses: bool) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        if refuses and "n" in request:
            return 400, {}, b'{"error": {"message": "n must be 1"}}'
        return 200, {}, completion(f"answer with seed {request['seed']}")

    with serving(answer) as (base_url, asked):
        replies = ask(make_run(tmp_path, base_url), *[question(f"question {number}", draws=3) for number in range(4)])
    assert all({reply.status for reply in draws} == {"ok"} for draws in replies)
    assert all(len({reply.text for reply in draws}) == 3 for draws in replies), "each draw has a seed of its own"
    assert sum("n" in request for request in asked) <= 4


def test_the_cost_of_one_reply_is_shared_by_its_draws(tmp_path: Path) -> None:
    with serving(lambda request, number: (200, {}, completion(*"abc"))) as (base_url, _):
        run = make_run(tmp_path, base_url, price={"input": 1_000_000, "output": 1_000_000})
        (draws,) = ask(run, question("anything", draws=3))
    assert sum(reply.usd for reply in draws) == pytest.approx(10 + 15)
    assert sum(reply.input_tokens for reply in draws) == 10
    assert sum(reply.output_tokens for reply in draws) == 15


def test_a_server_that_repeats_the_key_does_not_get_it_into_the_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("POTSTILL_TEST_KEY", "sk-planted-secret")

    def answer(request: dict[str, Any], number: int) -> Answer:
        told = json.dumps({"error": {"message": f"you sent {request['authorization']}", "code": "odd"}}).encode()
        return (200, {}, completion("fine")) if number == 1 else (400, {}, told)

    with serving(answer) as (base_url, _):
        run = make_run(tmp_path, base_url, api_key_env="POTSTILL_TEST_KEY")
        replies = [draws[0] for draws in ask(run, question("one"), question("two"))]
    assert {reply.status for reply in replies} == {"ok", "error:odd"}
    assert not [reply for reply in replies if "sk-planted" in reply.error]
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"sk-planted" in path.read_bytes()]


@pytest.mark.parametrize(
    ("status", "headers", "error", "says"),
    [
        (429, {}, {"type": "insufficient_quota", "code": "project_spend_limit_exceeded"}, "quota is used up"),
        (402, {}, {"message": "Insufficient Balance"}, "quota is used up"),
        (429, {"retry-after": "86400"}, {"message": "tomorrow"}, "asks to wait 86,400 s"),
        (404, {}, {"code": "model_not_found"}, "teacher.model"),
        (400, {}, {"code": "unsupported_parameter", "param": "seed"}, "put `seeds: false` under `teacher:`"),
    ],
)
def test_what_would_fail_for_every_request_stops_the_run(
    tmp_path: Path, status: int, headers: dict[str, str], error: dict[str, str], says: str
) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        return (
            (200, {}, completion("fine")) if number <= 2 else (status, headers, json.dumps({"error": error}).encode())
        )

    with serving(answer) as (base_url, asked):
        run = make_run(tmp_path, base_url, concurrency=2)
        with pytest.raises(BrokenWorld, match=says):
            ask(run, *[question(f"question {number}") for number in range(40)])
    assert len(asked) <= 2 + 2 * 2
    with sqlite3.connect(run.ledger) as ledger:
        assert ledger.execute("SELECT count(*) FROM attempts").fetchone()[0] == len(asked), "what was sent is on record"


def test_one_prompt_too_long_or_forbidden_is_a_row(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        text = request["messages"][0]["content"]
        if text == "long":
            return 400, {}, b'{"error": {"code": "context_length_exceeded"}}'
        if text == "forbidden":
            return 403, {}, b'{"error": {"message": "your input was flagged"}}'
        return 200, {}, completion("fine")

    with serving(answer) as (base_url, _):
        replies = ask(
            make_run(tmp_path, base_url), *[question(text) for text in ("fine", "long", "forbidden", "fine too")]
        )
    assert [draws[0].status for draws in replies] == ["ok", "too_long", "error:403", "ok"]


def test_a_request_that_never_left_costs_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("potstill.teacher.traffic.traffic.LONGEST_WAIT_S", 0.5)

    async def work() -> tuple[float, float, dict[str, int]]:
        with serving(lambda request, number: (200, {"connection": "close"}, completion("fine"))) as (base_url, _):
            run = make_run(tmp_path, base_url, attempts=1, price={"input": 1, "output": 1})
            opened = open_teacher(run, "generate")
            teacher = await opened.__aenter__()
            await teacher.ask(question("one"))
            paid = teacher.tally.usd
        with pytest.raises(BrokenWorld, match="has taken no connection"):
            await teacher.ask(question("two"))  # the server is gone
        await opened.__aexit__(None, None, None)
        with Ledger(run.ledger) as ledger:
            return paid, ledger.bill("r").usd, dict(ledger.bill("r").outcomes)

    before, after, outcomes = run_async(work())
    assert before == after > 0
    assert outcomes == {"ok": 1, "unreached": 2}


def test_who_stops_waiting_does_not_stop_the_buyer(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        time.sleep(0.3)
        return 200, {}, completion("fine")

    async def work(run: Run) -> list[Reply]:
        async with open_teacher(run, "generate") as teacher:
            buyer = asyncio.create_task(teacher.ask(question("same")))
            await asyncio.sleep(0.1)
            waiter = asyncio.create_task(teacher.ask(question("same")))
            await asyncio.sleep(0.05)
            waiter.cancel()
            return await buyer

    with serving(answer) as (base_url, asked):
        (reply,) = run_async(work(make_run(tmp_path, base_url)))
    assert reply.text == "fine"
    assert len(asked) == 1


@pytest.mark.parametrize(
    ("key", "text"), [("token", "a token of 65 bytes"), ("sk-0123456789abcdef", "you sent (key), thank you")]
)
def test_a_key_is_struck_out_of_an_answer_and_a_mere_word_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str, text: str
) -> None:
    monkeypatch.setenv("POTSTILL_TEST_KEY", key)
    said = "a token of 65 bytes" if key == "token" else f"you sent {key}, thank you"
    with serving(lambda request, number: (200, {}, completion(said))) as (base_url, _):
        [[reply]] = ask(make_run(tmp_path, base_url, api_key_env="POTSTILL_TEST_KEY"), question("one"))
    assert reply.text == text


def test_the_screen_says_what_is_waited_for_while_nothing_comes_back(tmp_path: Path) -> None:
    notes: list[str] = []

    class Track:
        def advance(self, count: int = 1) -> None:
            notes.clear()

        def note(self, text: str) -> None:
            notes.append(text)

    class Listening(PlainScreen):
        @contextmanager
        def track(self, label: str, total: int, unit: str = "rows") -> Iterator[Track]:
            yield Track()

    said: list[str] = []

    def answer(request: dict[str, Any], number: int) -> Answer:
        if number == 2:
            return 429, {"retry-after": "1.5"}, b"{}"
        if number == 3:
            said.extend(notes)
        return 200, {}, completion("fine")

    async def work(run: Run) -> None:
        async with open_teacher(run, "generate") as teacher:

            async def one(number: int) -> None:
                await teacher.ask(question(f"question {number}"))

            await ask_all(teacher, range(2), one, Listening(), "asking", 2)

    with serving(answer) as (base_url, _):
        run_async(work(make_run(tmp_path, base_url, concurrency=1)))
    assert any("asks to wait" in note for note in said), said


def test_where_nothing_is_in_flight_nobody_is_told_of_what_is_paid(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    async def work(run: Run) -> None:
        async with open_teacher(run, "generate") as teacher:

            async def one(number: int) -> None:
                await teacher.ask(question(f"question {number}"))

            await ask_all(teacher, range(9), one, run.screen, "asking", 9)

    with serving(lambda request, number: (401, {}, b"{}")) as (base_url, _), pytest.raises(BrokenWorld):
        run_async(work(make_run(tmp_path, base_url, concurrency=4)))
    assert "stopping" not in capsys.readouterr().err
