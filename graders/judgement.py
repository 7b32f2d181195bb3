"""A judgement: what a grader says of one answer."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, TypeAlias

Verdict = Literal["right", "wrong", "unparsable", "no_reference"]


@dataclass(frozen=True, slots=True)
class Judgement:
    """One answer, judged. What the answer did badly is `wrong`; what the grader cannot decide is `unparsable`."""

    verdict: Verdict
    score: float | None
    """From 0 to 1; None when there is no verdict on the answer itself."""
    reason: str = ""
    """What the grader saw; empty for a right answer."""


Grade: TypeAlias = Callable[[str, str], Judgement]
"""Answer and reference to judgement."""

Grader: TypeAlias = Callable[[str, str | None], Judgement]
"""Answer and reference, if there is one, to judgement."""


def right() -> Judgement:
    """The answer agrees with the reference."""
    return Judgement("right", 1.0)


def wrong(reason: str) -> Judgement:
    """The answer does not agree with the reference."""
    return Judgement("wrong", 0.0, reason)


def unparsable(reason: str) -> Judgement:
    """There is no telling; it is counted, and never as right or wrong."""
    return Judgement("unparsable", None, reason)


def no_reference() -> Judgement:
    """There is nothing to hold the answer against."""
    return Judgement("no_reference", None, "the prompt has no reference")
