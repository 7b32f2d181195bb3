"""What `potstill plan` says of the evaluation: whom it asks, how often, and what that costs at most."""

import json
from collections.abc import Sequence
from itertools import count
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from potstill.cli.plan_words import lines
from potstill.errors import BadPrompts
from potstill.eval.exam import examine
from potstill.eval.items import Answer
from potstill.eval.judge_asking import JudgeAsking
from potstill.eval.judged import marked_by_grades, marked_in_pairs
from potstill.eval.statistics import proportion
from potstill.eval.teacher_arm import AGAIN, TEACHER, Asked, teacher_arm
from potstill.planning.facts import facts, look
from potstill.planning.telling import needed_in_pairs
from potstill.recipe import Recipe
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.practice.source import practice_prompts

from .asking import serving
from .test_plan_again import greedy

TEACHER_SECTION = {"base_url": "practice://skills", "model": "practice-1", "price": {"input": 1.0, "output": 4.0}}
JUDGE = {
    "base_url": "practice://judge?noise=0&unparsable=0",
    "model": "practice-1",
    "price": {"input": 2.0, "output": 8.0},
}
ROWS, HELDOUT = 80, 40


def make(folder: Path, *, references: int = ROWS, train: Any = None, filters: Any = None, **section: Any) -> Run:
    """A run on 80 prompts, 40 of them held out, of which the first so many have a reference."""
    rows = enumerate(practice_prompts(f"practice://skills?rows={ROWS}"))
    kept = ({**row, "reference": row["reference"] if number < references else None} for number, row in rows)
    write(folder / "p.jsonl", kept)
    recipe = {
        "name": "r",
        "teacher": TEACHER_SECTION,
        "prompts": {"path": "p.jsonl", "heldout": {"least": HELDOUT}, "near": None},
        "generate": {"max_tokens": 128},
        "train": {"student": "scratch:tiny", **(train or {})},
        "filter": filters or {},
        "eval": section,
    }
    return Run(Recipe.model_validate(recipe), folder, folder / "runs" / "r", PlainScreen())


def write(path: Path, rows: Any) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


def planned(run: Run) -> dict[str, Any]:
    return facts(look(run), None)


def ask_teacher(run: Run, arm: str, prompts: Sequence[Any]) -> Asked:
    asked = Asked()
    with teacher_arm(run, arm, "", asked).opened() as ask:
        ask([prompt.messages for prompt in prompts])
    return asked


AGREEMENT = {"by": "agreement", "grader": {"kind": "normalised"}}


@pytest.mark.parametrize(
    ("section", "references", "asked", "requests"),
    [
        ({}, ROWS, HELDOUT, HELDOUT),
        ({}, 0, 0, 0),
        ({"by": "reference"}, 0, 0, 0),
        ({"teacher_again": True}, ROWS, HELDOUT, 2 * HELDOUT),
        (AGREEMENT, 0, HELDOUT, 2 * HELDOUT),
    ],
)
def test_the_teacher_is_asked_what_the_verdict_rests_on(
    tmp_path: Path, section: dict[str, Any], references: int, asked: int, requests: int
) -> None:
    found = planned(make(tmp_path, references=references, **section))
    assert found["evaluation"]["asked"] == asked
    assert found["stages"]["eval"]["requests"] == {"low": requests, "likely": requests, "high": requests}
    assert found["ledger"] == {"draws": HELDOUT + requests, "bought": 0}
    assert (found["heldout_buys"] is None) is (asked == 0)


def test_prompts_without_a_reference_are_left_out_where_references_decide(tmp_path: Path) -> None:
    run = make(tmp_path, references=ROWS // 2)
    found = planned(run)
    assert 0 < found["prompts"]["with_reference"] < HELDOUT
    assert found["stages"]["eval"]["requests"]["likely"] == found["prompts"]["with_reference"]
    judged = planned(make(tmp_path, references=ROWS // 2, by="judge", judge={"teacher": JUDGE}))
    assert judged["evaluation"]["asked"] == HELDOUT, "a judge needs none"


def test_both_rounds_and_the_tasks_are_bought_within_the_bound_and_then_nothing_is_left(tmp_path: Path) -> None:
    write(tmp_path / "t.jsonl", ({"prompt": f"What is {n} + 1?", "reference": str(n + 1)} for n in range(12)))
    run = make(tmp_path, **AGREEMENT, tasks=[{"name": "sums", "path": "t.jsonl", "limit": 10}])
    outlook = look(run)
    before = facts(outlook, None)["stages"]["eval"]
    assert before["requests"]["likely"] == 2 * HELDOUT + 10
    heldout, tasks = outlook.evaluation.asked, outlook.evaluation.tasks["sums"]
    spent = [ask_teacher(run, TEACHER, heldout)]
    assert planned(run)["stages"]["eval"]["requests"]["likely"] == HELDOUT + 10, (
        "the fresh sample is still to be bought"
    )
    spent += [ask_teacher(run, AGAIN, heldout), ask_teacher(run, TEACHER, tasks)]
    usd = sum(asked.counts["usd"] for asked in spent)
    assert 0 < usd <= before["most"]["usd"]
    after = planned(run)
    assert after["stages"]["eval"]["most"]["requests"] == 0
    assert after["ledger"]["bought"] == 2 * HELDOUT + 10
    assert after["spent"]["usd"] == pytest.approx(usd)


def test_a_task_costs_only_what_is_not_asked_anyway_and_nothing_where_the_teacher_is_left_out(tmp_path: Path) -> None:
    run = make(tmp_path)
    known = [{"messages": list(prompt.messages), "reference": "x"} for prompt in look(run).evaluation.asked[:7]]
    write(tmp_path / "t.jsonl", [*known, {"prompt": "new", "reference": "x"}])
    task = {"name": "again", "path": "t.jsonl"}
    both = planned(make(tmp_path, tasks=[task, {"name": "too", "path": "t.jsonl"}]))
    assert both["stages"]["eval"]["requests"]["likely"] == HELDOUT + 1
    assert both["evaluation"]["tasks"] == {"again": 8, "too": 8}
    without = planned(make(tmp_path, tasks=[{**task, "teacher": False}]))
    assert without["stages"]["eval"]["requests"]["likely"] == HELDOUT
    with pytest.raises(BadPrompts, match=r"the task 'gone' of eval\.tasks"):
        look(make(tmp_path, tasks=[{"name": "gone", "path": "gone.jsonl"}]))


def test_a_reference_that_lists_constraints_is_not_taken_for_an_answer(tmp_path: Path) -> None:
    constraints = json.dumps([{"id": "punctuation:no_comma"}])
    rows = [{"prompt": f"write {n}", "reference": constraints} for n in range(20)]
    write(tmp_path / "t.jsonl", rows)
    run = make(tmp_path, tasks=[{"name": "kept", "path": "t.jsonl", "grader": {"kind": "constraints"}}])
    likely = planned(run)["stages"]["eval"]["output_tokens"]["likely"]
    alone = planned(make(tmp_path))["stages"]["eval"]["output_tokens"]["likely"]
    assert likely - alone == pytest.approx(20 * 128 / 4), "a quarter of the cap, as where there is no reference"


def answers(of: Sequence[Any], text: Any) -> list[Answer]:
    return [Answer(text(place), "ok", "stop", 5, 0.1, "m") for place, _ in enumerate(of)]


@pytest.mark.parametrize(("how", "each"), [("pairs", 2 * 2), ("grades", 3)])
def test_what_a_judge_is_asked_is_counted_from_its_examination_to_every_answer(
    tmp_path: Path, how: str, each: int
) -> None:
    run = make(tmp_path, by="judge", judge={"teacher": JUDGE, "how": how, "exam": 20, "max_tokens": 100})
    found = planned(run)
    judging = found["stages"]["eval"]
    assert judging["requests"] == {
        "low": HELDOUT + 40,
        "likely": HELDOUT + 40 + each * HELDOUT,
        "high": HELDOUT + 40 + each * HELDOUT,
    }
    assert found["eval_judge"]["arms"] == ("student", "base")
    assert "8.00" in found["eval_judge"]["price"]
    assert judging["most"]["requests"] >= judging["requests"]["high"]


@pytest.mark.parametrize("how", ["pairs", "grades"])
def test_no_judge_bills_more_than_the_bound_however_long_the_answers(tmp_path: Path, how: str) -> None:
    verdict = {"pairs": "Verdict: first", "grades": "Verdict: 3"}[how]
    with serving(greedy(lambda request: (verdict, "stop"))) as (base_url, asked):
        judge = {"teacher": {**JUDGE, "base_url": base_url}, "how": how, "exam": 20, "max_tokens": 100}
        run = make(tmp_path, by="judge", judge=judge)
        outlook, section = look(run), run.recipe.eval.judge
        assert section is not None
        found, alone = (facts(one, None)["stages"]["eval"] for one in (outlook, look(make(tmp_path, by="reference"))))
        prompts, longest = outlook.evaluation.asked, 5 * (outlook.caps.second or 0)
        number = count(10**6)
        said = {
            arm: answers(prompts, lambda _: f"{next(number)}{'w' * longest}"[:longest])
            for arm in ("teacher", "student", "base")
        }
        run = make(tmp_path, by="judge", judge=judge)
        asking = JudgeAsking(run, section)
        examine(run, asking, section, prompts, said["teacher"])
        {"pairs": marked_in_pairs, "grades": marked_by_grades}[how](run, asking, section, prompts, said)
    most = found["most"]["usd"] - alone["most"]["usd"]
    assert len(asked) == found["requests"]["likely"] - alone["requests"]["likely"]
    assert 0.7 * most <= asking.counts["usd"] <= most


def test_the_teachers_own_text_is_not_judged_so_low_is_the_examination(tmp_path: Path) -> None:
    run = make(tmp_path, by="judge", judge={"teacher": JUDGE, "exam": 20})
    outlook, section = look(run), run.recipe.eval.judge
    assert section is not None
    prompts = outlook.evaluation.asked
    same = answers(prompts, lambda place: f"the answer {place} {'and more ' * (place % 7)}")
    asking = JudgeAsking(run, section)
    examine(run, asking, section, prompts, same)
    marked_in_pairs(run, asking, section, prompts, {"teacher": same, "student": same, "base": same})
    assert asking.counts["sent"] == facts(outlook, None)["stages"]["eval"]["requests"]["low"] - HELDOUT


@pytest.mark.parametrize(
    ("train", "filters", "references", "arms"),
    [
        ({"seeds": 3}, {}, ROWS, ["student", "student_2", "student_3", "control_unfiltered", "base"]),
        ({"controls": ["random"]}, {"select": {"by": "chars", "top": 9}}, ROWS, ["student", "control_random", "base"]),
        ({"controls": ["seeds_only", "random"]}, {}, ROWS, ["student", "seeds_only", "base"]),
        ({"controls": ["seeds_only"]}, {}, 0, ["student", "base"]),
    ],
)
def test_the_arms_that_are_judged_are_those_that_will_be_trained(
    tmp_path: Path, train: Any, filters: Any, references: int, arms: list[str]
) -> None:
    judge = {"teacher": JUDGE, "arms": ["student", "base", "control_unfiltered", "control_random", "seeds_only"]}
    run = make(tmp_path, references=references, train=train, filters=filters, by="judge", judge=judge)
    assert list(look(run).evaluation.judged) == arms
    again = make(
        tmp_path, references=references, train=train, filters=filters, by="judge", judge=judge, teacher_again=True
    )
    assert list(look(again).evaluation.judged) == [*arms, AGAIN]


def test_a_judge_that_references_make_idle_costs_nothing(tmp_path: Path) -> None:
    found = planned(make(tmp_path, judge={"teacher": JUDGE}))
    assert (found["eval_judge"], found["evaluation"]["by"]) == (None, "reference")
    assert found["stages"]["eval"]["requests"]["high"] == HELDOUT


def test_a_budget_counts_the_judge_and_a_free_teacher_beside_it_may_have_one_in_dollars(tmp_path: Path) -> None:
    run = make(tmp_path, by="judge", judge={"teacher": JUDGE})
    likely = planned(run)["total"]["usd"]
    free = {**run.recipe.model_dump(), "budget": {"usd": likely["low"]}}
    free["teacher"] = {**free["teacher"], "price": None}
    found = planned(Run(Recipe.model_validate(free), run.home, run.folder, run.screen))
    assert found["budget"]["usd"]["covers"] == {"low": True, "likely": False, "high": False, "most": False}


@pytest.mark.parametrize(
    ("section", "says"),
    [
        ({}, "the verdict will rest on references"),
        (AGREEMENT, "how often the student agrees with the teacher"),
        ({"by": "judge", "judge": {"teacher": JUDGE}}, "a judge's choice between"),
        ({"by": "judge", "judge": {"teacher": JUDGE, "how": "grades"}}, "a judge's grades"),
    ],
)
def test_the_words_say_what_the_verdict_will_rest_on(tmp_path: Path, section: dict[str, Any], says: str) -> None:
    told = list(lines(planned(make(tmp_path, **section)), "potstill plan"))
    assert says in " ".join(" ".join(told).split())
    assert max(map(len, told)) <= 100


def test_without_anything_to_go_by_the_words_say_what_to_give(tmp_path: Path) -> None:
    found = planned(make(tmp_path, references=0))
    told = " ".join(" ".join(lines(found, "potstill plan")).split())
    assert "there will be no verdict" in told
    for given in ("references", "eval.judge", "eval.by: agreement"):
        assert given in told
    assert found["stages"]["eval"]["usd"]["high"] == 0


@pytest.mark.parametrize(("confidence", "retain"), [(0.95, 0.95), (0.9, 0.9)])
def test_a_student_that_is_preferred_as_often_passes_from_the_pairs_that_are_said(
    confidence: float, retain: float
) -> None:
    needed = needed_in_pairs(confidence, retain)
    assert needed is not None
    tenth = round(needed / 10)
    points = np.repeat([1.0, 0.0, 0.5], [tenth, tenth, 8 * tenth])
    assert 2 * proportion(points, confidence).low == pytest.approx(retain, abs=0.003)
    assert needed_in_pairs(confidence, 1.0) is None
