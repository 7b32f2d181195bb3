"""What a mark can say beside right and wrong: agreement with the teacher, the mean of several students, scores by kind, further
tasks; and when it all has paid.
"""

import json
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pytest

from potstill.errors import BadPrompts, BadStudent
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
from potstill.recipe import Price as Price_
from potstill.store.manifest import Manifest
from potstill.store.rows import Prompt, conversation
from potstill.store.run import Run
from potstill.store.schemas import MESSAGES
from potstill.store.screen import PlainScreen
from potstill.store.tables import count_rows, write_table

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
    assert apart.student.value == pytest.approx(0.9)
    assert apart.scores["student"].value == pytest.approx(250 / 300), "the kept one has its own"
    assert apart.differences["student - teacher"].p is None, "no such test knows of the luck of training"
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
    assert told["maths"]["p"] == pytest.approx(3 * (alone.differences["student - teacher"].p or 0))
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
    trained = {"prompt": conversation(("user", "Date:  3 May 2024"))}
    write_table(run.folder / "samples", "train", pa.schema([("prompt", MESSAGES)]), [trained])
    folder = run.folder / "scorecard"
    counts = STAGE.work(run, folder)
    card = orjson.loads((folder / "scorecard.json").read_bytes())
    assert list(card["arms"]) == ["teacher", "teacher_again", "student", "student_2", "base"]
    assert card["training_seeds"] == 2
    assert {one["name"] for one in card["slices"]} == {"contacts", "dates"}
    [task] = card["tasks"]
    assert (task["name"], task["n"], task["ceiling"], task["trained_on"]) == ("other", 1, "base", 1)
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
        (None, Price(0.002, 0.002, 0.002), "asked no held-out prompt"),
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


def test_agreement_that_chance_explains_is_no_verdict(tmp_path):
    # The teacher says the rare class now and then by chance, the student never: it agrees more often than the teacher itself.
    on, random = prompts(400), np.random.default_rng(0)
    first, second = (["rare" if value < 0.1 else "often" for value in random.random(400)] for _ in range(2))
    run = run_in(tmp_path, by="agreement", grader={"kind": "exact"})
    arms = {"teacher": answers(*first), "teacher_again": answers(*second), "student": answers(*["often"] * 400)}
    marking = mark(run, "agreement", on, arms)
    assert marking.marks is not None
    found = find(marking.marks, "agreement", 0.95, 0.95)
    decision = decide(found, circumstances(run.recipe, on, marking.items, way="agreement"))
    assert found is not None
    assert not isinstance(found.retained, Undefined)
    assert found.retained.low > 0.95
    assert decision.replace is None
    assert "agreement says nothing here that chance does not" in decision.sentence


def test_a_kept_student_that_fails_alone_gets_no_yes_from_its_siblings(tmp_path):
    on = prompts(1000)
    right = {"teacher": 960, "student": 860, **{f"student_{seed}": 962 for seed in range(2, 12)}}
    arms = {name: answers(*("yes" if at < many else "no" for at in range(1000))) for name, many in right.items()}
    run = run_in(tmp_path)
    items = by_grader(grader(GraderSection()), on, arms)
    found = find(marks_of(items), "reference", 0.95, 0.95)
    decision = decide(found, circumstances(run.recipe, on, items))
    assert found is not None
    assert not isinstance(found.retained, Undefined)
    assert found.retained.high > 0.95
    assert decision.replace is False
    assert "but the one that is kept keeps at most" in decision.sentence


def test_where_most_prompts_could_not_be_marked_the_rest_does_not_speak_for_them(tmp_path):
    on = prompts(200)
    teacher = [*answers(*["yes"] * 80), *answers(*[""] * 120, status="error:http_500")]
    items = by_grader(grader(GraderSection()), on, {"teacher": teacher, "student": answers(*["yes"] * 200)})
    decision = decide(find(marks_of(items), "reference", 0.9, 0.95), circumstances(run_in(tmp_path).recipe, on, items))
    assert decision.replace is None
    assert "only 80 of 200 held-out prompts could be marked for student and teacher alike" in decision.sentence
    assert "is not bought twice" in decision.give[0]


def test_agreement_cannot_go_by_lists_of_constraints():
    with pytest.raises(ValueError, match="lists of constraints"):
        Recipe.model_validate(
            {
                "name": "t",
                "teacher": {"base_url": "http://127.0.0.1:1/v1", "model": "m"},
                "prompts": {"path": "p.jsonl"},
                "eval": {"by": "agreement", "grader": {"kind": "constraints"}},
            }
        )


def test_a_judge_that_is_not_to_judge_the_base_does_not_take_it_from_the_tasks(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"prompt": "date: 3 May 2024", "reference": "x"}\n')
    judge = {
        "teacher": {"base_url": "practice://judge?noise=0&unparsable=0", "model": "practice-1"},
        "arms": ["student"],
    }
    tasks = [{"name": "other", "path": "other.jsonl", "teacher": False}]
    run = staged(tmp_path, by="judge", judge=judge, tasks=tasks)
    leave_students(run, "model", "base")
    counts = STAGE.work(run, run.folder / "scorecard")
    card = orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes())
    assert list(card["arms"]) == ["teacher", "student"]
    assert list(card["tasks"][0]["arms"]) == ["student", "base"]
    assert card["judge"]["how"] == "pairs"
    assert card["judge"]["cost_usd"] == 0
    assert counts["judge"]["sent"] > 0
    again = STAGE.work(run, run.folder / "scorecard")
    assert (again["sent"], again["judge"]["sent"]) == (0, 0)


def test_what_the_tasks_cost_is_no_part_of_a_requests_price(tmp_path):
    rows = "".join(
        json.dumps({"prompt": f"{'word ' * 200} date: {day} May 2024", "reference": "x"}) + "\n" for day in range(1, 20)
    )
    (tmp_path / "long.jsonl").write_text(rows)
    cards = []
    for name, tasks in {"with": [{"name": "long", "path": "long.jsonl"}], "without": []}.items():
        run = staged(tmp_path, "practice://skills?refused=0&truncated=0", tasks=tasks)
        teacher = run.recipe.teacher.model_copy(update={"price": Price_(input=10.0, output=10.0)})
        run = Run(run.recipe.model_copy(update={"name": name, "teacher": teacher}), run.home, run.folder, run.screen)
        leave_students(run, "model")
        STAGE.work(run, run.folder / "scorecard")
        cards.append(orjson.loads((run.folder / "scorecard" / "scorecard.json").read_bytes()))
    assert cards[0]["costs"]["heldout_usd"] > 2 * cards[1]["costs"]["heldout_usd"]
    assert cards[0]["efficiency"]["teacher"]["usd_per_1000"] == cards[1]["efficiency"]["teacher"]["usd_per_1000"]


def test_a_changed_bar_makes_no_student_answer_anew(tmp_path):
    (tmp_path / "other.jsonl").write_text('{"prompt": "date: 3 May 2024", "reference": "x"}\n')
    run = staged(tmp_path, timed_prompts=2, batch_size=4)
    leave_students(run, "model", "base")
    folder = run.folder / "scorecard"
    STAGE.work(run, folder)
    finish(run, "student", {})
    students = run.finished("student")
    assert students is not None
    finish(run, "scorecard", {"student": students.digest()}, dict(STAGE.settings(run.recipe)))
    first = orjson.loads((folder / "scorecard.json").read_bytes())
    for name in ("model", "base"):
        for weights in (run.folder / "student" / name).glob("*.safetensors"):
            weights.unlink()  # whoever needs them now fails
    evaluation = run.recipe.eval.model_copy(update={"retain": 0.5})
    lax = Run(run.recipe.model_copy(update={"eval": evaluation}), run.home, run.folder, run.screen)
    STAGE.work(lax, folder)
    second = orjson.loads((folder / "scorecard.json").read_bytes())
    assert second["retain"] == 0.5
    assert second["arms"] == first["arms"]
    assert second["efficiency"]["student"] == first["efficiency"]["student"]
    task = TaskSection(name="other", path="other.jsonl")
    more = Run(
        lax.recipe.model_copy(update={"eval": evaluation.model_copy(update={"tasks": (task,)})}),
        run.home,
        run.folder,
        run.screen,
    )
    with pytest.raises(BadStudent):
        STAGE.work(more, folder)


def finish(run: Run, folder: str, inputs: dict[str, str], settings: dict[str, Any] | None = None) -> None:
    Manifest(stage=folder, fingerprint="f", stage_version=1, recipe="r", inputs=inputs, settings=settings or {}).write(
        run.folder / folder
    )
