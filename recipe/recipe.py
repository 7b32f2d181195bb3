"""The recipe: everything a run depends on, in one frozen value."""

import hashlib
import re

import orjson
from pydantic import Field

from .budget import BudgetSection
from .eval import EvalSection
from .filter import FilterSection
from .generate import GenerateSection
from .prompts import PromptsSection
from .section import Section
from .teacher import TeacherSection
from .train import TrainSection


class Recipe(Section):
    """One job: a teacher, prompts, and what is to become of them."""

    name: str = Field(default="run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The run's name; its folder is `runs/<name>/`. Of a file that does not say, its own name."""

    teacher: TeacherSection
    """The model that is asked."""

    budget: BudgetSection = Field(default_factory=BudgetSection)
    """What that may cost."""

    prompts: PromptsSection
    """What it is asked."""

    generate: GenerateSection = Field(default_factory=GenerateSection)
    """How it is asked."""

    filter: FilterSection = Field(default_factory=FilterSection)
    """Which answers are kept."""

    train: TrainSection = Field(default_factory=TrainSection)
    """What learns from them."""

    eval: EvalSection = Field(default_factory=EvalSection)
    """How it is judged."""

    def digest(self) -> str:
        """Sixteen hex digits over every value of the resolved recipe."""
        body = orjson.dumps(self.model_dump(mode="json"), option=orjson.OPT_SORT_KEYS)
        return hashlib.blake2b(body, digest_size=8).hexdigest()


def run_name(stem: str) -> str:
    """The name of a run after a file: what a name may not hold becomes a dash."""
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._") or "run"
