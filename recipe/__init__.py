"""The whole configuration as frozen pydantic models: load, override, resolve, describe."""

from .budget import BudgetSection
from .eval import EvalJudgeSection, EvalSection, GraderSection, TaskSection
from .filter import FilterSection, SelectSection, Shape
from .generate import GenerateSection
from .load import load_recipe
from .prompts import HeldoutSection, PromptsSection
from .recipe import Recipe
from .teacher import Price, TeacherSection
from .train import LoraSection, TrainSection

__all__ = [
    "BudgetSection",
    "EvalJudgeSection",
    "EvalSection",
    "FilterSection",
    "GenerateSection",
    "GraderSection",
    "HeldoutSection",
    "LoraSection",
    "Price",
    "PromptsSection",
    "Recipe",
    "SelectSection",
    "Shape",
    "TaskSection",
    "TeacherSection",
    "TrainSection",
    "load_recipe",
]
