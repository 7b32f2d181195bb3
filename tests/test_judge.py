"""Judges: a grade is a grade, silence is never a number, and no verdict is bought twice."""

import json
import os
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potstill.cli.plan_words import lines
from potstill.errors import BadInput, BadRecipe, BadTeacher, BrokenWorld
from potstill.filter.scores.judge import Judgements, JudgeRow, judge_rows
from potstill.graders.judge import OUTCOMES, judge_of, preflight_judge, read_verdict, spelled
from potstill.ledger.key import request_keys
from potstill.pipeline import run_stage, stage_named
from potstill.planning.facts import facts, look
from potstill.recipe import Recipe
from potstill.recipe.judge import JudgeSection
from potstill.store.rows import conversation
from potstill.store.run import Run
from potstill.teacher.identity import cap_of, identity
from potstill.teacher.practice.source import practice_prompts

from .asking import completion, make_run, serving

PROMPT = conversation(("user", "What is 6 × 7?"))
PRACTICE = {"base_url": "practice://judge?noise=0&unparsable=0", "model": "practice-1"}


def section(url: str = "", **fields: Any) -> JudgeSection:
    teacher = {"base_url": url, "model": "m", "attempts": 1, "name": "the judge"} if url else PRACTICE
    return JudgeSection.model_validate({"teacher": teacher, **fields})


def make(folder: Path, **recipe: Any) -> Run:
    run = make_run(folder, "practice://skills")
    return Run(Recipe.model_validate({**run.recipe.model_dump(), **recipe}), folder, run.folder, run.screen)


def rows(count: int) -> list[JudgeRow]:
    return [JudgeRow(PROMPT, f"answer {number}", "42") for number in range(count)]


def practice_rows(count: int) -> Iterator[tuple[JudgeRow, bool]]:
    """Answers to practice prompts and whether they are right, which every other one is."""
    for number, row in enumerate(practice_prompts(f"practice://skills?rows={count}")):
        right = number % 2 == 0
        answer = row["reference"] if right else row["reference"].replace("1", "7") + " or so"
        yield JudgeRow(conversation(("user", row["prompt"])), answer, row["reference"]), right


@pytest.mark.parametrize(
    ("text", "grade"),
    [
        ("Verdict: 4", 4),
        ("It is right.\n\nVerdict: 5\n", 5),
        ("Verdict: 1\nOn reflection, better.\nVerdict: 3", 3),
        ("**Verdict: 2**", 2),
        ("Verdict:1  ", 1),
    ],
)
def test_the_last_line_is_the_verdict(text: str, grade: int) -> None:
    judged = read_verdict(text, 1, 5)
    assert (judged.outcome, judged.score) == ("ok", grade)


@pytest.mark.parametrize(
    "text",
    [
        *("", "4", "Verdict: 4/5", "Verdict: 4.5", "Verdict: 4 or 5", "Verdict: four", "My verdict: 4", "verdict: 4"),
        *("Verdict: 6", "Verdict: 0", "Verdict: -4", "Verdict: N", "Verdict: 4\nThat is all.", "Verdict:\n4"),
        "Verdict: 4 Verdict: 5",
    ],
)
def test_anything_else_is_no_verdict_and_no_number(text: str) -> None:
    judged = read_verdict(text, 1, 5)
    assert (judged.outcome, judged.score) == ("unparsable", None)
    assert judged.reason


SAID: dict[str, tuple[int, bytes]] = {
    "ok": (200, completion("Fine.\nVerdict: 4")),
    "unparsable": (200, completion("I would say four.")),
    "refused": (200, completion("x").replace(b'"content": "x"', b'"content": null, "refusal": "No."')),
    "truncated": (200, completion("Verdict: 4").replace(b'"stop"', b'"length"')),
    "content_filter": (200, completion("Verdict: 4").replace(b'"stop"', b'"content_filter"')),
    "too_long": (400, b'{"error": {"message": "context length", "code": "context_length_exceeded"}}'),
    "failed": (400, b'{"error": {"message": "not this one", "code": "invalid_prompt"}}'),
}


def test_every_way_to_give_no_verdict_is_a_class_of_its_own(tmp_path: Path) -> None:
    kinds = [*SAID, *["ok"] * 10]

    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, str], bytes]:
        asked = request["messages"][0]["content"]
        status, body = SAID[next(kind for place, kind in enumerate(kinds) if f"answer {place}\n" in asked)]
        return status, {}, body

    with serving(answer) as (url, _):
        found = judge_rows(make(tmp_path, generate={"failed_share": 0.1}), section(url), rows(len(kinds)), len(kinds))
    assert [OUTCOMES[code] for code in found.codes] == kinds
    assert found.scores.dtype == np.float32
    assert [None if np.isnan(score) else score for score in found.scores] == [
        4.0 if kind == "ok" else None for kind in kinds
    ]
    assert found.counts["verdicts"] == 11
    assert found.counts["no_verdict"] == dict.fromkeys(OUTCOMES[1:], 1)
    assert (found.counts["owed"], found.counts["rejected"]) == (0, 2)


def test_a_judge_that_mostly_says_nothing_stops_the_run(tmp_path: Path) -> None:
    with (
        serving(lambda request, number: (200, {}, completion("Well."))) as (url, asked),
        pytest.raises(BrokenWorld, match=r"no verdict on at least .*unparsable"),
    ):
        judge_rows(make(tmp_path), section(url), rows(500), 500)
    assert len(asked) < 500


def test_a_judge_whose_requests_fail_stops_the_run(tmp_path: Path) -> None:
    def answer(request: dict[str, Any], number: int) -> tuple[int, dict[str, str], bytes]:
        return (200, {}, completion("Verdict: 4")) if number < 3 else (500, {}, b"{}")

    with serving(answer) as (url, _), pytest.raises(BrokenWorld):
        judge_rows(make(tmp_path), section(url), rows(40), 40)


def test_the_practice_judge_knows_right_from_wrong_and_is_noisy_as_told(tmp_path: Path) -> None:
    given = list(practice_rows(300))
    exact = judge_rows(make(tmp_path), section(), [row for row, _ in given], 300)
    assert list(exact.scores) == [5.0 if right else 1.0 for _, right in given]
    loud = section(teacher={**PRACTICE, "base_url": "practice://judge?noise=0.5&unparsable=0.2"})
    noisy = judge_rows(make(tmp_path), loud, (row for row, _ in given), 300)
    assert 30 <= noisy.counts["no_verdict"]["unparsable"] <= 90
    said = ~np.isnan(noisy.scores)
    assert 0.2 < (noisy.scores != exact.scores)[said].mean() < 0.6


def test_a_verdict_is_never_bought_twice(tmp_path: Path) -> None:
    given = [row for row, _ in practice_rows(60)]

    def judged(some: list[JudgeRow]) -> Judgements:
        return judge_rows(make(tmp_path), section(), iter(some), len(some))

    first = judged(given[:40])  # as a run that was killed on its way
    assert first.counts["sent"] == 40
    shutil.rmtree(tmp_path / "runs", ignore_errors=True)
    whole = judged(given)
    assert (whole.counts["sent"], whole.counts["reused"]) == (20, 40)
    again = judged(given[::-1])
    assert again.counts["sent"] == 0
    assert list(again.scores) == list(whole.scores)[::-1]
    with sqlite3.connect(tmp_path / ".potstill/ledger.db") as ledger:
        assert ledger.execute("SELECT DISTINCT run, stage FROM attempts").fetchall() == [("r", "filter")]


def test_without_rows_nobody_is_asked(tmp_path: Path) -> None:
    found = judge_rows(make(tmp_path), section("http://127.0.0.1:1/v1"), [], 0)
    assert (len(found.scores), found.counts["sent"], found.counts["verdicts"]) == (0, 0, 0)


def test_rows_that_do_not_come_are_not_taken_for_judged(tmp_path: Path) -> None:
    given = [row for row, _ in practice_rows(3)]
    with pytest.raises(ValueError, match="4 rows were to be judged, and 3 came"):
        judge_rows(make(tmp_path), section(), given, 4)


def key(run: Run, judge: JudgeSection, reference: str | None = "42", series: str = "") -> str:
    made = judge_of(run, judge)
    asked = made.question(PROMPT, "It is 42.", reference, series)
    [found] = request_keys(
        identity(made.teacher, run.home), asked.operation, asked.body(made.teacher.model), asked.draws
    )
    return found.hex()


def test_the_key_of_a_question_is_stable_and_tells_all_that_matters(tmp_path: Path) -> None:
    run, usual = make(tmp_path), section()
    (tmp_path / "mine.md").write_text("{{ prompt }} {{ answer }}\n")
    others = [
        key(run, section(teacher={**PRACTICE, "name": "another judge"})),
        key(run, section(teacher=None)),
        key(run, usual, series="second opinion"),
        key(run, usual, reference=None),
        key(run, section(highest=10)),
        key(run, section(max_tokens=99)),
        key(run, section(temperature=None)),
        key(run, section(rubric="mine.md")),
    ]
    assert len({key(run, usual), *others}) == 9
    assert key(run, section(reference=False)) == key(run, usual, reference=None)
    # The rubric of the library is part of the key: to word it otherwise is to buy every verdict again.
    assert (
        key(run, section("http://localhost/v1")) == "f90aebbf9f97830b3c6547c26871f256d4e9e7c57a0d535674afa6458b58f621"
    )


def test_temperature_is_sent_unless_it_is_null(tmp_path: Path) -> None:
    assert judge_of(make(tmp_path), section()).options == {"max_tokens": 1024, "temperature": 0}
    openai = {"base_url": "https://api.openai.com/v1", "model": "o9"}
    assert judge_of(make(tmp_path), section(teacher=openai, temperature=None)).options == {
        "max_completion_tokens": 1024
    }


def test_a_rubric_shows_the_reference_only_where_there_is_one(tmp_path: Path) -> None:
    judge = judge_of(make(tmp_path), section())
    with_one, without = (judge.question(PROMPT, "41", given).messages[0]["content"] for given in ("forty-two", None))  # type: ignore[index]
    assert "forty-two" in with_one
    assert "reference" not in without
    assert all("<answer>\n41\n</answer>" in text for text in (with_one, without))


def test_a_rubric_that_cannot_be_filled_is_an_error_that_lists_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "mine.md").write_text("{{ prompt }} {{ answer }} {{ grade }} {{ scale }}")
    with pytest.raises(BadRecipe, match="grade, scale, which nobody fills; there is: answer, highest"):
        judge_of(make(tmp_path), section(rubric="mine.md"))
    (tmp_path / "mine.md").write_text("Is {{ answer }} good?")
    with pytest.raises(BadRecipe, match="does not use prompt"):
        judge_of(make(tmp_path), section(rubric="mine.md"))
    with pytest.raises(BadRecipe, match=r"judge\.rubric"):
        judge_of(make(tmp_path), section(rubric="strict"))


def test_a_conversation_is_shown_with_its_speakers() -> None:
    assert spelled(conversation(("user", "Hello"))) == "Hello"
    assert spelled(conversation(("system", "Be brief."), ("user", "Hello"))) == "System: Be brief.\n\nUser: Hello"


def test_a_missing_key_of_the_judge_is_found_before_anything_is_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    openai = {"base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"}
    with pytest.raises(BadInput, match=r"filter\.judge.*OPENAI_API_KEY"):
        preflight_judge(make(tmp_path), section(teacher=openai), "filter.judge")
    preflight_judge(make(tmp_path), section(), "filter.judge")


def test_a_cap_in_dollars_holds_for_a_judge_that_is_paid_beside_a_teacher_that_is_not(tmp_path: Path) -> None:
    run = make(tmp_path, budget={"usd": 1})
    with pytest.raises(BadRecipe, match=r"budget\.usd"):
        cap_of(run.recipe, run.home)
    paid = {**PRACTICE, "price": {"input": 1, "output": 2}}
    assert cap_of(run.recipe, run.home, section(teacher=paid).teacher).usd == 1  # type: ignore[arg-type]


def test_grades_must_rise() -> None:
    with pytest.raises(ValueError, match="highest must be above lowest"):
        section(lowest=5, highest=5)


def judged_recipe(folder: Path, **recipe: Any) -> Run:
    priced = {**PRACTICE, "price": {"input": 1, "output": 4}}
    prompts = {"path": "practice://skills?rows=60", "heldout": {"least": 20}}
    return make(folder, filter={"judge": {"teacher": priced}}, prompts=prompts, **recipe)


def test_a_plan_counts_every_answer_as_judged_at_the_price_of_the_judge(tmp_path: Path) -> None:
    run = judged_recipe(tmp_path, generate={"draws": 3, "max_tokens": 64})
    found = facts(look(run), None)
    judging = found["stages"]["filter"]
    assert judging["requests"] == {"low": 120, "likely": 120, "high": 120}
    assert 0 < judging["usd"]["low"] < judging["usd"]["likely"] < judging["usd"]["high"] <= judging["most"]["usd"]
    assert found["stages"]["generate"]["usd"]["high"] == 0
    assert found["total"]["usd"] == judging["usd"]
    assert "judged anew" in " ".join(lines(found, "potstill plan"))
    without = facts(look(make(tmp_path)), None)
    assert (without["judge"], without["stages"]["filter"]) == (None, {"asks": False, "usd": 0.0})


def test_what_judging_costs_lies_within_its_plan(tmp_path: Path) -> None:
    run = judged_recipe(tmp_path)
    outlook = look(run)
    planned = facts(outlook, None)["stages"]["filter"]
    given = [JudgeRow(prompt.messages, prompt.reference or "", prompt.reference) for prompt in outlook.train]
    assert run.recipe.filter.judge is not None
    spent = judge_rows(run, run.recipe.filter.judge, given, len(given)).counts
    assert 0 < spent["usd"] == pytest.approx(spent["cost_usd"])
    assert spent["usd"] <= planned["most"]["usd"]
    assert spent["sent"] == planned["requests"]["likely"]
    again = judge_rows(run, run.recipe.filter.judge, given, len(given)).counts
    assert (again["usd"], again["cost_usd"]) == (0, spent["cost_usd"])


def test_a_plan_of_what_is_judged_already_costs_nothing(tmp_path: Path) -> None:
    run = judged_recipe(tmp_path)
    for name in ("prompts", "generate", "filter"):
        run_stage(run, stage_named(name))
    assert facts(look(run), None)["stages"]["filter"]["usd"] == {"low": 0, "likely": 0, "high": 0}
    more = replace(
        run, recipe=run.recipe.model_copy(update={"generate": run.recipe.generate.model_copy(update={"draws": 2})})
    )
    assert facts(look(more), None)["stages"]["filter"]["usd"]["low"] > 0


def test_a_judge_that_cannot_be_asked_is_named(tmp_path: Path) -> None:
    judge = JudgeSection.model_validate({"teacher": {"base_url": "practice://judge", "model": "nobody"}})
    with pytest.raises(BadTeacher, match=r"^filter\.judge: .* has no model 'nobody'"):
        judge_rows(make(tmp_path), judge, rows(3), 3)


def test_check_and_preflight_name_the_judge_whose_key_is_missing(potstill_in: Any, tmp_path: Path) -> None:
    recipe = {
        "name": "r",
        "teacher": {"base_url": "practice://skills", "model": "practice-1"},
        "prompts": {"path": "practice://skills?rows=60", "heldout": {"least": 20}},
        "filter": {"judge": {"teacher": {"base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"}}},
    }
    (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    checks = {one["check"]: one for one in json.loads(potstill_in("check", "--json", env=environment).stdout)["checks"]}
    assert checks["teacher"]["ok"]
    assert not checks["judge"]["ok"]
    assert "filter.judge" in checks["judge"]["says"]
    assert "OPENAI_API_KEY" in checks["judge"]["says"]
    stopped = potstill_in("run", env=environment)
    assert stopped.returncode == 2
    assert "filter.judge" in stopped.stderr
    assert not (tmp_path / ".potstill").exists(), "nothing was asked"
