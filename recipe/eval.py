"""Evaluation: on what, and against what, the student is judged."""

from typing import Literal

from pydantic import Field, model_validator

from .section import Section


class GraderSection(Section):
    """How an answer is held against its reference."""

    kind: Literal["exact", "normalised", "json", "maths", "regex"] = "exact"
    """`exact`: same text; `normalised`: same but for case, width and spacing; `json`: same JSON value; `maths`: final answers
    that are the same number or expression; `regex`: same group."""

    pattern: str | None = None
    """For `regex`: what to take out of answer and reference before they are compared; its first group, its last match."""

    @model_validator(mode="after")
    def _pattern_goes_with_regex(self) -> "GraderSection":
        if (self.kind == "regex") != (self.pattern is not None):
            raise ValueError("pattern goes with kind: regex, and only with it")
        return self


class EvalSection(Section):
    """Base, student and teacher on the same held-out prompts."""

    grader: GraderSection = Field(default_factory=GraderSection)
    """How an answer is held against its reference."""

    retain: float = Field(default=0.95, gt=0)
    """The share of the teacher's score that the student must keep, at the lower bound, to replace it."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """The level of every interval."""

    batch_size: int = Field(default=64, ge=1)
    """Prompts that a local arm answers at once."""

    machine_usd_per_hour: float | None = Field(default=None, ge=0)
    """What the machine that will serve the student costs; gives the student a price per request."""
