"""A judge: a model that grades answers by a rubric."""

from pydantic import Field, model_validator

from .section import Section
from .teacher import TeacherSection


class JudgeSection(Section):
    """A model that gives every answer a grade by a rubric. It is asked through the ledger and paid under the budget."""

    teacher: TeacherSection | None = None
    """The model that judges, written as the recipe's `teacher:` is; if not given, the recipe's teacher judges its own answers,
    which it is known to favour."""

    rubric: str = "judge"
    """What it is told: from the library `judge`, or the path of a .md file of yours, in Jinja, with `{{ prompt }}` and
    `{{ answer }}`, where wanted `{{ reference }}` (empty for a prompt without), `{{ lowest }}`, `{{ highest }}`. It must have
    the judge end with a line like `Verdict: 4`."""

    lowest: int = 1
    """The grade of the worst answer."""

    highest: int = 5
    """The grade of the best answer."""

    reference: bool = True
    """Whether the judge is shown the prompt's reference, where there is one."""

    max_tokens: int = Field(default=1024, ge=1)
    """The cap on output tokens, reasoning included; a reply that reaches it is no verdict."""

    temperature: float | None = Field(default=0, ge=0, le=2)
    """The sampling temperature; `null` for models that take none, and it is not sent."""

    @model_validator(mode="after")
    def _has_grades(self) -> "JudgeSection":
        if self.lowest >= self.highest:
            raise ValueError(f"lowest is {self.lowest} and highest {self.highest}: highest must be above lowest")
        return self
