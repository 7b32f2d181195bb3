"""The filter: what a good row is."""

from typing import Any, Literal

from pydantic import Field, model_validator

from .section import Section

RuleName = Literal["status", "length", "format", "agreement", "exact"]


class LengthSection(Section):
    """Bounds on an answer's length."""

    min_chars: int = Field(default=1, ge=0)
    """Characters of an answer at least, white space at its ends not counted."""

    max_chars: int = Field(default=32_000, ge=1)
    """Characters of an answer at most."""


class Shape(Section):
    """One shape that an answer may have; give exactly one of the two."""

    regex: str | None = None
    """A regular expression that the whole answer matches."""

    json_schema: dict[str, Any] | str | None = None
    """A JSON schema that the answer, read as JSON, satisfies; or the path of a file with one."""

    @model_validator(mode="after")
    def _exactly_one(self) -> "Shape":
        if (self.regex is None) == (self.json_schema is None):
            raise ValueError("give either regex or json_schema")
        return self


class AgreementSection(Section):
    """How many draws of a prompt must say the same."""

    at_least: int = Field(default=2, ge=2)
    """Draws with the same answer, itself counted; prompts with fewer draws are left unjudged and counted."""


class FilterSection(Section):
    """Rules label rows, they never delete one: a dropped row is kept with its reason."""

    rules: tuple[RuleName, ...] = ("status", "length", "format", "agreement", "exact")
    """The rules in their order; a row is dropped by the first that says no. `status` is always the first, listed or not."""

    length: LengthSection = Field(default_factory=LengthSection)
    """Bounds for the rule `length`."""

    format: tuple[Shape, ...] = ()
    """Shapes for the rule `format`: an answer must have one of them; with none given the rule lets all pass."""

    agreement: AgreementSection = Field(default_factory=AgreementSection)
    """The bound for the rule `agreement`."""
