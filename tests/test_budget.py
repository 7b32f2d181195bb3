"""Money: reserved before it is spent, never above the cap, and no cap is kept by sending little."""

import asyncio
import json
from pathlib import Path
from typing import Any

import pytest

from potstill.errors import BrokenWorld, BudgetReached
from potstill.ledger.entries import Cap, Charge, Payer
from potstill.ledger.ledger import Ledger
from potstill.ledger.purse import Purse, Receipt
from potstill.store.run import Run
from potstill.teacher.loop import run_async
from potstill.teacher.open import open_teacher

from .asking import Answer, ask, completion, make_run, question, serving

PRICE = {"input": 1.0, "output": 1.0}
"""A millionth of a dollar for each token."""


def capped(folder: Path, base_url: str, budget: dict[str, float], **teacher: Any) -> Run:
    run = make_run(folder, base_url, price=PRICE, **teacher)
    recipe = run.recipe.model_copy(update={"budget": run.recipe.budget.model_copy(update=budget)})
    return Run(recipe, run.home, run.folder, run.screen)


def fine(request: dict[str, Any], number: int) -> Answer:
    return 200, {}, completion("fine")


@pytest.mark.parametrize("budget", [{"usd": 0.001}, {"tokens": 1000}])
def test_the_cap_stops_the_run_and_a_raised_cap_goes_on(tmp_path: Path, budget: dict[str, float]) -> None:
    questions = [question(f"question {number}") for number in range(200)]
    with serving(fine) as (base_url, asked):
        with pytest.raises(BudgetReached, match=r"the budget is reached: .*Raise the budget and run again"):
            ask(capped(tmp_path, base_url, budget, concurrency=8), *questions)
        stopped = len(asked)
        spent = 15 * stopped  # tokens, each a millionth of a dollar
        assert spent <= 1000
        worst = len(json.dumps(asked[-1])) + 64
        assert spent + worst > 1000, "no cap is kept by sending little"
        raised = {name: 10 * value for name, value in budget.items()}
        replies = ask(capped(tmp_path, base_url, raised, concurrency=8), *questions)
    assert {draws[0].status for draws in replies} == {"ok"}
    assert len(asked) == 200, "what was answered under the first cap was not asked again"


def test_what_may_have_been_billed_stays_charged_at_its_worst(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        return 200, {}, completion("fine") if number == 1 else b'{"choices": [{"mess'

    with serving(answer) as (base_url, asked):
        run = capped(tmp_path, base_url, {"usd": 0.001}, attempts=20)
        with pytest.raises(BudgetReached):
            ask(run, *[question(f"question {number}") for number in range(5)])
        with Ledger(run.ledger) as ledger:
            bill = ledger.bill("r")
            spent, tokens = ledger.spent("r")
    assert bill.outcomes["torn"] == len(asked) - 1
    assert bill.unsettled_usd == pytest.approx(bill.usd - 15e-6)
    assert 0.001 >= spent == pytest.approx(bill.usd)
    assert tokens == bill.input_tokens + bill.output_tokens


def test_what_was_not_answered_and_what_the_ledger_has_cost_nothing(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        return (200, {}, completion("fine")) if number % 3 == 0 else (503, {"retry-after": "0"}, b"busy")

    with serving(answer) as (base_url, asked):
        run = capped(tmp_path, base_url, {"usd": 0.0005}, attempts=8, concurrency=2)
        for _ in range(3):
            ask(run, *[question(f"question {number}") for number in range(9)])
        with Ledger(run.ledger) as ledger:
            bill = ledger.bill("r")
    assert len(asked) == bill.sent >= 27
    assert bill.usd == pytest.approx(9 * 15e-6)


def test_requests_wait_for_room_and_the_screen_says_so(tmp_path: Path) -> None:
    worst = 64 + 120

    def answer(request: dict[str, Any], number: int) -> Answer:
        return 200, {}, completion("fine", usage={"prompt_tokens": 1, "completion_tokens": 1})

    async def work(run: Run) -> set[str]:
        told = set()
        async with open_teacher(run, "generate") as teacher:
            asking = asyncio.gather(*(teacher.ask(question(f"question {number}")) for number in range(100)))
            while not asking.done():
                told.add(teacher.slowed_by)
                await asyncio.sleep(0.002)
            await asking
        return told

    with serving(answer) as (base_url, asked):
        told = run_async(work(capped(tmp_path, base_url, {"tokens": 200 + 2 * worst}, concurrency=32)))
    assert len(asked) == 100, "two at a time fit, and all come through"
    assert "waiting for room under the budget" in told


def test_rejections_that_are_all_alike_at_first_are_a_broken_world(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> Answer:
        return 400, {}, b'{"error": {"code": "odd", "message": "we do not like it"}}'

    with (
        serving(answer) as (base_url, asked),
        pytest.raises(BrokenWorld, match=r"all rejected alike: .*we do not like it"),
    ):
        ask(make_run(tmp_path, base_url, concurrency=2), *[question(f"question {n}") for n in range(100)])
    assert 5 <= len(asked) <= 5 + 2 * 2


def test_a_rejection_for_good_is_asked_again_only_when_the_user_says_so(tmp_path: Path) -> None:
    mended = False

    def answer(request: dict[str, Any], number: int) -> Answer:
        if "long" in request["messages"][0]["content"] and not mended:
            return 400, {}, b'{"error": {"code": "context_length_exceeded", "message": "too long"}}'
        return 200, {}, completion("fine")

    def statuses(run: Run) -> list[str]:
        return [draws[0].status for draws in ask(run, question("short"), question("long"))]

    with serving(answer) as (base_url, asked):
        run = make_run(tmp_path, base_url)
        assert statuses(run) == ["ok", "too_long"]
        mended = True
        assert statuses(run) == ["ok", "too_long"]
        assert len(asked) == 2
        assert statuses(Run(run.recipe, run.home, run.folder, run.screen, retry_rejected=True)) == ["ok", "ok"]
        assert statuses(run) == ["ok", "ok"]
    assert len(asked) == 3


def test_two_processes_that_want_the_same_buy_it_once(tmp_path: Path) -> None:
    async def work(run: Run) -> list[str]:
        async with open_teacher(run, "generate") as one, open_teacher(run, "eval") as other:
            # Two ledgers opened apart are to each other what two processes are.
            asked = [question(f"Date: {day} May 2020", draws=2) for day in range(1, 21)]
            replies = await asyncio.gather(*(teacher.ask(what) for what in asked for teacher in (one, other)))
        return [reply.text for draws in replies for reply in draws]

    with serving(fine) as (base_url, asked):
        texts = run_async(work(make_run(tmp_path, base_url)))
    wanted = [(request["messages"][0]["content"], request.get("seed")) for request in asked]
    assert len(texts) == 80
    assert len(wanted) == len(set(wanted)), "nothing was bought twice"


def test_who_is_cancelled_before_anything_was_sent_gives_the_reservation_back(tmp_path: Path) -> None:
    keys = [b"a" * 32]

    async def work(ledger: Ledger) -> None:
        purse = Purse(ledger, Payer("r", "generate", "digest", "teacher"), Cap(usd=1.0))
        reserving = asyncio.create_task(purse.reserve(keys, Charge(10, 10, 0.9), lambda: None))
        await asyncio.sleep(0)  # handed to the writer, not yet known to be written
        reserving.cancel()
        with pytest.raises(asyncio.CancelledError):
            await reserving
        receipt = await purse.reserve(keys, Charge(10, 10, 0.9), lambda: None)
        assert isinstance(receipt, Receipt), "neither the key nor the money is held any more"
        await purse.failed(receipt, "lost", charged=True)

    with Ledger(tmp_path / "ledger.db") as ledger:
        asyncio.run(work(ledger))
        assert ledger.spent("r")[0] == 0.9
        assert ledger.bill("r").sent == 1
