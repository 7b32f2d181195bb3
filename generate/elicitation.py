"""What a method is told: how to ask, the number of draws, and what every row repeats."""

from dataclasses import dataclass

import orjson

from ..graders.structured import form_of
from ..store.run import Run
from ..teacher.asking import Asking, asking_of


@dataclass(frozen=True, slots=True)
class Elicitation:
    """How prompts are asked in this run."""

    method: str
    asking: Asking
    draws: int
    template: str
    """Digest of the template."""
    parameters: str
    """The options of the first request as JSON; an answer that was cut off was asked again under a larger cap."""
    terms: str


def elicitation_of(run: Run) -> Elicitation:
    """How a recipe wants its prompts asked.

    Raises:
        BadRecipe: its template or its schema cannot be used.
    """
    recipe = run.recipe
    asking = asking_of(run, form_of(recipe.generate, run.home))
    return Elicitation(
        method=recipe.generate.method,
        asking=asking,
        draws=recipe.generate.draws,
        template=asking.template.digest,
        parameters=orjson.dumps(asking.options, option=orjson.OPT_SORT_KEYS).decode(),
        terms=recipe.teacher.terms or "",
    )
