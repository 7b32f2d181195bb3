"""What a method is told: the template, the request options, the number of draws."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..prompts.templates import Template, load_template
from ..store.run import Run
from ..teacher.options import chat_options


@dataclass(frozen=True, slots=True)
class Plan:
    """How prompts are asked in this run."""

    method: str
    template: Template
    options: Mapping[str, Any]
    draws: int
    terms: str


def plan_of(run: Run) -> Plan:
    """The plan that a recipe asks for."""
    recipe = run.recipe
    return Plan(
        method=recipe.generate.method,
        template=load_template(recipe.generate.template, run.home),
        options=chat_options(recipe.generate, recipe.teacher),
        draws=recipe.generate.draws,
        terms=recipe.teacher.terms or "",
    )
