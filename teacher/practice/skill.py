"""What a skill of the practice teacher is: things to ask about, ways to ask, the right answer, and ways to spoil it."""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from random import Random
from string import Formatter
from typing import Generic, TypeVar

Thing = TypeVar("Thing")


@dataclass(frozen=True)
class Skill(Generic[Thing]):
    """One skill. A phrasing is a template whose `{forms}` are ways to write parts of the thing asked about."""

    name: str
    marker: str
    """The word before the colon with which every prompt of the skill begins."""
    phrasings: tuple[str, ...]
    """Ways to ask; the teacher has a bad habit with the first."""
    forms: Mapping[str, str]
    """For each form that a template may name, the regular expression of what it can look like."""
    invent: Callable[[Random], Thing]
    """A thing to ask about."""
    spell: Callable[[Thing], Mapping[str, str]]
    """Every form of a thing."""
    recover: Callable[[Mapping[str, str]], Thing | None]
    """The thing from the forms that one phrasing shows; None where there is no such thing (31 June)."""
    answer: Callable[[Thing], str]
    """The right answer."""
    habit: Callable[[Thing], str]
    """The same content in the shape of the bad habit."""
    spoil: Callable[[Thing, Random], Thing]
    """Another thing, wrong in one field."""
    misread: Callable[[Thing], Thing]
    """The thing that it is always taken for by one who misreads it; most are taken for what they are."""
    family: Callable[[Thing], str]
    """What must stay on one side of a split, whatever the phrasing."""

    def ask(self, thing: Thing, phrasing: int) -> str:
        """The prompt."""
        return f"{self.marker}: {self.phrasings[phrasing].format(**self.spell(thing))}"

    def read(self, asked: str) -> tuple[Thing, int] | None:
        """The thing and the phrasing in the text behind the marker; None when no phrasing fits."""
        for phrasing, pattern in enumerate(self._patterns):
            if (found := pattern.fullmatch(asked)) and (thing := self.recover(found.groupdict())) is not None:
                return thing, phrasing
        return None

    @cached_property
    def _patterns(self) -> tuple[re.Pattern[str], ...]:
        return tuple(re.compile(_expression(phrasing, self.forms)) for phrasing in self.phrasings)


def _expression(template: str, forms: Mapping[str, str]) -> str:
    pieces = Formatter().parse(template)
    return "".join(re.escape(text) + (f"(?P<{form}>{forms[form]})" if form else "") for text, form, _, _ in pieces)
