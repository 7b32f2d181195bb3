"""Practice prompts: simulated questions with their right answers, for a recipe's `prompts.path`."""

from collections.abc import Iterator
from random import Random
from typing import Literal

from pydantic import Field

from ...recipe.section import Section
from .skills import HABITUAL_SHARE, SKILLS
from .url import checked, host_of, query_of


class PracticePrompts(Section):
    """What `practice://skills?rows=…` says of prompts."""

    rows: int = Field(default=1000, ge=1, le=50_000)
    """Prompts."""

    seed: int = 0
    """Another seed is another sample; a longer sample begins with the shorter one."""

    skill: Literal["contacts", "dates"] | None = None
    """Only this skill; all in turn if not given."""


def practice_prompts(url: str) -> Iterator[dict[str, str]]:
    """Distinct rows of `prompt`, `reference`, `family` and `slice`, the skills in turn; same address, same rows.

    Raises:
        BadRecipe: an unknown key or a value out of bounds.
    """
    host_of(url, ["skills"])
    return _rows(checked(url, PracticePrompts, query_of(url, PracticePrompts.model_fields)))


def _rows(wanted: PracticePrompts) -> Iterator[dict[str, str]]:
    names = [wanted.skill] if wanted.skill else list(SKILLS)
    # Reproducible on purpose, and nothing secret hangs on it.
    random = Random(f"practice prompts {wanted.seed}")  # noqa: S311
    seen: set[str] = set()
    while len(seen) < wanted.rows:
        row = _row(names[len(seen) % len(names)], random)
        if row["prompt"] not in seen:
            seen.add(row["prompt"])
            yield row


def _row(name: str, random: Random) -> dict[str, str]:
    skill = SKILLS[name]
    habitual = random.random() < HABITUAL_SHARE
    phrasing = 0 if habitual else random.randrange(1, len(skill.phrasings))
    thing = skill.invent(random)
    return {
        "prompt": skill.ask(thing, phrasing),
        "reference": skill.answer(thing),
        "family": f"{name} {skill.family(thing)}",
        "slice": name,
    }
