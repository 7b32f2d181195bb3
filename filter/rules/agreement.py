"""The rule `agreement`: an answer stays if enough draws of its prompt say the same.

Self-consistency (Wang et al. 2022, arXiv 2203.11171) as a filter. It removes errors that differ from draw to draw; errors
that the teacher repeats pass, and a habit that it has in most draws is made stronger.
"""

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling, keep_all
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers whose score `agreement` is below `at_least`; prompts with too few draws are left unjudged. With no bound
    given, let all pass.
    """
    if section.agreement is None:
        return Rule(keep_all)
    at_least = section.agreement.at_least

    def look(scored: Scored, still_in: Mask) -> Ruling:
        agreeing, draws = scored.number("agreement"), scored.number("draws")
        unscored = np.isnan(agreeing) | (draws < at_least)
        reason = f"said by fewer than {at_least} draws"
        return Ruling((agreeing < at_least) & ~unscored, unscored, lambda row: (reason, ""))

    return Rule(look)
