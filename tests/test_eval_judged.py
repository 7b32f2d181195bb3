"""A judge marks: it is examined first, its classes stay apart, nothing is bought twice, and a broken one raises no verdict."""

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from potstill.eval.circumstances import Judge, circumstances
from potstill.eval.exam import Exam
from potstill.eval.findings import Way, find
from potstill.eval.items import Answer, item_of
from potstill.eval.judge_asking import JudgeAsking
from potstill.eval.judged import marked_in_pairs
from potstill.eval.marking import Marking, mark, wanted, way_of
from potstill.eval.marks import marks_of
from potstill.eval.model_family import families, related
from potstill.eval.statistics import Undefined
from potstill.eval.verdict import Decision, decide
from potstill.graders.pair import read_choice
from potstill.recipe import Recipe
from potstill.store.rows import Prompt, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.teacher.practice.source import practice_prompts

ROWS = 120
WAYS: list[Way] = ["pairs", "grades"]


def run_in(home: Path, judge: str = "practice://judge?noise=0&unparsable=0", **judged: Any) -> Run:
    section = {"teacher": {"base_url": judge, "model": "practice-1"}, **judged}
    sections = {
        "teacher": {"base_url": "https://api.example.com/v1", "model": "gpt-9", "price": {"input": 1, "output": 1}},
        "prompts": {"path": "mine.jsonl"},
        "eval": {"judge": section},
    }
    return Run(Recipe.model_validate({"name": "test", **sections}), home, home / "runs" / "test", PlainScreen())


def prompts(count: int = ROWS) -> list[Prompt]:
    rows = list(practice_prompts(f"practice://skills?rows={count}"))
    return [
        Prompt(f"p{at}", conversation(("user", row["prompt"])), f"f{at}", "heldout", "mine", (at,), row["reference"])
        for at, row in enumerate(rows)
    ]


def said(text: str, status: str = "ok") -> Answer:
    return Answer(text, status, "stop", 5, 0.0)


def answering(on: list[Prompt], right: int, wrong: str = "no idea about {}") -> list[Answer]:
    """The first so many right, in the very words that the simulated judge knows."""
    return [said(prompt.reference or "" if at < right else wrong.format(at)) for at, prompt in enumerate(on)]


def marked(run: Run, way: Way, arms: dict[str, list[Answer]], on: list[Prompt]) -> tuple[Marking, Decision]:
    run = Run(
        run.recipe.model_copy(
            update={
                "eval": run.recipe.eval.model_copy(
                    update={"judge": run.recipe.eval.judge and run.recipe.eval.judge.model_copy(update={"how": way})}
                )
            }
        ),
        run.home,
        run.folder,
        run.screen,
    )
    marking = mark(run, way, on, arms)
    assert marking.marks is not None
    found = find(marking.marks, way, run.recipe.eval.retain, run.recipe.eval.confidence)
    return marking, decide(found, circumstances(run.recipe, on, marking.items, way=way, judge=marking.judge))


def test_pairs_are_asked_in_both_orders_and_only_where_asking_tells(tmp_path):
    run, on = run_in(tmp_path), prompts(40)
    teacher = answering(on, 40)
    student = answering(on, 25)
    student[0], teacher[1] = said("", "truncated"), said("cut", "truncated")
    section = run.recipe.eval.judge
    assert section is not None
    asking = JudgeAsking(run, section)
    judged = marked_in_pairs(run, asking, section, on, {"teacher": teacher, "student": student})
    assert (judged.asked["student"], judged.silent["student"]) == (15, 0)
    verdicts = [item.verdict for item in judged.items["student"]]
    assert verdicts[:2] == ["loss", "unparsable"], (
        "an answer that never came whole loses; without the teacher's there is no pair"
    )
    assert verdicts[2:25] == ["tie"] * 23
    assert verdicts[25:] == ["loss"] * 15
    assert asking.counts["sent"] == 2 * 15, "the same text is a tie without asking"
    again = JudgeAsking(run, section)
    assert marked_in_pairs(run, again, section, on, {"teacher": teacher, "student": student}) == judged
    assert (again.counts["sent"], again.counts["reused"]) == (0, 30)


@pytest.mark.parametrize("way", WAYS)
def test_a_judge_that_passed_its_exam_may_raise_a_verdict(tmp_path, way):
    on = prompts()
    arms = {"teacher": answering(on, 100), "student": answering(on, 120), "base": answering(on, 0)}
    marking, decision = marked(run_in(tmp_path, arms=["student", "base"]), way, arms, on)
    assert marking.judge is not None
    assert marking.judge.exam.passed
    assert decision.replace is True, decision.sentence
    assert "the simulated judge practice-1" in decision.sentence
    assert "own family" not in decision.sentence
    assert any("characters on average" in condition for condition in decision.conditions)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("manner", ["random", "first", "longest", "shortest", "even", "silent"])
def test_a_broken_judge_raises_no_verdict_however_good_the_student_looks(tmp_path, way, manner):
    on = prompts()
    arms = {"teacher": answering(on, 100), "student": answering(on, 120)}
    run = run_in(tmp_path, f"practice://judge?noise=0&unparsable=0&manner={manner}")
    marking, decision = marked(run, way, arms, on)
    assert marking.judge is not None
    assert not marking.judge.exam.passed
    assert decision.replace is None
    assert "cannot be believed" in decision.sentence or "too few to know" in decision.sentence
    assert decision.give
    assert marking.judged is not None
    assert marking.judged["counts"]["sent"] <= 2 * 30, "nothing is paid for after the exam"


def test_a_judge_that_decides_none_of_what_it_is_asked_is_not_believed_however_many_texts_are_the_same(tmp_path):
    on = prompts()
    items = {
        name: [item_of(prompt, name, said("a"), *mark) for prompt, mark in zip(on, marks, strict=True)]
        for name, marks in {
            "teacher": [("compared", 0.5)] * ROWS,
            "student": [("tie", 0.5)] * 70 + [("inconsistent", None)] * 50,
        }.items()
    }
    judge = judge_facts(asked=50, silent=50, inconsistent=50)
    run = run_in(tmp_path)
    found = find(marks_of(items), "pairs", 0.95, 0.95)
    decision = decide(found, circumstances(run.recipe, on, items, way="pairs", judge=judge))
    assert decision.replace is None
    assert "no usable verdict on 50 of the 50 answers" in decision.sentence


def judge_facts(asked: int, silent: int, inconsistent: int) -> Judge:
    exam = Exam(tasks=30, right=30, even=0, silent=0, low=0.88)
    return Judge("j", False, False, False, True, exam, asked, inconsistent, silent, None)


def test_what_befalls_the_base_does_not_choose_the_prompts_of_the_verdict(tmp_path):
    on = prompts()
    items = {
        "teacher": [item_of(prompt, "teacher", said("a"), "compared", 0.5) for prompt in on],
        "student": [
            item_of(prompt, "student", said("b"), "tie" if at < 12 else "loss", 0.5 if at < 12 else 0.0)
            for at, prompt in enumerate(on)
        ],
        "base": [
            item_of(prompt, "base", said("c"), "loss" if at < 12 else "inconsistent", 0.0 if at < 12 else None)
            for at, prompt in enumerate(on)
        ],
    }
    found = find(marks_of(items), "pairs", 0.95, 0.95)
    assert found is not None
    assert found.n == ROWS
    assert found.counted["base"] == 12
    assert not isinstance(found.retained, Undefined)
    assert found.retained.value == pytest.approx(0.1)


def test_a_student_that_wins_every_pair_has_a_share_too(tmp_path):
    on = prompts()
    arms = {"teacher": answering(on, 0, "x{}"), "student": answering(on, 120)}
    items = {
        "teacher": [
            item_of(prompt, "teacher", answer, "compared", 0.5)
            for prompt, answer in zip(on, arms["teacher"], strict=True)
        ],
        "student": [
            item_of(prompt, "student", answer, "win", 1.0) for prompt, answer in zip(on, arms["student"], strict=True)
        ],
    }
    found = find(marks_of(items), "pairs", 0.95, 0.95)
    assert found is not None
    assert not isinstance(found.retained, Undefined)
    assert 1.9 < found.retained.low < found.retained.value == 2


def test_a_student_that_wins_only_where_its_answers_are_longer_gets_no_yes(tmp_path):
    on = prompts()
    teacher = answering(on, 40, "no")
    student = [said("x") for _ in on[:40]] + [said(prompt.reference or "") for prompt in on[40:]]
    marking, decision = marked(run_in(tmp_path), "pairs", {"teacher": teacher, "student": student}, on)
    assert marking.judge is not None
    assert marking.judge.exam.passed
    assert "longer than the teacher's (on 66.7% of the prompts" in marking.judge.length_doubt
    assert decision.replace is None
    assert "on the 40 prompts where they are not it keeps 0%" in decision.sentence
    _, short = marked(run_in(tmp_path), "pairs", {"teacher": teacher, "student": answering(on, 120)}, on)
    assert short.replace is True, "as good where its answers are not longer"


def test_inconsistent_and_unparsable_are_classes_of_their_own(tmp_path):
    on = prompts()
    run = run_in(tmp_path, "practice://judge?noise=0.3&unparsable=0.1", exam=20)
    section = run.recipe.eval.judge
    assert section is not None
    arms = {"teacher": answering(on, 60), "student": answering(list(reversed(on)), 60)[::-1]}
    judged = marked_in_pairs(run, JudgeAsking(run, section), section, on, arms)
    items = judged.items
    counts = Counter(item.verdict for item in items["student"])
    assert judged.inconsistent["student"] == counts["inconsistent"]
    assert judged.silent["student"] == counts["inconsistent"] + counts["unparsable"]
    assert counts["inconsistent"] > 5
    assert counts["unparsable"] > 5
    assert counts["win"] > 20 < counts["loss"]
    assert all(item.value is None for item in items["student"] if item.verdict in ("inconsistent", "unparsable"))


def test_a_judge_of_the_teachers_family_is_named_in_the_sentence(tmp_path):
    on = prompts()
    run = run_in(tmp_path)
    teacher = run.recipe.teacher.model_copy(update={"model": "practice-large"})
    run = Run(run.recipe.model_copy(update={"teacher": teacher}), run.home, run.folder, run.screen)
    arms = {"teacher": answering(on, 100), "student": answering(on, 120)}
    _, decision = marked(run, "pairs", arms, on)
    assert "which is of the teacher's own family" in decision.sentence


@pytest.mark.parametrize(
    ("one", "other", "alike"),
    [
        ("gpt-4o-mini", "openai/o3", True),
        ("claude-sonnet-4", "gpt-5", False),
        ("Qwen/Qwen3-32B", "QwQ-32B", True),
        ("meta-llama/Llama-3.3-70B-Instruct", "nvidia/Llama-3.1-Nemotron-70B", True),
        ("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B", "Qwen/Qwen3-8B", True),
        ("my-own-model", "my-own-model", True),
        ("acme-7b", "zeta-7b", False),
        ("codegemma-7b", "gemini-2.5-pro", True),
        ("TinyLlama-1.1B", "Llama-3.3-70B", True),
        ("google/flan-t5-xl", "gemini-pro", True),
        ("mathstral-7b", "mistral-large", True),
        ("lmsys/vicuna-13b", "meta-llama/Llama-2-7b", True),
    ],
)
def test_families_are_known_by_their_names(one, other, alike):
    assert related(one, other) is alike, (families(one), families(other))


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("reasons\nVerdict: first", "first"),
        ("**Verdict: Tie**\n", "tie"),
        ("Verdict: second.", "second"),
        ("Verdict: first\nor rather the second", None),
        ("I prefer the first", None),
        ("", None),
        ("Verdict: both", None),
    ],
)
def test_a_choice_is_read_from_the_last_line_alone(text, choice):
    assert read_choice(text).choice == choice


def recipe(**judged: Any) -> Recipe:
    sections = {"teacher": {"base_url": "http://127.0.0.1:1/v1", "model": "m"}, "prompts": {"path": "p.jsonl"}}
    return Recipe.model_validate({"name": "test", **sections, "eval": judged})


def test_what_the_verdict_rests_on_is_what_there_is():
    with_reference, without = prompts(3), [prompt._replace(reference=None) for prompt in prompts(3)]
    judge = {"teacher": {"base_url": "http://127.0.0.1:2/v1", "model": "j"}, "how": "grades"}
    assert way_of(recipe().eval, with_reference) == "reference"
    assert way_of(recipe(judge=judge).eval, with_reference) == "reference"
    assert way_of(recipe(judge=judge).eval, without) == "grades"
    assert way_of(recipe(judge=judge, by="judge").eval, with_reference) == "grades"
    assert way_of(recipe().eval, without) is None
    assert way_of(recipe(by="agreement", grader={"kind": "json"}).eval, without) == "agreement"


def test_the_teachers_second_answers_are_bought_only_where_they_are_wanted():
    section = recipe(judge={"arms": ["student"]}).eval
    assert not wanted(section, "reference", "teacher_again")
    assert wanted(recipe(teacher_again=True).eval, "reference", "teacher_again")
    assert wanted(section, "agreement", "teacher_again")
    assert [wanted(section, "pairs", arm) for arm in ("student", "student_2", "base", "control_unfiltered")] == [
        True, True, False, False,
    ]  # fmt: skip
