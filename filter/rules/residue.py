"""The rule `residue`: answers that give away what wrote them.

A model that speaks of itself, marks of its template or a turn of its own (filter/scores/residue.py), its instructions repeated
(instructions.py), a slip into another script (scripts.py).
"""

import numpy as np
import pyarrow as pa

from ...recipe import FilterSection
from ...texts.arrow import pc
from ..rule import Mask, Rule, Ruling
from ..scored import Scored

LEAKED = "repeats its system message"
SLIPPED = "falls into another script"


def make(section: FilterSection) -> Rule:
    """Drop answers with any kind of residue; the reason is the first kind, the detail the words."""
    return Rule(_look)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    kinds = scored.column("residue", pa.string())
    told = np.asarray(pc.fill_null(pc.not_equal(kinds, ""), False))
    leaked = scored.number("instructions") > 0
    slipped = np.asarray(pc.fill_null(pc.not_equal(scored.column("_slip", pa.string()), ""), False))

    def why(row: int) -> tuple[str, str]:
        if told[row]:
            return scored.text("residue", row), scored.text("_residue_seen", row)
        return (LEAKED, scored.text("_instructions_seen", row)) if leaked[row] else (SLIPPED, scored.text("_slip", row))

    return Ruling(told | leaked | slipped, np.asarray(pc.is_null(kinds)), why)
