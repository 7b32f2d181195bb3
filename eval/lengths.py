"""How long the answers are that a judge compared: judges like long ones, so a win rate is never shown without this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .items import Item

MUCH_LONGER = 1.1
"""A student whose mean answer is longer than the teacher's by this factor has to hold its own where its answers are not."""


@dataclass(frozen=True, slots=True)
class Lengths:
    """Mean characters of the answers that were marked, and what the student's longer ones may have bought it."""

    student: float
    teacher: float
    longer_on: float
    """The share of prompts on which the student's answer is longer by that factor."""

    @property
    def much_longer(self) -> bool:
        """Whether length alone might have pleased the judge."""
        return self.student > MUCH_LONGER * self.teacher


def lengths_of(items: Mapping[str, Sequence[Item]], marked: Sequence[str]) -> Lengths | None:
    """Of the kept student and the teacher on the prompts that were marked; None where there are none."""
    wanted = set(marked)
    pairs = [
        (len(student.text), len(teacher.text))
        for student, teacher in zip(items["student"], items["teacher"], strict=True)
        if student.prompt_id in wanted
    ]
    if not pairs:
        return None
    longer = sum(student > MUCH_LONGER * teacher for student, teacher in pairs)
    student, teacher = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
    return Lengths(student, teacher, longer / len(pairs))


def not_longer(items: Mapping[str, Sequence[Item]], marked: Sequence[str]) -> list[bool]:
    """For each marked prompt whether the student's answer is not longer than the teacher's by that factor."""
    told = {
        student.prompt_id: len(student.text) <= MUCH_LONGER * len(teacher.text)
        for student, teacher in zip(items["student"], items["teacher"], strict=True)
    }
    return [told[prompt] for prompt in marked]
