"""The rule `leak`: a row that repeats a held-out prompt or a benchmark is not trained on.

The prompt decides: the same text, 13 words in a row (GPT-3, arXiv 2005.14165; lm-eval), or half of the question's words in common
runs of eight (Tülu 3, arXiv 2411.15124). An answer counts by 13 words in a row alone. docs/leaks.md says what is no leak.
"""

import numpy as np
import pyarrow as pa

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling
from ..scored import Scored

KIND, TARGET = "_leak_kind", "_leak_target"
_NOT_A_LEAK = ("", "numbers", "answer, other numbers")


def make(section: FilterSection) -> Rule:
    """Drop rows whose prompt or answer repeats a target; the reason names the file, the detail the line."""
    ngram, coverage = section.leak.ngram, section.leak.coverage
    said = {
        "equal": "the same prompt",
        "13-gram": f"{ngram} words in a row",
        "coverage": f"{coverage:.0%} of its words",
        "answer": f"{ngram} words in a row in the answer",
    }

    def look(scored: Scored, still_in: Mask) -> Ruling:
        kinds = scored.column(KIND, pa.string()).to_pylist()

        def why(row: int) -> tuple[str, str]:
            target = scored.text(TARGET, row)
            return f"in {target.rpartition(', line ')[0]}: {said[kinds[row] or '']}", target

        dropped = np.array([kind is not None and kind not in _NOT_A_LEAK for kind in kinds], bool)
        return Ruling(dropped, np.array([kind is None for kind in kinds], bool), why)

    return Rule(look)
