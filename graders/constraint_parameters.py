"""What the parameters of constraints may be, and how a count is held against the one that was wanted."""

from typing import Annotated, Literal, TypeAlias

from pydantic import Field, StringConstraints

Finding: TypeAlias = str | None
"""What an answer does that a constraint forbids, in a few words; None where the constraint is kept."""

Count = Annotated[int, Field(ge=0)]
Place = Annotated[int, Field(ge=1)]
"""The first is 1."""
Phrase = Annotated[str, StringConstraints(pattern=r"\S")]
Phrases = Annotated[list[Phrase], Field(min_length=1)]
Letter = Annotated[str, StringConstraints(pattern=r"\S", max_length=1)]
Relation = Literal["at least", "less than"]

QUOTED = 40
"""So many characters of an answer a finding quotes."""


def counted(count: int, noun: str) -> str:
    """A count with its noun: `1 word`, `2 words`."""
    return f"{count} {noun}" if count == 1 else f"{count} {noun}s"


def amount(found: int, relation: Relation, wanted: int, noun: str) -> Finding:
    """A count that is to be at least, or less than, another."""
    kept = found >= wanted if relation == "at least" else found < wanted
    return None if kept else f"{counted(found, noun)}, {relation} {wanted} wanted"


def exactly(found: int, wanted: int, noun: str) -> Finding:
    """A count that is to be another."""
    return None if found == wanted else f"{counted(found, noun)}, {wanted} wanted"
