"""How long the answers are that a judge compared: judges like long ones, so a win rate is never shown without this."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .items import Item
from .marks import is_student

MUCH_LONGER = 1.1
"""A student whose mean answer is longer than the teacher's by this factor has to hold its own where its answers are not."""

MOSTLY = 0.5
"""So has one whose answers are longer by it on a larger share of the prompts."""


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
        return self.student > MUCH_LONGER * self.teacher or self.longer_on > MOSTLY


def lengths_of(items: Mapping[str, Sequence[Item]], marked: Sequence[str]) -> Lengths | None:
    """Of the students and the teacher on the prompts that were marked; None where there are none."""
    wanted = set(marked)
    pairs = [
        (len(student.text), len(teacher.text))
        for name, arm in items.items()
        if is_student(name)
        for student, teacher in zip(arm, items["teacher"], strict=True)
        if student.prompt_id in wanted
    ]
    if not pairs:
        return None
    longer = sum(student > MUCH_LONGER * teacher for student, teacher in pairs)
    student, teacher = (sum(side) / len(pairs) for side in zip(*pairs, strict=True))
    return Lengths(student, teacher, longer / len(pairs))


def not_longer(items: Mapping[str, Sequence[Item]], marked: Sequence[str]) -> list[bool]:
    """For each marked prompt whether no student's answer is longer than the teacher's by that factor."""
    students = [arm for name, arm in items.items() if is_student(name)]
    told = {
        teacher.prompt_id: all(len(one.text) <= MUCH_LONGER * len(teacher.text) for one in said)
        for teacher, *said in zip(items["teacher"], *students, strict=True)
    }
    return [told[prompt] for prompt in marked]
