"""A simulated judge: it knows the right answers to the practice prompts, and grades by rule what stands in a rubric's tags."""

import re

from .draws import Drawn, random_of
from .settings import PracticeSettings
from .skills import task_in

NOTHING_TO_JUDGE = (
    "I am a simulated judge: I only judge answers to practice prompts, between the tags of the rubric `judge`."
)
_PROMPT = re.compile(r"<prompt>\n(.*?)\n</prompt>", re.DOTALL)
_ANSWER = re.compile(r"<answer>\n(.*)\n</answer>", re.DOTALL)
_GRADES = re.compile(r"whole number from (-?\d+) to (-?\d+)")


def judge_draw(settings: PracticeSettings, question: str, draw: str | None) -> Drawn:
    """A verdict: the highest grade for the right answer to a practice prompt, the lowest for any other.

    Args:
        settings: the share of verdicts that are drawn by chance, and of replies without one; by the question, also at
            temperature 0.
        question: the last user message, a filled rubric.
        draw: the draw's name; None is temperature 0.
    """
    prompt, answer, grades = _PROMPT.search(question), _ANSWER.search(question), _GRADES.search(question)
    task = task_in(prompt[1]) if prompt else None
    if task is None or answer is None or grades is None:
        return Drawn(NOTHING_TO_JUDGE)
    random = random_of(settings, "judge", draw, question)
    if random.random() < settings.unparsable:
        return Drawn("Simulated judge: I would rather not say.")
    lowest, highest = int(grades[1]), int(grades[2])
    grade = highest if answer[1].strip() == task.skill.answer(task.thing) else lowest
    if random.random() < settings.noise:
        grade = random.randint(lowest, highest)
    return Drawn(f"Simulated judge: held against the one right answer.\n\nVerdict: {grade}")
