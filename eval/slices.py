"""Scores by kind of prompt: the prompts' column `slice`. Many slices find differences by chance, so their p-values are
Holm's.
"""

from collections import Counter
from dataclasses import asdict
from typing import Any

from .findings import Way, find
from .marks import Marks
from .significance import holm
from .statistics import Undefined

MOST = 50
"""Slices that are told, the largest first; `slices_left` of the scorecard counts the others."""


def slices_of(marks: Marks, way: Way, retain: float, confidence: float) -> list[dict[str, Any]]:
    """For each slice its prompts, the arms' scores, the share kept and the student minus the teacher; none where there is
    only one.
    """
    sizes = Counter(marks.slices)
    if len(sizes) < 2:
        return []
    told: list[dict[str, Any]] = []
    for name, many in sizes.most_common(MOST):
        found = find(marks.only([one == name for one in marks.slices]), way, retain, confidence)
        if found is None:
            continue
        compared = found.differences[f"student - {found.ceiling}"]
        kept = found.retained
        told.append(
            {
                "name": name or "(no slice)",
                "n": many,
                "arms": {arm: asdict(score) for arm, score in found.scores.items()},
                "retained": None if isinstance(kept, Undefined) else asdict(kept),
                "difference": asdict(compared.interval),
                "p": compared.p,
            }
        )
    if all(one["p"] is not None for one in told):
        for one, p in zip(told, holm([one["p"] for one in told]), strict=True):
            one["p"] = p
    return told
