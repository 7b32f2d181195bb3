"""The rule `bounds`: any score within bounds that the recipe gives, by the name of its column.

Bounds on scores that come late look behind the other rules, as `late_bounds`: only what those keep has such a score, and before
them a twin of what they drop would be let in without one.
"""

from collections.abc import Mapping

import numpy as np

from ...recipe import FilterSection
from ...recipe.filter import Bounds
from ..rule import Mask, Rule, Ruling, keep_all
from ..scored import LATE, Scored

LATE_BOUNDS = "late_bounds"


def make(section: FilterSection) -> Rule:
    """Drop answers of which a free score is out of its bounds; with none given, let all pass."""
    return _within({name: bound for name, bound in section.bounds.items() if name not in LATE})


def late(section: FilterSection) -> dict[str, Rule]:
    """The same for scores that come late, by its name; nothing where the recipe has no such bounds."""
    bounds = {name: bound for name, bound in section.bounds.items() if name in LATE}
    return {LATE_BOUNDS: _within(bounds)} if bounds else {}


def _within(bounds: Mapping[str, Bounds]) -> Rule:
    def look(scored: Scored, still_in: Mask) -> Ruling:
        first = np.full(len(scored), -1)
        unscored = np.zeros(len(scored), bool)
        for number, (name, bound) in enumerate(bounds.items()):
            values = scored.number(name)
            out = np.zeros(len(scored), bool)
            out |= values < (-np.inf if bound.at_least is None else bound.at_least)
            out |= values > (np.inf if bound.at_most is None else bound.at_most)
            first[out & (first < 0)] = number
            unscored |= np.isnan(values)

        def why(row: int) -> tuple[str, str]:
            name = list(bounds)[first[row]]
            return f"{name} is out of its bounds", f"{scored.number(name)[row]:.4g}"

        return Ruling(first >= 0, unscored, why)

    return Rule(look if bounds else keep_all)
