"""Evaluation: on what, and against what, the student is judged."""

from typing import Literal

from pydantic import Field, model_validator

from .judge import JudgeSection
from .section import Section


class GraderSection(Section):
    """How an answer is held against its reference."""

    kind: Literal["exact", "normalised", "json", "maths", "regex", "constraints"] = "exact"
    """`exact`: same text; `normalised`: same but for case, width and spacing; `json`: same JSON value; `maths`: final answers
    that are the same number or expression; `regex`: same group; `constraints`: the reference lists what an answer must keep
    to."""

    pattern: str | None = None
    """For `regex`: what to take out of answer and reference before they are compared; its first group, its last match."""

    @model_validator(mode="after")
    def _pattern_goes_with_regex(self) -> "GraderSection":
        if (self.kind == "regex") != (self.pattern is not None):
            raise ValueError("pattern goes with kind: regex, and only with it")
        return self


class EvalJudgeSection(JudgeSection):
    """A model that judges held-out answers where there is no reference to hold them against."""

    how: Literal["pairs", "grades"] = "pairs"
    """`pairs`: which of two answers is better, the arm's or the teacher's, asked in both orders; `grades`: a grade for each
    answer."""

    pairs_rubric: str = "judge_pair"
    """What it is told of a pair: from the library `judge_pair`, or the path of a .md file of yours, in Jinja, with `{{
    prompt }}`, `{{ first }}` and `{{ second }}`. It must have the judge end with `Verdict: first`, `Verdict: second` or
    `Verdict: tie`."""

    arms: tuple[Literal["student", "base", "control_unfiltered", "control_random", "seeds_only"], ...] = (
        "student",
        "base",
    )
    """The arms that are judged beside the teacher; each costs a request for every prompt, in pairs two."""

    exam: int = Field(default=30, ge=20, le=200)
    """Held-out prompts on which the judge is examined first: the teacher's answer beside a longer one that belongs to other
    prompts. A judge that cannot tell them apart is not believed."""


class TaskSection(Section):
    """Further work that the arms are tried on, beside the verdict."""

    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """What it is called."""

    path: str | None = None
    """A file of prompts with references, as `prompts.path`; rows with `instruction_id_list` and `kwargs`, as IFEval's, are
    taken as they are."""

    lm_eval: str | None = None
    """Instead of a file: the name of a task of lm-eval that has the model write an answer."""

    include: str | None = None
    """For `lm_eval`: a folder with task files of your own."""

    columns: dict[str, str] = Field(default_factory=dict)
    """Your column for each of ours: messages, prompt, instruction, input, system, reference, family, slice."""

    grader: GraderSection = Field(default_factory=GraderSection)
    """How an answer is held against its reference; lm-eval's tasks bring their own."""

    limit: int | None = Field(default=200, ge=1)
    """Take only the first so many rows; `null` takes all."""

    teacher: bool = True
    """Whether the teacher is asked too, which costs what its answers cost."""

    @model_validator(mode="after")
    def _one_source(self) -> "TaskSection":
        if (self.path is None) == (self.lm_eval is None):
            raise ValueError("a task has either path or lm_eval")
        if self.include is not None and self.lm_eval is None:
            raise ValueError("include goes with lm_eval, and only with it")
        return self


class EvalSection(Section):
    """Base, student and teacher on the same held-out prompts."""

    by: Literal["reference", "agreement", "judge"] | None = None
    """What the verdict rests on: `reference`: right answers; `agreement`: answers that agree with the teacher's, beside how
    often the teacher agrees with itself; `judge`. If not given: references where held-out prompts have any, else the judge."""

    grader: GraderSection = Field(default_factory=GraderSection)
    """How an answer is held against its reference, or for `agreement` against the teacher's."""

    judge: EvalJudgeSection | None = None
    """Who judges where there are no references."""

    teacher_again: bool = False
    """Ask the teacher every held-out prompt a second time, as a fresh sample: what a perfect copy of it would score.
    `agreement` does so always."""

    tasks: tuple[TaskSection, ...] = ()
    """Further work that the arms are tried on: what else the student can do, and what it has forgotten."""

    retain: float = Field(default=0.95, gt=0, le=10)
    """The share of the teacher's score that the student must keep, at the lower bound, to replace it."""

    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    """The level of every interval."""

    engine: Literal["auto", "vllm", "transformers"] = "auto"
    """What runs the local arms; `auto`: vLLM where it is installed and there is a GPU, else transformers."""

    batch_size: int = Field(default=64, ge=1)
    """Prompts that a local arm answers at once."""

    timed_prompts: int = Field(default=20, ge=0)
    """Held-out prompts that the student is asked one at a time, in a process of its own, to time it; 0 times nothing."""

    machine_usd_per_hour: float | None = Field(default=None, ge=0)
    """What the machine that will serve the student costs; gives the student a price per request, and with it the number of
    requests after which the distillation has paid."""

    @model_validator(mode="after")
    def _has_what_it_goes_by(self) -> "EvalSection":
        if self.by == "judge" and self.judge is None:
            raise ValueError("by: judge needs a section judge")
        if self.by == "agreement" and "grader" not in self.model_fields_set:
            raise ValueError("by: agreement needs a grader: when do two answers agree?")
        if self.by == "agreement" and self.grader.kind == "constraints":
            raise ValueError(
                "by: agreement holds answers against answers, and grader.kind constraints wants lists of constraints"
            )
        if len({task.name for task in self.tasks}) < len(self.tasks):
            raise ValueError("two tasks have the same name")
        return self
