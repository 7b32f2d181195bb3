"""The rule `reasoning`: answers whose reasoning is marked off badly, or is all there is (filter/scores/reasoning.py)."""

import numpy as np
import pyarrow as pa

from ...recipe import FilterSection
from ...texts.arrow import pc
from ..rule import Mask, Rule, Ruling
from ..scored import Scored


def make(section: FilterSection) -> Rule:
    """Drop answers with a fault in their reasoning; the reason is the fault."""
    return Rule(_look)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    faults = scored.column("reasoning", pa.string())
    dropped = np.asarray(pc.fill_null(pc.not_equal(faults, ""), False))
    return Ruling(dropped, np.asarray(pc.is_null(faults)), lambda row: (scored.text("reasoning", row), ""))
