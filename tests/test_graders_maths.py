"""The grader `maths`: the same mathematics is right however it is written, and nothing makes it hang."""

import os
import threading

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.graders.final import is_formula
from potstill.graders.maths import maths
from potstill.graders.table import grader
from potstill.recipe import GraderSection

MATHS = grader(GraderSection(kind="maths"))


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("Half of it, so \\boxed{\\frac{1}{2}}.", "1/2"),
        ("0.5", "\\frac{1}{2}"),
        ("That makes $1,234 in all.", "1234"),
        ("16 - 3 - 4 = <<16-3-4=9>>9\n#### 9", "She has 9 left.\n#### 9"),
        ("A: 18", "18"),
        ("**Answer:** 42", "42"),
        ("Answer: 42\nWe add 20 and 22, for 2 are gone.", "42"),
        ("Answer: 5 red apples.\nThat is 2 more.", "5"),
        ("Answer: Tom has 5 apples.\nHe eats 2 of them.\nSo he has 3 left.", "3"),
        ("Answer: 60 + 12 = 72 in all.\nHalf of that is 36.", "36"),
        ("A: 60 km/h x 2 h = 120 km\nB: 160 km\nThe distance between them is 40 km.", "40"),
        ("To answer 1 question we add 20 and 22. That makes 42.", "42"),
        ("50%", "0.5"),
        ("5 cm", "5"),
        ("−7", "-7"),
        ("1e5", "100000"),
        ("1.5 × 10^3", "1500"),
        ("3 1/2", "3.5"),
        ("-3 1/2", "-3.5"),
        ("x = 5", "5"),
        ("1 + x^2", "x^2 + 1"),
        ("$\\{2, 1\\}$", "\\{1, 2\\}"),
        ("$$\n\\sqrt{8}\n$$", "2\\sqrt{2}"),
        ("10:30", "at 10:30"),
        ("So the answer is 59/6.", "\\frac{59}{6}"),
        ("100/3.", "100/3"),
        ("= 5/6.", "5/6"),
        ("**5/6**.", "5/6"),
        ("It lies between 3/4 and 7/8, so it is **5/6**.", "5/6"),
        ("The point is (1, 2).", "(1,2)"),
        ("2**3", "8"),
    ],
)
def test_the_same_mathematics_is_right_however_it_is_written(answer: str, reference: str) -> None:
    assert MATHS(answer, reference).verdict == "right"


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("1", "x^2 + 1"),
        ("x^2 + 1", "1"),
        ("7", "-7"),
        ("0.33", "1/3"),
        ("10:30", "10:45"),
        ("(2, 1)", "(1, 2)"),
        ("3 1/2", "1/2"),
        ("1e5", "1"),
    ],
)
def test_other_mathematics_is_wrong_and_both_sides_are_named(answer: str, reference: str) -> None:
    judgement = MATHS(answer, reference)
    assert (judgement.verdict, judgement.score) == ("wrong", 0.0)
    assert "was expected" in judgement.reason


@pytest.mark.parametrize("answer", ["", "I cannot say.", "\ud800", "(" * 50_000, "\\boxed{}"])
def test_an_answer_without_mathematics_is_wrong(answer: str) -> None:
    judgement = MATHS(answer, "42")
    assert judgement.verdict == "wrong"
    assert "no mathematical expression" in judgement.reason


@pytest.mark.parametrize("reference", ["", "yes", "\\boxed{}"])
def test_a_reference_without_mathematics_is_never_right_or_wrong(reference: str) -> None:
    judgement = MATHS("42", reference)
    assert (judgement.verdict, judgement.score) == ("unparsable", None)


@given(st.integers(-(10**9), 10**9))
@settings(max_examples=60, deadline=None)
def test_whole_numbers_are_right_with_separators_and_wrong_when_one_off(number: int) -> None:
    worked = f"First 3, then 4.\n#### {number:,}"
    assert MATHS(worked, str(number)).verdict == "right"
    assert MATHS(worked, str(number + 1)).verdict == "wrong"


def test_an_answer_that_nobody_can_compute_is_given_up_and_the_next_one_judged() -> None:
    judge = maths()
    judgement = judge("9^9^9^9", "42")  # one step of arithmetic, which no signal interrupts
    assert (judgement.verdict, judgement.score) == ("unparsable", None)
    assert "5 seconds" in judgement.reason
    assert judge("42", "42").verdict == "right"


def test_a_process_that_somebody_killed_is_replaced_and_the_answer_judged() -> None:
    grade = maths()
    assert grade("4", "4").verdict == "right"
    [child] = grade.__self__._idle  # pyright: ignore[reportFunctionMemberAccess]: it is a method
    child.kill()
    child.wait()
    open_before = len(os.listdir("/proc/self/fd"))
    for _ in range(3):
        assert grade("5", "5").verdict == "right"
        [child] = grade.__self__._idle  # pyright: ignore[reportFunctionMemberAccess]: it is a method
        child.kill()
    assert len(os.listdir("/proc/self/fd")) <= open_before
    assert len(grade.__self__._ends) == 1  # pyright: ignore[reportFunctionMemberAccess]: it is a method


def test_threads_share_a_grader_and_each_gets_its_own_verdict() -> None:
    verdicts: dict[int, str] = {}

    def work(number: int) -> None:
        verdicts[number] = MATHS(str(number), str(number - number % 2)).verdict

    threads = [threading.Thread(target=work, args=(number,)) for number in range(40)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert verdicts == {number: "wrong" if number % 2 else "right" for number in range(40)}


@pytest.mark.parametrize("text", ["x^2+1", "(1, 2)", "\\frac{1}{2}"])
def test_what_is_nothing_but_latex_is_read_as_such(text: str) -> None:
    assert is_formula(text)


@pytest.mark.parametrize("text", ["5 cm", "3/4", "1,234", "$x$", "the root (of 4)", "5 m/s", "42", ""])
def test_what_people_write_around_a_number_is_no_latex(text: str) -> None:
    assert not is_formula(text)
