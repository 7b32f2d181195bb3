"""Teachers that behave unlike the book: what they do costs no more than it must, and nothing that was paid is lost."""

import asyncio
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import yaml

from potstill.errors import BadRecipe, BadTeacher, BrokenWorld
from potstill.ledger.ledger import Ledger
from potstill.store.run import Run
from potstill.teacher.loop import run_async
from potstill.teacher.open import open_teacher
from potstill.teacher.reply import Reply
from potstill.teacher.traffic.deadlines import Deadlines

from .asking import Answer, ask, completion, make_run, question, serving

PRICE = {"input": 1.0, "output": 1.0}


def capped(run: Run, **budget: float) -> Run:
    recipe = run.recipe.model_copy(update={"budget": run.recipe.budget.model_copy(update=budget)})
    return Run(recipe, run.home, run.folder, run.screen)


def bill(run: Run) -> dict[str, int]:
    with Ledger(run.ledger) as ledger:
        return dict(ledger.bill("r").outcomes)


def test_an_error_that_travels_as_200_is_what_it_says_and_costs_nothing(tmp_path: Path) -> None:
    told = {"error": {"code": 402, "message": "Insufficient credits"}}

    def answer(request: dict[str, Any], number: int) -> Answer:
        return (200, {}, completion("fine")) if number == 1 else (200, {}, json.dumps(told).encode())

    with serving(answer) as (base_url, asked):
        run = make_run(tmp_path, base_url, price=PRICE, concurrency=1)
        with pytest.raises(BrokenWorld, match="Insufficient credits"):
            ask(run, question("one"), question("two"))
    assert len(asked) == 2
    with Ledger(run.ledger) as ledger:
        assert ledger.bill("r").usd == pytest.approx(15e-6)


def test_a_first_prompt_that_the_teacher_stumbles_over_does_not_end_the_run(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        bad = "number 0" in request["messages"][-1]["content"]
        return (500, {}, b"cannot") if bad else (200, {}, completion("fine"))

    with serving(answer) as (base_url, _):
        run = make_run(tmp_path, base_url, concurrency=4, attempts=2)
        replies = ask(run, *(question(f"number {number}") for number in range(9)))
    assert [draws[0].status for draws in replies] == ["error:http_500"] + ["ok"] * 8


def test_a_teacher_that_has_moved_is_not_followed_to_a_login_page(tmp_path: Path) -> None:
    moved = (302, {"location": "https://login.example/"}, b"")
    told = pytest.raises(BrokenWorld, match=r"it sends us to https://login\.example/")
    with serving(lambda request, number: moved) as (base_url, asked), told:
        ask(make_run(tmp_path, base_url), question("one"))
    assert len(asked) == 1


def test_one_reply_without_choices_does_not_make_every_prompt_cost_n_times(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        text = request["messages"][0]["content"]
        if text == "strange" and "n" in request:
            return 400, {}, b'{"error": {"message": "not now"}}'
        return 200, {}, completion(*["fine"] * request.get("n", 1))

    async def work(run: Run) -> None:
        async with open_teacher(run, "generate") as teacher:
            for text in ("one", "strange", "two", "three"):
                await teacher.ask(question(text, draws=4))

    with serving(answer) as (base_url, asked):
        run_async(work(make_run(tmp_path, base_url)))
    assert [request.get("n", 1) for request in asked] == [4, 4, 1, 1, 1, 1, 4, 4]


@pytest.mark.parametrize("finish", [{"type": "stop"}, 7, ["stop"]])
def test_a_finish_reason_that_is_no_text_is_kept_as_one(tmp_path: Path, finish: object) -> None:
    body = {"choices": [{"index": 0, "message": {"content": "fine"}, "finish_reason": finish}]}
    with serving(lambda request, number: (200, {}, json.dumps(body).encode())) as (base_url, _):
        [[reply]] = ask(make_run(tmp_path, base_url), question("one"))
    assert (reply.status, reply.finish_reason) == ("truncated", json.dumps(finish))


def test_a_context_that_is_too_short_is_known_by_its_words_too(tmp_path: Path) -> None:
    said = {"error": {"message": "This model's maximum context length is 256 tokens", "code": 400}}

    def answer(request: dict[str, Any], number: int) -> Answer:
        return (200, {}, completion("fine")) if number == 1 else (400, {}, json.dumps(said).encode())

    with serving(answer) as (base_url, asked):
        [_, draws] = ask(make_run(tmp_path, base_url, concurrency=1), question("one"), question("long", draws=4))
    assert {reply.status for reply in draws} == {"too_long"}
    assert len(asked) == 2, "the number of choices is not to blame"


def test_a_budget_is_not_trusted_to_a_teacher_that_ignores_the_output_cap(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        return 200, {}, completion("fine", usage={"prompt_tokens": 10, "completion_tokens": 5000})

    with serving(answer) as (base_url, asked):
        run = make_run(tmp_path, base_url, price=PRICE, concurrency=2)
        ask(run, *[question(f"free {number}") for number in range(9)])
        before = len(asked)
        with pytest.raises(BrokenWorld, match="does not keep the output cap: 5,000 output tokens where 64"):
            ask(capped(run, usd=1.0), *[question(f"capped {number}") for number in range(40)])
    assert before == 9, "without a budget nothing is at stake"
    assert len(asked) <= before + 1 + 2


def test_a_cap_in_dollars_needs_a_price(tmp_path: Path) -> None:
    told = pytest.raises(BadRecipe, match=r"budget\.usd.*taken to cost nothing")
    with serving(lambda request, number: (200, {}, completion("fine"))) as (base_url, asked), told:
        ask(capped(make_run(tmp_path, base_url), usd=1.0), question("one"))
    assert not asked


@pytest.mark.parametrize("key", ["sk-planted-first\nsk-planted-second", "sk-planted and more", "sk-plänted"])
def test_a_key_that_holds_more_than_a_key_is_refused_without_being_shown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, key: str
) -> None:
    monkeypatch.setenv("POTSTILL_TEST_KEY", key)
    refused = pytest.raises(BadTeacher, match="POTSTILL_TEST_KEY holds more than a key")
    with serving(lambda request, number: (200, {}, completion("fine"))) as (base_url, asked), refused as told:
        ask(make_run(tmp_path, base_url, api_key_env="POTSTILL_TEST_KEY"), question("one"))
    assert "pl" not in str(told.value).replace("place", "")
    assert not asked


def test_whoever_asks_the_same_gets_it_though_the_first_to_ask_gave_up(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        time.sleep(0.3)
        return 200, {}, completion("fine")

    async def work(run: Run) -> list[Reply]:
        async with open_teacher(run, "generate") as teacher:
            first = asyncio.create_task(teacher.ask(question("same")))
            await asyncio.sleep(0.1)
            other = asyncio.create_task(teacher.ask(question("same")))
            await asyncio.sleep(0)
            first.cancel()
            return await other

    with serving(answer) as (base_url, asked):
        run = make_run(tmp_path, base_url)
        [reply] = run_async(work(run))
    assert reply.text == "fine"
    assert len(asked) == 1
    assert bill(run) == {"ok": 1}


def test_what_nobody_waits_for_any_more_is_still_kept(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        time.sleep(0.3)
        return 200, {}, completion("fine")

    async def work(run: Run) -> None:
        async with open_teacher(run, "generate") as teacher:
            asking = asyncio.create_task(teacher.ask(question("same")))
            await asyncio.sleep(0.1)
            asking.cancel()

    with serving(answer) as (base_url, _):
        run = make_run(tmp_path, base_url)
        run_async(work(run))
    assert bill(run) == {"ok": 1}


def test_a_wave_of_long_answers_is_not_given_up_because_the_first_was_short() -> None:
    async def work() -> int:
        deadlines = Deadlines(floor=0.2)
        deadlines.answered(100, 0.01)
        given_up = 0

        async def one() -> None:
            nonlocal given_up
            scope = deadlines.watch(100, asyncio.get_running_loop().time())
            try:
                async with scope:
                    await asyncio.sleep(0.6)
            except TimeoutError:
                given_up += 1
            finally:
                deadlines.leave(scope)

        await asyncio.gather(*(one() for _ in range(32)))
        return given_up

    assert asyncio.run(work()) <= 1


def test_a_larger_cap_begins_with_the_patience_that_a_smaller_one_has_earned() -> None:
    deadlines = Deadlines(floor=1.0)
    assert deadlines.patience(400) == 1.0
    for _ in range(200):
        deadlines.answered(100, 2.0)
    assert deadlines.patience(400) >= 4 * deadlines.patience(100) >= 8.0


def test_waiting_for_room_does_not_keep_the_disk_busy(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        time.sleep(0.25)
        return 200, {}, completion("fine", usage={"prompt_tokens": 1, "completion_tokens": 1})

    with serving(answer) as (base_url, asked):
        run = capped(make_run(tmp_path, base_url, concurrency=8), tokens=300)
        ask(run, *[question(f"question {number}") for number in range(6)])
        with sqlite3.connect(run.ledger) as ledger:
            frames = ledger.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()[1]
    assert len(asked) == 6
    assert frames < 6 * 40, "a few commits for each request, not hundreds a second"


INTERRUPTED = 130


def start(folder: Path, base_url: str, interrupts: Any = signal.SIG_DFL) -> "subprocess.Popen[str]":
    """`potstill generate` in a folder of its own, over 120 prompts; `interrupts` is what its parent makes of Ctrl-C.

    The tests themselves may run under nohup or behind `&`, where signals are ignored, and children inherit that.
    """
    recipe = {
        "teacher": {"base_url": base_url, "model": "m", "concurrency": 4, "price": PRICE},
        "prompts": {"path": "practice://skills?rows=150", "heldout": {"least": 20}},
        "generate": {"max_tokens": 64},
    }
    (folder / "recipe.yaml").write_text(yaml.safe_dump(recipe))
    here = [sys.executable, "-P", "-m", "potstill"]
    subprocess.run([*here, "prompts"], cwd=folder, check=True, capture_output=True)

    def inherit() -> None:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)
        signal.signal(signal.SIGINT, interrupts)

    environment = dict(os.environ)
    command = [*here, "generate"]
    return subprocess.Popen(command, cwd=folder, stderr=subprocess.PIPE, text=True, env=environment, preexec_fn=inherit)


@pytest.mark.parametrize(
    ("ending", "interrupts"),
    [
        (signal.SIGINT, signal.SIG_DFL),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
        (signal.SIGTERM, signal.SIG_IGN),
    ],
)
def test_whatever_ends_the_run_what_is_in_flight_is_kept(
    tmp_path: Path, ending: signal.Signals, interrupts: signal.Handlers
) -> None:
    reached: list[float] = []

    def answer(request: dict[str, Any], number: int) -> Answer:
        reached.append(time.monotonic())
        time.sleep(0.5 if number > 8 else 0)
        return 200, {}, completion("fine")

    with serving(answer) as (base_url, asked), start(tmp_path, base_url, interrupts) as child:
        while len(reached) < 12:
            time.sleep(0.01)
        child.send_signal(ending)
        _, said = child.communicate(timeout=30)
    assert child.returncode == INTERRUPTED, said
    assert "Traceback" not in said
    assert "never retrieved" not in said
    assert "stopping: what is in flight" in said
    with Ledger(tmp_path / ".potstill" / "ledger.db") as ledger:
        assert ledger.bill("recipe").outcomes == {"ok": len(asked)}


def test_ctrl_c_while_an_error_is_waited_out_loses_nothing_and_the_error_is_told(tmp_path: Path) -> None:
    refused: list[int] = []

    def answer(request: dict[str, Any], number: int) -> Answer:
        if number == 10:
            refused.append(number)
            return 429, {}, b'{"error": {"code": "insufficient_quota", "message": "no credit is left"}}'
        time.sleep(1.0 if number > 6 else 0)
        return 200, {}, completion("fine")

    with serving(answer) as (base_url, asked), start(tmp_path, base_url) as child:
        while not refused:
            time.sleep(0.01)
        time.sleep(0.2)
        child.send_signal(signal.SIGINT)
        _, said = child.communicate(timeout=30)
    assert child.returncode == 5, said
    assert "no credit is left" in said
    assert "never retrieved" not in said
    with Ledger(tmp_path / ".potstill" / "ledger.db") as ledger:
        outcomes = dict(ledger.bill("recipe").outcomes)
    assert outcomes == {"ok": len(asked) - 1, "http_429": 1}
