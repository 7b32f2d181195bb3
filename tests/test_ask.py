"""Asking: nothing is bought twice, nothing is used before it is durable, a failed request is a row."""

import asyncio
import json
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from potstill.errors import BadTeacher, BrokenWorld
from potstill.ledger.key import Draw
from potstill.recipe import Recipe
from potstill.store.rows import conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.ask import Teacher
from potstill.teacher.loop import run_async
from potstill.teacher.open import open_teacher
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings
from potstill.teacher.reply import Question, Reply

OPTIONS = {"max_tokens": 64}


def make_run(folder: Path, base_url: str, **teacher: object) -> Run:
    section = {"base_url": base_url, "model": "practice-1", "attempts": 8, "name": "the teacher", **teacher}
    recipe = Recipe.model_validate({"name": "r", "teacher": section, "prompts": {"path": "practice://skills?rows=9"}})
    return Run(recipe, folder, folder / "runs" / "r", PlainScreen())


def ask(run: Run, *questions: Question, then: Callable[[Teacher], None] = lambda teacher: None) -> list[list[Reply]]:
    async def work() -> list[list[Reply]]:
        async with open_teacher(run, "generate") as teacher:
            replies = await asyncio.gather(*(teacher.ask(question) for question in questions))
            then(teacher)
            return replies

    return run_async(work())


def question(text: str, draws: int = 1, **options: object) -> Question:
    return Question(conversation(("user", text)), OPTIONS | options, [Draw(index=index) for index in range(draws)])


def stats(base_url: str) -> dict:
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as reply:
        return json.load(reply)


@pytest.fixture
def server() -> Iterator[str]:
    with start_practice(practice_settings("practice://skills?refused=0&truncated=0")) as base_url:
        yield base_url


def texts(replies: list[list[Reply]]) -> list[list[str]]:
    return [[reply.text for reply in draws] for draws in replies]


def test_what_was_answered_is_never_asked_again(tmp_path: Path, server: str) -> None:
    run = make_run(tmp_path, server)
    asked = [question(f"Date: {day} March 2021", draws=2) for day in range(1, 20)]
    first = ask(run, *asked)
    again = ask(run, *asked)
    assert texts(again) == texts(first)
    assert stats(server)["requests"] == len(asked)
    assert all(reply.reused for draws in again for reply in draws)
    assert not any(reply.reused for draws in first for reply in draws)


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


def test_a_request_that_never_succeeds_is_a_row(tmp_path: Path) -> None:
    run = make_run(tmp_path, "practice://skills?fail_500=1&fail_times=99", attempts=2)
    (reply,) = ask(run, question("Date: 4 May 2020"))[0]
    assert reply.status == "error:http_500"
    assert reply.text == ""
    assert "500" in reply.error


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
from test_ask import ask_until_killed
ask_until_killed(sys.argv[2], sys.argv[3])
"""


def ask_until_killed(folder: str, base_url: str) -> None:
    async def work() -> None:
        async with open_teacher(make_run(Path(folder), base_url, concurrency=16), "generate") as teacher:

            async def one(number: int) -> None:
                (reply,) = await teacher.ask(question(f"Date: {number}"))
                sys.stdout.write(reply.key + "\n")
                sys.stdout.flush()

            await asyncio.gather(*map(one, range(3000)))

    run_async(work())


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
    assert bought_again <= 2 * 16, "only what was in flight at the instant"


def _run_and_kill(folder: Path, base_url: str, after: int) -> set[str]:
    command = [sys.executable, "-c", KILLED, str(Path(__file__).parent), str(folder), base_url]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        assert child.stdout is not None
        handed = [child.stdout.readline().strip() for _ in range(after)]
        child.send_signal(signal.SIGKILL)
        handed += [line.strip() for line in child.stdout if len(line) == 65]
    time.sleep(0.2)  # what was in flight reaches the server before it is counted
    return set(handed)
