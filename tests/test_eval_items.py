"""Items: a failed request is nobody's fault, a cut-off answer is the arm's, and all arms share their prompts."""

import pytest

from potstill.eval.findings import find
from potstill.eval.items import ITEMS, Answer, Item, item_columns, judge
from potstill.eval.marks import marks_of
from potstill.graders.judgement import Grader, Judgement
from potstill.graders.table import grader
from potstill.recipe import GraderSection
from potstill.store.rows import Prompt, conversation
from potstill.store.tables import read_table, write_table

EXACT = grader(GraderSection())


def prompt(number: int, reference: str | None = "yes") -> Prompt:
    return Prompt(
        f"p{number}", conversation(("user", f"{number}?")), f"f{number}", "heldout", "test.jsonl", (number,), reference
    )


def answer(text: str, status: str = "ok") -> Answer:
    return Answer(text, status, "stop", 2, 0.1)


def arm(name: str, texts: list[str], ask: Grader = EXACT, **statuses: str) -> list[Item]:
    return [
        judge(prompt(number), name, answer(text, statuses.get(f"at{number}", "ok")), ask)
        for number, text in enumerate(texts)
    ]


@pytest.mark.parametrize(
    ("text", "status", "verdict"),
    [
        ("yes", "ok", "right"),
        ("no", "ok", "wrong"),
        ("yes", "truncated", "wrong"),
        ("", "content_filter", "wrong"),
        ("", "unparsable", "wrong"),
        ("I cannot help with that.", "refused", "wrong"),
        ("", "error:500", "error"),
        ("yes", "error:timeout", "error"),
    ],
)
def test_a_failed_request_is_an_error_and_a_cut_off_answer_is_wrong(text, status, verdict):
    assert judge(prompt(0), "teacher", answer(text, status), EXACT).verdict == verdict


def test_a_refusal_that_the_reference_wants_is_right():
    wanted = prompt(0, "I cannot help with that.")
    assert judge(wanted, "teacher", answer("I cannot help with that.", "refused"), EXACT).verdict == "right"


def test_without_a_reference_a_cut_off_answer_is_not_called_wrong():
    assert judge(prompt(0, None), "teacher", answer("y", "truncated"), EXACT).verdict == "no_reference"


def test_what_one_arm_was_not_graded_on_counts_for_none():
    items = {
        "teacher": arm("teacher", ["yes", "yes", "no", "yes"], at1="error:500"),
        "student": arm("student", ["yes", "no", "yes", "no"]),
    }
    marks = marks_of(items)
    assert marks.ids == ("p0", "p2", "p3")
    assert marks.arms["teacher"].tolist() == [1, 0, 1]
    assert marks.arms["student"].tolist() == [1, 1, 0]


def test_arms_that_answered_other_prompts_are_not_paired():
    with pytest.raises(ValueError, match="same prompts"):
        marks_of({"teacher": arm("teacher", ["yes", "yes"]), "student": arm("student", ["yes", "yes"])[::-1]})


def test_a_grader_that_judges_nothing_finds_nothing():
    def broken(text: str, reference: str | None) -> Judgement:
        return Judgement("unparsable", None, "out of order")

    items = {name: arm(name, ["yes"] * 30, broken) for name in ("teacher", "student", "base")}
    assert find(marks_of(items), "reference", 0.95, 0.95) is None


def test_findings_compare_the_arms_on_the_same_items():
    items = {
        "teacher": arm("teacher", ["yes"] * 60 + ["no"] * 40),
        "student": arm("student", ["yes"] * 90 + ["no"] * 10),
        "base": arm("base", ["no"] * 100),
        "control_unfiltered": arm("control_unfiltered", ["yes"] * 50 + ["no"] * 50),
    }
    found = find(marks_of(items), "reference", 0.95, 0.95)
    assert found is not None
    assert found.n == 100
    assert found.differences["student - teacher"].interval.value == pytest.approx(0.3)
    assert found.filtering is not None
    assert found.filtering.interval.value == pytest.approx(0.4)
    assert found.filtering.p is not None
    assert found.filtering.p < 1e-6


def test_items_come_back_from_their_table_as_they_were(tmp_path):
    items = arm("student", ["yes", "no"], at1="error:500")
    write_table(tmp_path, "items", ITEMS, map(item_columns, items))
    assert [Item(**row) for row in read_table(tmp_path, "items")] == items
