"""The rule `status`: only whole answers stay. A cut-off answer teaches the student to stop in the middle."""

import numpy as np

from ...recipe import FilterSection
from ...texts.arrow import pc
from ..rule import Mask, Rule, Ruling
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop every row whose status is not `ok`; the reason is the status."""
    return Rule(_look)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    dropped = np.asarray(pc.not_equal(scored.batch.column("_status"), "ok"))
    return Ruling(
        dropped, np.zeros_like(dropped), lambda row: (scored.text("_status", row), scored.text("_error", row))
    )
