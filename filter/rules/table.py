"""The rules, by the names that a recipe lists. To add one: a file beside this, a line here, its name in recipe/filter.py."""

from collections.abc import Mapping

from ...recipe import FilterSection
from ...recipe.filter import RuleName
from ...store.rows import LEAK
from ..rule import MakeRule, Rule
from . import (
    agreement,
    bounds,
    exact,
    format,  # noqa: A004 - named as the recipe names it
    gopher,
    grade,
    judge,
    language,
    leak,
    length,
    loops,
    near,
    reasoning,
    refusal,
    residue,
    status,
)

RULES: Mapping[RuleName, MakeRule] = {
    "status": status.make,
    "length": length.make,
    "refusal": refusal.make,
    "residue": residue.make,
    "reasoning": reasoning.make,
    "loops": loops.make,
    "gopher": gopher.make,
    "language": language.make,
    "format": format.make,
    "grade": grade.make,
    "leak": leak.make,
    "agreement": agreement.make,
    "exact": exact.make,
    "near": near.make,
    "bounds": bounds.make,
    "judge": judge.make,
}

FIRST: tuple[RuleName, ...] = ("status", "leak")
"""Listed or not: an answer that is not whole is never trained on; what repeats the held-out prompts not even as a control."""
PAID: tuple[RuleName, ...] = ("judge",)
"""Rules that read scores which cost something: those are only computed for what the other rules keep, so they come last."""


def rules_of(section: FilterSection) -> dict[str, Rule]:
    """The recipe's rules in their order; `status` and `leak` are among them, listed or not.

    Raises:
        BadRecipe: the settings of a rule do not hold.
    """
    first: list[RuleName] = [name for name in FIRST if name != LEAK or section.leak.drop]
    between: list[RuleName] = [name for name in section.rules if name not in (*FIRST, *PAID)]
    last: list[RuleName] = [name for name in PAID if name in section.rules]
    late = bounds.late(section) if "bounds" in section.rules else {}
    free = {name: RULES[name](section) for name in (*first, *between)}
    return {**free, **late, **{name: RULES[name](section) for name in last}}
