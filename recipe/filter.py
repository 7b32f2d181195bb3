"""The filter: what a good row is."""

from typing import Any, Literal

from pydantic import Field, field_validator, model_validator

from .eval import GraderSection
from .fit import FitSection
from .judge import JudgeSection
from .languages import LANGUAGES
from .section import Section

RuleName = Literal[
    "status",
    "length",
    "refusal",
    "residue",
    "reasoning",
    "loops",
    "gopher",
    "language",
    "format",
    "grade",
    "leak",
    "agreement",
    "exact",
    "near",
    "bounds",
    "judge",
]

DEFAULT_RULES: tuple[RuleName, ...] = (
    "status",
    "leak",
    "length",
    "refusal",
    "residue",
    "reasoning",
    "loops",
    "language",
    "format",
    "grade",
    "bounds",
    "agreement",
    "exact",
    "near",
    "judge",
)


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


class LanguageSection(Section):
    """Which languages answers may be in."""

    expect: tuple[str, ...] = ()
    """Codes (en, de, zh, …) of the languages that are wanted; with none given the rule lets all pass. A region, as in en-US,
    does not count."""

    sure: float = Field(default=0.8, gt=0, le=1)
    """How sure the detector must be of another language before an answer is dropped for it."""

    @field_validator("expect")
    @classmethod
    def _are_codes(cls, codes: tuple[str, ...]) -> tuple[str, ...]:
        plain = tuple(code.lower().replace("_", "-").partition("-")[0] for code in codes)
        for given, code in zip(codes, plain, strict=True):
            if code not in LANGUAGES:
                raise ValueError(
                    f"{given!r} is no code of a language that can be told: write en for English, zh for Chinese"
                )
        return plain


class LeakSection(Section):
    """What training rows must not repeat: always the held-out prompts, and any benchmark named here."""

    drop: bool = True
    """Whether such rows are dropped; if not, they are counted, and the report says that the student was trained on them."""

    against: tuple[str, ...] = ()
    """Files (.jsonl, .csv, .parquet) of benchmarks; all texts of their rows count, those in columns that do not ask (prompt,
    question, instruction, …) from `ngram` words on."""

    ngram: int = Field(default=13, ge=8)
    """So many words in a row that stand in both are a leak (GPT-3; lm-eval uses the same)."""

    coverage: float = Field(default=0.5, gt=0, le=1)
    """A prompt that has this share of a question's words in common runs of eight words or more is a leak (Tülu 3)."""


class AgreementSection(Section):
    """How many draws of a prompt must say the same."""

    at_least: int = Field(default=2, ge=2)
    """Draws with the same answer, itself counted; prompts with fewer draws are left unjudged and counted."""


class NearSection(Section):
    """When two answers to one prompt count as the same."""

    similarity: float = Field(default=0.8, gt=0, le=1)
    """Jaccard similarity of their sets of five-word sequences at least."""


class FilterJudgeSection(JudgeSection):
    """A model that grades every answer which the free rules keep, and the grade that the rule `judge` wants."""

    at_least: float = 4
    """The grade of an answer that is kept, at least; one without a verdict is kept and counted."""

    @model_validator(mode="after")
    def _can_be_met(self) -> "FilterJudgeSection":
        if not self.lowest < self.at_least <= self.highest:
            raise ValueError(
                f"at_least is {self.at_least:g} where grades go from {self.lowest} to {self.highest}: it would drop all or none"
            )
        return self


class Bounds(Section):
    """Bounds on a score."""

    at_least: float | None = Field(default=None, allow_inf_nan=False)
    """The least that is kept."""

    at_most: float | None = Field(default=None, allow_inf_nan=False)
    """The most that is kept."""

    @model_validator(mode="after")
    def _bounds_something(self) -> "Bounds":
        if self.at_least is None and self.at_most is None:
            raise ValueError("give at_least, at_most, or both")
        if self.at_least is not None and self.at_most is not None and self.at_least > self.at_most:
            raise ValueError(f"at_least is {self.at_least:g}, above at_most ({self.at_most:g}): nothing would be kept")
        return self


class QuotaSection(Section):
    """How many rows of one kind may be selected."""

    by: str
    """The column that tells the kind: prompt_id, family, source, model, or a score. With prompt_id and `most: 1` the best answer
    to each prompt is taken."""

    most: int = Field(ge=1)
    """Rows of one kind at most."""


class SelectSection(Section):
    """Take the best of what the rules have kept. A random control of equal size is trained beside it."""

    by: str
    """The score that ranks; its column in the tables is `score_<name>`."""

    order: Literal["highest", "lowest"] | None = None
    """Which end of it is best; if not given, the highest, but of `fit` the lowest."""

    top: int | None = Field(default=None, ge=1)
    """Rows to take; all that the quota leaves if not given."""

    quota: QuotaSection | None = None
    """A bound on rows of one kind."""

    @property
    def best(self) -> Literal["highest", "lowest"]:
        """The end that is best."""
        return self.order or ("lowest" if self.by == "fit" else "highest")

    @model_validator(mode="after")
    def _selects_something(self) -> "SelectSection":
        if self.top is None and self.quota is None:
            raise ValueError("give top, quota, or both")
        return self


class FilterSection(Section):
    """Scores write columns, rules label rows by them; nothing is ever deleted: a dropped row is kept with its reason."""

    rules: tuple[RuleName, ...] = DEFAULT_RULES
    """The rules in their order; a list of yours takes the place of this one. A row is dropped by the first that says no. `status`
    and `leak` always look first, listed or not (`leak.drop: false` lets leaks pass); `judge` looks last, for it sees what the
    others keep. A rule that the recipe gives nothing to go by (no shapes, no grader, no judge) lets all pass."""

    length: LengthSection = Field(default_factory=LengthSection)
    """Bounds for the rule `length`."""

    language: LanguageSection = Field(default_factory=LanguageSection)
    """What the rule `language` expects."""

    format: tuple[Shape, ...] = ()
    """Shapes for the rule `format`: an answer must have one of them; with none given the rule lets all pass."""

    grader: GraderSection | None = None
    """How the rule `grade` holds answers against the references of their prompts; with none given it lets all pass."""

    leak: LeakSection = Field(default_factory=LeakSection)
    """What the rule `leak` compares with."""

    agreement: AgreementSection | None = None
    """The bound for the rule `agreement`, for answers of one short form: free texts never agree. With none given it lets
    all pass."""

    near: NearSection = Field(default_factory=NearSection)
    """The bound for the rule `near`."""

    scores: dict[str, str] = Field(default_factory=dict)
    """Scores of your own: a name, and `path/to/file.py:function` that takes (messages, answer, reference) and returns a number
    or None. The rule `bounds` and `select` can go by them."""

    bounds: dict[str, Bounds] = Field(default_factory=dict)
    """Bounds on scores for the rule `bounds`, by the names of their columns without `score_`."""

    judge: FilterJudgeSection | None = None
    """A judge for the score and the rule `judge`; it costs money, so it is asked of what all other rules keep. Nobody is asked if
    not given."""

    fit: FitSection | None = None
    """How the score `fit` is computed: how well an answer suits the student that is to learn it. Not computed if not given."""

    select: SelectSection | None = None
    """What is selected after all rules; nothing if not given."""

    @model_validator(mode="after")
    def _names_of_scores(self) -> "FilterSection":
        for name in self.scores:
            if not name.isidentifier() or name.startswith("_"):
                raise ValueError(f"scores.{name}: a score's name is a word of letters, digits and _")
        return self
