"""A simulated judge: it knows the right answers to the practice prompts, and judges by rule what stands in a rubric's tags."""

import re
from collections.abc import Callable, Mapping
from random import Random

from .draws import Drawn, random_of
from .settings import PracticeSettings
from .skills import task_in

NOTHING_TO_JUDGE = (
    "I am a simulated judge: I only judge answers to practice prompts, between the tags of the rubrics `judge` and "
    "`judge_pair`."
)
_PROMPT = re.compile(r"<prompt>\n(.*?)\n</prompt>", re.DOTALL)
_ANSWER = re.compile(r"<answer>\n(.*)\n</answer>", re.DOTALL)
_PAIR = re.compile(r"<first>\n(.*)\n</first>\n\n<second>\n(.*)\n</second>", re.DOTALL)
_GRADES = re.compile(r"whole number from (-?\d+) to (-?\d+)")
_CHOICES = ("first", "second", "tie")
_LONG = 10
"""Characters that are worth a grade to a judge who loves length, or brevity."""


def judge_draw(settings: PracticeSettings, question: str, draw: str | None) -> Drawn:
    """A verdict on one answer: the highest grade for the right one to a practice prompt, the lowest for any other; or on
    two: the right one, or a tie.

    Args:
        settings: the share of verdicts that are drawn by chance, and of replies without one; by the question, also at
            temperature 0; and whether it is broken.
        question: the last user message, a filled rubric.
        draw: the draw's name; None is temperature 0.
    """
    prompt, answer, pair, grades = (part.search(question) for part in (_PROMPT, _ANSWER, _PAIR, _GRADES))
    task = task_in(prompt[1]) if prompt else None
    random = random_of(settings, "judge", draw, question)
    if task is None or (pair is None and (answer is None or grades is None)):
        return Drawn(NOTHING_TO_JUDGE)
    if settings.manner == "silent" or random.random() < settings.unparsable:
        return Drawn("Simulated judge: I would rather not say.")
    right = task.skill.answer(task.thing)
    if pair is not None:
        verdict = _choice(settings, pair[1].strip(), pair[2].strip(), right, random)
    elif answer is not None and grades is not None:
        verdict = str(_grade(settings, answer[1].strip(), right, (int(grades[1]), int(grades[2])), random))
    else:
        return Drawn(NOTHING_TO_JUDGE)
    told = "held against the one right answer" if not settings.manner else f"broken on purpose ({settings.manner})"
    return Drawn(f"Simulated judge: {told}.\n\nVerdict: {verdict}")


def _grade(settings: PracticeSettings, answer: str, right: str, grades: tuple[int, int], random: Random) -> int:
    lowest, highest = grades
    broken: Mapping[str, Callable[[], int]] = {
        "random": lambda: random.randint(lowest, highest),
        "first": lambda: highest,
        "longest": lambda: min(highest, lowest + len(answer) // _LONG),
        "shortest": lambda: max(lowest, highest - len(answer) // _LONG),
        "even": lambda: lowest + (highest - lowest) // 2,
    }
    if settings.manner in broken:
        return broken[settings.manner]()
    grade = highest if answer == right else lowest
    return random.randint(lowest, highest) if random.random() < settings.noise else grade


def _choice(settings: PracticeSettings, first: str, second: str, right: str, random: Random) -> str:
    broken: Mapping[str, Callable[[], str]] = {
        "random": lambda: random.choice(_CHOICES),
        "first": lambda: "first",
        "longest": lambda: _by_length(first, second),
        "shortest": lambda: {"first": "second", "second": "first"}.get(_by_length(first, second), "tie"),
        "even": lambda: "tie",
    }
    if settings.manner in broken:
        return broken[settings.manner]()
    if random.random() < settings.noise:
        return random.choice(_CHOICES)
    if (first == right) == (second == right):
        return "tie"
    return "first" if first == right else "second"


def _by_length(one: str, other: str) -> str:
    """Which of two the longer one is, `first` being the first."""
    return "tie" if len(one) == len(other) else "first" if len(one) > len(other) else "second"
