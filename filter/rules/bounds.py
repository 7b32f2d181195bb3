"""The rule `bounds`: any score within bounds that the recipe gives, by the name of its column."""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling, keep_all
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers of which a score is out of its bounds; with none given, let all pass."""
    bounds = section.bounds

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
