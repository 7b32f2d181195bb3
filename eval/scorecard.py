"""`scorecard.json`: everything the evaluation found, as one JSON value."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .circumstances import Circumstances
from .findings import Compared, Findings
from .items import Item
from .score_interval import Interval
from .statistics import Undefined
from .verdict import decide

TRAINING_SEEDS = 1


def scorecard(
    items: Mapping[str, Sequence[Item]], how: Mapping[str, str], findings: Findings | None, around: Circumstances
) -> dict[str, Any]:
    """What rests on the graded items; the stage adds speeds and costs.

    Args:
        items: by arm, one for each prompt.
        how: by arm, one sentence on how it was asked.
        findings: what the graded items say; None when there are none.
        around: what the verdict has to mention.
    """
    nothing = Undefined("no held-out prompt was graded for every arm")
    n, scores = (findings.n, findings.scores) if findings else (0, {})
    return {
        "verdict": asdict(decide(findings, around)),
        "n": n,
        "confidence": around.confidence,
        "retain": around.retain,
        "grader": around.grader,
        "training_seeds": TRAINING_SEEDS,
        "arms": {name: _arm(arm, how[name], scores.get(name), n, around.prompts) for name, arm in items.items()},
        "retained": _share(findings.retained if findings else nothing),
        "gap_recovered": _share(findings.gap_recovered if findings else nothing),
        "difference": {name: _compared(one) for name, one in findings.differences.items()} if findings else {},
        "filtering": _compared(findings.filtering) if findings and findings.filtering else None,
        "selection": _compared(findings.selection) if findings and findings.selection else None,
    }


def _arm(items: Sequence[Item], how: str, score: Interval | None, n: int, prompts: int) -> dict[str, Any]:
    """One arm, scored over the prompts that every arm was graded on; n + unparsable + excluded are all prompts."""
    unparsable = sum(item.verdict == "unparsable" for item in items)
    answered = [item for item in items if item.verdict != "error"]
    return {
        "score": score.value if score else None,
        "low": score.low if score else None,
        "high": score.high if score else None,
        "n": n,
        "right": round(score.value * n) if score else 0,
        "unparsable": unparsable,
        "excluded": prompts - n - unparsable,
        "mean_output_tokens": sum(item.output_tokens for item in answered) / len(answered) if answered else None,
        "finish": dict(Counter(item.finish_reason for item in answered).most_common()),
        "status": dict(Counter(item.status for item in items).most_common()),
        "how": how,
    }


def _share(found: Interval | Undefined) -> dict[str, Any]:
    """Three numbers, or none of them and why."""
    if isinstance(found, Undefined):
        return {"value": None, "low": None, "high": None, "why": found.why}
    return asdict(found)


def _compared(found: Compared) -> dict[str, Any]:
    return {**asdict(found.interval), "p": found.p}
