"""`scorecard.json`: everything the evaluation found, as one JSON value."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from .circumstances import Circumstances
from .findings import Compared, Findings
from .items import NO_VERDICT, Item
from .score_interval import Interval
from .statistics import Undefined
from .verdict import decide

_NOTHING = Undefined("no held-out prompt was marked for student and teacher alike")


def scorecard(
    items: Mapping[str, Sequence[Item]], how: Mapping[str, str], findings: Findings | None, around: Circumstances
) -> dict[str, Any]:
    """What rests on the marked items; the stage adds slices, tasks, speeds and costs.

    Args:
        items: by arm, one for each prompt.
        how: by arm, one sentence on how it was asked.
        findings: what the marks say; None when there are none.
        around: what the verdict has to mention.
    """
    return {
        "verdict": asdict(decide(findings, around)),
        "by": around.way,
        "confidence": around.confidence,
        "retain": around.retain,
        "grader": around.grader,
        "training_seeds": around.seeds,
        "families": around.families,
        "judge": told_judge(around),
        **numbers(items, how, findings, around.prompts),
        "beyond_chance": _compared(findings.beyond_chance) if findings else None,
        "filtering": _compared(findings.filtering) if findings else None,
        "selection": _compared(findings.selection) if findings else None,
        "teaching": _compared(findings.teaching) if findings else None,
    }


def numbers(
    items: Mapping[str, Sequence[Item]], how: Mapping[str, str], findings: Findings | None, prompts: int
) -> dict[str, Any]:
    """Arms and their comparisons, of the held-out prompts or of a task."""
    n, scores = (findings.n, findings.scores) if findings else (0, {})
    counted = findings.counted if findings else {}
    return {
        "n": n,
        "ceiling": findings.ceiling if findings else None,
        "arms": {
            name: _arm(arm, how.get(name, ""), scores.get(name), counted.get(name, 0), prompts)
            for name, arm in items.items()
        },
        "students": asdict(findings.student) if findings else None,
        "retained": told_share(findings.retained if findings else _NOTHING),
        "kept_alone": told_share(findings.kept_alone if findings else _NOTHING),
        "gap_recovered": told_share(findings.gap_recovered if findings else _NOTHING),
        "difference": {name: _compared(one) for name, one in findings.differences.items()} if findings else {},
        "smallest_difference": findings.smallest if findings else None,
    }


def _arm(items: Sequence[Item], how: str, score: Interval | None, n: int, prompts: int) -> dict[str, Any]:
    """One arm, scored over the n prompts of the comparison on which it has a mark; n + unparsable + excluded are all."""
    unparsable = sum(item.verdict in NO_VERDICT for item in items)
    answered = [item for item in items if item.verdict != "error"]
    return {
        "score": score.value if score else None,
        "low": score.low if score else None,
        "high": score.high if score else None,
        "n": n if score else 0,
        "verdicts": dict(Counter(item.verdict for item in items).most_common()),
        "unparsable": unparsable,
        "excluded": max(0, prompts - n - unparsable),
        "mean_output_tokens": sum(item.output_tokens for item in answered) / len(answered) if answered else None,
        "mean_characters": sum(len(item.text) for item in answered) / len(answered) if answered else None,
        "finish": dict(Counter(item.finish_reason for item in answered).most_common()),
        "status": dict(Counter(item.status for item in items).most_common()),
        "how": how,
    }


def told_judge(around: Circumstances) -> dict[str, Any] | None:
    """The judge's identity and how far it can be believed."""
    judge = around.judge
    if judge is None:
        return None
    return {
        "model": judge.model,
        "simulated": judge.simulated,
        "own_family": judge.own_family,
        "students_family": judge.students_family,
        "exam": judge.exam.told(),
        "asked": judge.asked,
        "inconsistent": judge.inconsistent,
        "silent": judge.silent,
        "lengths": asdict(judge.lengths) if judge.lengths else None,
        "length_doubt": judge.length_doubt,
    }


def told_share(found: Interval | Undefined) -> dict[str, Any]:
    """Three numbers, or none of them and why."""
    if isinstance(found, Undefined):
        return {"value": None, "low": None, "high": None, "why": found.why}
    return asdict(found)


def _compared(found: Compared | None) -> dict[str, Any] | None:
    return None if found is None else {**asdict(found.interval), "p": found.p, "n": found.n}
