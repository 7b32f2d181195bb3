"""The skills that the practice teacher has, and how it finds one in what it is asked."""

import re
from dataclasses import dataclass
from typing import Any

from .contacts import CONTACTS
from .dates import DATES
from .skill import Skill

SKILLS: dict[str, Skill[Any]] = {skill.name: skill for skill in (CONTACTS, DATES)}

HABITUAL_SHARE = 0.4
"""The share of prompts in the phrasing that has the bad habit; the other phrasings share the rest evenly.

At the default settings the teacher is right in 0.6 · 0.86 + 0.4 · 0.4 · 0.86 = 65% of its draws.
"""

_OF_MARKER = {skill.marker: skill for skill in SKILLS.values()}
_MARKED = re.compile(rf"^({'|'.join(_OF_MARKER)}): (.+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Task:
    """What a prompt asks for."""

    skill: Skill[Any]
    thing: Any
    phrasing: int
    """How it is asked: the place in the skill's phrasings, of which the first has the bad habit."""


def task_in(prompt: str) -> Task | None:
    """The last line of a prompt that begins with a skill's marker, understood; None when there is none."""
    marked = _MARKED.findall(prompt)
    if not marked:
        return None
    skill = _OF_MARKER[marked[-1][0]]
    found = skill.read(marked[-1][1].strip())
    return Task(skill, *found) if found else None
