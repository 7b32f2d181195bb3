"""What `potstill init` writes: a short recipe that runs, its comments taken from the fields' own descriptions."""

from collections.abc import Mapping, Sequence
from typing import Any

import yaml
from pydantic import BaseModel

from .budget import BudgetSection
from .eval import GraderSection
from .generate import GenerateSection
from .prompts import PromptsSection
from .recipe import Recipe
from .teacher import TeacherSection
from .train import TrainSection

HEAD = "# A recipe: `potstill check` looks it over, `potstill plan` says what it costs, `potstill run` does the work.\n"

_Line = tuple[str, type[BaseModel], Any]

TEACHERS: Mapping[str, Sequence[_Line]] = {
    "openai": (
        ("teacher.base_url", TeacherSection, "https://api.openai.com/v1"),
        ("teacher.model", TeacherSection, "gpt-4o-mini"),
        ("teacher.api_key_env", TeacherSection, "OPENAI_API_KEY"),
        ("teacher.concurrency", TeacherSection, 32),
    ),
    "vllm": (
        ("teacher.base_url", TeacherSection, "http://127.0.0.1:8000/v1"),
        ("teacher.model", TeacherSection, "Qwen/Qwen3-32B"),
        ("teacher.concurrency", TeacherSection, 256),
    ),
    "practice": (
        ("teacher.base_url", TeacherSection, "practice://skills"),
        ("teacher.model", TeacherSection, "practice-1"),
        ("teacher.concurrency", TeacherSection, 64),
    ),
}
"""The teacher's lines by kind; everything else is the same."""

OFFERED: Mapping[str, Sequence[_Line]] = {"openai": (("budget.usd", BudgetSection, 20),)}
"""Lines for a teacher that is paid for, written as comments: to be taken in by whoever wants them."""

PRACTICE_TRAINING: Mapping[str, Sequence[_Line]] = {"practice": (("train.steps", TrainSection, 200),)}
"""A student from nothing needs its steps, however few the rows."""

STUDENTS = {"openai": "Qwen/Qwen3-0.6B", "vllm": "Qwen/Qwen3-0.6B", "practice": "scratch:tiny"}


def starter_recipe(teacher: str, prompts: str, name: str) -> str:
    """The text of a recipe for a kind of teacher and a source of prompts."""
    asking: list[_Line] = [("name", Recipe, name), *TEACHERS[teacher]]
    rest: list[_Line] = [
        ("prompts.path", PromptsSection, prompts),
        ("generate.draws", GenerateSection, 3),
        ("generate.max_tokens", GenerateSection, 128 if teacher == "practice" else 1024),
        ("train.student", TrainSection, STUDENTS[teacher]),
        *PRACTICE_TRAINING.get(teacher, ()),
        ("eval.grader.kind", GraderSection, "normalised"),
    ]
    offered = [f"# {line}" for line in _written(OFFERED.get(teacher, ()))]
    return "".join([HEAD, *_written(asking), *offered, *_written(rest)])


def _inline(value: Any) -> str:
    return yaml.safe_dump(value, default_flow_style=True, width=float("inf")).splitlines()[0]


def _written(lines: Sequence[_Line]) -> list[str]:
    text: list[str] = []
    open_sections: list[str] = []
    for dotted, section, value in lines:
        *sections, field = dotted.split(".")
        for depth, part in enumerate(sections):
            if sections[: depth + 1] != open_sections[: depth + 1]:
                text.append(f"{'  ' * depth}{part}:\n")
        open_sections = sections
        description = " ".join((section.model_fields[field].description or "").split())
        entry = f"{'  ' * len(sections)}{field}: {_inline(value)}"
        text.append(f"{entry}  # {description}\n")
    return text
