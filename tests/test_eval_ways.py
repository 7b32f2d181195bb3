"""What a mark can say beside right and wrong: agreement with the teacher, the mean of several students, scores by kind, further
tasks; and when it all has paid.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest

from potstill.errors import BadPrompts
from potstill.eval.break_even import Price, break_even, mean_price
from potstill.eval.circumstances import circumstances
from potstill.eval.findings import find
from potstill.eval.items import Answer
from potstill.eval.marking import by_grader, mark
from potstill.eval.marks import Marks, marks_of
from potstill.eval.slices import slices_of
from potstill.eval.stage import STAGE
from potstill.eval.statistics import Undefined
from potstill.eval.tasks import constraints_kept, read_task
from potstill.eval.verdict import Decision, decide
from potstill.graders.table import grader
from potstill.recipe import GraderSection, Recipe, TaskSection
from potstill.store.rows import Prompt, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.store.tables import count_rows

from .evaluating import leave_students
from .evaluating import run_in as staged


def run_in(home: Path, **judged: Any) -> Run:
    sections = {"teacher": {"base_url": "http://127.0.0.1:1/v1", "model": "m"}, "prompts": {"path": "mine.jsonl"}}
    recipe = Recipe.model_validate({"name": "test", **sections, "eval": judged})
    return Run(recipe, home, home / "runs" / "test", PlainScreen())


def prompts(count: int, slices: tuple[str, ...] = ("",)) -> list[Prompt]:
    return [
        Prompt(
            f"p{at}", conversation(("user", f"{at}?")), f"f{at}", "heldout", "m", (at,), "yes", slices[at % len(slices)]
        )
        for at in range(count)
    ]


def answers(*texts: str, status: str = "ok") -> list[Answer]:
    return [Answer(text, status, "stop", 1, 0.0) for text in texts]


def agreed(home: Path, again: int, student: int, of: int = 400) -> Decision:
    """The verdict where the teacher says something else each time, its second answer the same so often, and the student's too."""
    on = [prompt._replace(reference=None) for prompt in prompts(of)]
    first = [f"answer {at}" for at in range(of)]

    def like(many: int) -> list[Answer]:
        return answers(*(text if at < many else "otherwise" for at, text in enumerate(first)))

    run = run_in(home, by="agreement", grader={"kind": "normalised"})
    arms = {"teacher": answers(*first), "teacher_again": like(again), "student": like(student), "base": like(0)}
    marking = mark(run, "agreement", on, arms)
    assert marking.marks is not None
    found = find(marking.marks, "agreement", run.recipe.eval.retain, 0.95)
    return decide(found, circumstances(run.recipe, on, marking.items, way="agreement"))


def test_agreement_is_held_against_how_far_the_teacher_agrees_with_itself(tmp_path):
    near, far = agreed(tmp_path, again=300, student=305), agreed(tmp_path, again=300, student=200)
    assert near.replace is True
    assert "it agreed with the teacher on 76" in near.sentence
    assert "the teacher agreed with itself on 75%" in near.sentence
    assert any("To agree with the teacher is to err with it too" in condition for condition in near.conditions)
    assert any("agrees with itself on only 75%" in condition for condition in near.conditions)
    assert far.replace is False


def test_where_the_teachers_answer_is_not_whole_there_is_nothing_to_agree_with(tmp_path):
    on = prompts(3)
    arms = {
        "teacher": [*answers("a", "b"), *answers("c", status="truncated")],
        "teacher_again": answers("a", "b", "c"),
        "student": answers("a", "x", "c"),
    }
    marking = mark(run_in(tmp_path, by="agreement", grader={"kind": "exact"}), "agreement", on, arms)
    assert marking.marks is not None
    assert marking.marks.ids == ("p0", "p1")
    assert marking.marks.arms["student"].tolist() == [1, 0]
    assert "teacher" not in marking.marks.arms, "against itself it has no mark"


def seeded(*right: int, of: int = 300) -> Marks:
    on = prompts(of)
    names = ["student", "student_2", "student_3"]
    arms = {
        name: answers(*("yes" if at < many else "no" for at in range(of)))
        for name, many in zip(names, right, strict=False)
    }
    arms["teacher"] = answers(*("yes" if at < 280 else "no" for at in range(of)))
    return marks_of(by_grader(grader(GraderSection()), on, arms))


def test_several_students_are_scored_together_and_their_luck_widens_the_interval():
    alone, alike, apart = (
        find(marks, "reference", 0.95, 0.95) for marks in (seeded(270), seeded(270, 270, 270), seeded(250, 270, 290))
    )
    assert alone is not None
    assert alike is not None
    assert apart is not None
    assert not isinstance(alike.retained, Undefined)
    assert not isinstance(alone.retained, Undefined)
    assert not isinstance(apart.retained, Undefined)
    assert apart.scores["student"].value == pytest.approx(0.9)
    assert alike.retained == alone.retained, "no luck, nothing to add"
    assert apart.retained.low < alone.retained.low - 0.05
    assert apart.scores["student_2"].value == pytest.approx(0.9)


def test_scores_by_kind_of_prompt_and_their_p_values_are_raised_for_their_number():
    on = prompts(300, ("dates", "contacts", "maths"))
    student = answers(*("no" if prompt.slice == "maths" else "yes" for prompt in on))
    marks = marks_of(by_grader(grader(GraderSection()), on, {"teacher": answers(*["yes"] * 300), "student": student}))
    told = {one["name"]: one for one in slices_of(marks, "reference", 0.95, 0.95)}
    assert {name: one["n"] for name, one in told.items()} == {"dates": 100, "contacts": 100, "maths": 100}
    assert told["maths"]["arms"]["student"]["value"] == 0
    assert told["maths"]["difference"]["high"] < -0.9
    assert told["dates"]["p"] == 1
    alone = find(marks.only([name == "maths" for name in marks.slices]), "reference", 0.95, 0.95)
    assert alone is not None
    assert told["maths"]["p"] == pytest.approx(3 * alone.differences["student - teacher"].p)
    assert slices_of(marks.only([name == "maths" for name in marks.slices]), "reference", 0.95, 0.95) == []


def test_prompts_of_one_family_count_for_less():
    on = [prompt._replace(family=f"f{at // 10}") for at, prompt in enumerate(prompts(300))]
    arms = {
        "teacher": answers(*["yes"] * 300),
        "student": answers(*("yes" if at // 10 % 3 else "no" for at in range(300))),
    }
    marks = marks_of(by_grader(grader(GraderSection()), on, arms))
    apart = Marks(marks.arms, marks.ids, marks.slices, marks.ids)
    together, alone = (find(one, "reference", 0.95, 0.95) for one in (marks, apart))
    assert together is not None
    assert alone is not None
    wide, narrow = (one.scores["student"].high - one.scores["student"].low for one in (together, alone))
    assert wide > 2 * narrow


IFEVAL = {
    "prompt": "Say hello without a comma.",
    "instruction_id_list": ["punctuation:no_comma", "length_constraints:number_words"],
    "kwargs": [{}, {"relation": "at least", "num_words": 3}],
}


def test_a_task_in_the_form_of_ifeval_is_taken_as_it_is(tmp_path):
    (tmp_path / "ifeval.jsonl").write_text(json.dumps(IFEVAL) + "\n")
    task = read_task(
        TaskSection(name="ifeval", path="ifeval.jsonl", grader=GraderSection(kind="constraints")), tmp_path
    )
    said = {"hello there you": "right", "hello, there you": "wrong"}
    for text, verdict in said.items():
        [item] = task.try_on("student", lambda conversations, text=text: answers(text))
        assert item.verdict == verdict
        assert constraints_kept([item]) == (2 if verdict == "right" else 1, 2)


def test_a_task_without_references_is_refused(tmp_path):
    (tmp_path / "task.jsonl").write_text('{"prompt": "a", "reference": "b"}\n{"prompt": "c"}\n')
    with pytest.raises(BadPrompts, match=r"line 2: no reference, and the task 'mine'"):
        read_task(TaskSection(name="mine", path="task.jsonl"), tmp_path)
    assert len(read_task(TaskSection(name="mine", path="task.jsonl", limit=1), tmp_path).prompts) == 1


def test_tasks_stand_beside_the_verdict_with_their_own_table(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"prompt": "date: 3 May 2024", "reference": "x"}\n' * 1)
    run = staged(tmp_path, tasks=[{"name": "other", "path": "other.jsonl", "teacher": False}], teacher_again=True)
    leave_students(run, "model", "student_2", "base")
    folder = run.folder / "scorecard"
    counts = STAGE.work(run, folder)
    card = orjson.loads((folder / "scorecard.json").read_bytes())
    assert list(card["arms"]) == ["teacher", "teacher_again", "student", "student_2", "base"]
    assert card["training_seeds"] == 2
    assert {one["name"] for one in card["slices"]} == {"contacts", "dates"}
    [task] = card["tasks"]
    assert (task["name"], task["n"], task["ceiling"]) == ("other", 1, "base")
    assert list(task["arms"]) == ["student", "student_2", "base"]
    assert count_rows(folder, "task-other") == 3
    assert counts["sent"] == 2 * card["n"], "two series of the teacher, and the task asks it nothing"


def test_the_break_even_is_what_was_spent_over_what_a_request_saves():
    teacher, student = Price(0.01, 0.009, 0.011), Price(0.002, 0.0015, 0.0025)
    found = break_even(80.0, teacher, student, 3.6)
    assert found.requests == pytest.approx(10_000)
    assert found.low is not None
    assert found.high is not None
    assert 8_000 < found.low < 10_000 < found.high < 13_000
    assert found.requests_per_hour == pytest.approx(360)


@pytest.mark.parametrize(
    ("teacher", "student", "why"),
    [
        (Price(0.0, 0.0, 0.0), Price(0.002, 0.002, 0.002), "no price"),
        (None, Price(0.002, 0.002, 0.002), "no price"),
        (Price(0.01, 0.01, 0.01), None, "eval.machine_usd_per_hour"),
        (Price(0.001, 0.001, 0.001), Price(0.002, 0.002, 0.002), "no less than"),
    ],
)
def test_without_a_price_or_a_saving_there_is_no_break_even_and_it_says_why(teacher, student, why):
    found = break_even(80.0, teacher, student, 3.6)
    assert found.requests is None
    assert why in found.why


def test_a_saving_that_may_be_none_has_no_upper_end():
    found = break_even(80.0, Price(0.01, 0.001, 0.02), Price(0.005, 0.004, 0.006), 3.6)
    assert found.requests == pytest.approx(16_000)
    assert found.high is None


def test_the_mean_price_holds_the_truth_about_as_often_as_it_says():
    random, held = np.random.default_rng(0), 0
    for _ in range(400):
        price = mean_price(list(random.gamma(2.0, 0.5, size=60)), 0.95)
        assert price is not None
        held += price.low <= 1.0 <= price.high
    assert 0.91 < held / 400 < 0.98
