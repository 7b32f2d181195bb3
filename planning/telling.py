"""What the held-out prompts can tell, by what the verdict will rest on."""

from collections.abc import Mapping
from math import ceil
from typing import Any

from ..eval.findings import Way
from ..eval.precision import DISCORDANT, POWER, precision
from ..recipe import EvalSection
from ..store.wilson import normal_quantile

NO_VERDICT = (
    "there will be no verdict. Give references (`prompts.columns` names their column), or a judge (`eval.judge`), or "
    "`eval.by: agreement` with a grader, which holds the student's answers against the teacher's"
)
RESTS_ON: Mapping[Way, str] = {
    "reference": "the verdict will rest on references",
    "agreement": "the verdict will rest on how often the student agrees with the teacher, beside how often the teacher agrees "
    "with itself, asked twice",
    "pairs": "the verdict will rest on a judge's choice between the student's answer and the teacher's, in both orders",
    "grades": "the verdict will rest on a judge's grades of the student's answers and of the teacher's",
}


def rests_on(way: Way | None, asked: int) -> str:
    """What the verdict will rest on when so many held-out prompts are asked, or what to give that there be one."""
    return RESTS_ON[way] if way is not None and asked else NO_VERDICT


def heldout_buys(section: EvalSection, way: Way | None, asked: int) -> dict[str, Any] | None:
    """What so many held-out prompts tell, as JSON; None where nothing can be told.

    The closed forms are those of answers that are right or wrong. Points and grades between the two only narrow what they say.
    """
    found = precision(asked, section.confidence, section.retain)
    if found is None or way is None:
        return None
    needed = found.equal_student_needs
    return {
        "prompts": found.prompts,
        "by": way,
        "confidence": section.confidence,
        "retain": section.retain,
        "intervals": {f"{score:.0%}": {"low": low, "high": high} for score, (low, high) in found.intervals.items()},
        "smallest_difference": found.smallest_difference,
        "equal_student_needs": needed_in_pairs(section.confidence, section.retain) if way == "pairs" else needed,
        "assumed": {"discordant": DISCORDANT, "power": POWER},
    }


def needed_in_pairs(confidence: float, retain: float) -> int | None:
    """The pairs at which the lower bound of an equal student's points, as a share of one half, meets `retain`; None: never.

    The bound is where s − r / 2 may be 0, of mean (1 − r) / 2 and variance ψ / 4, if a share ψ of pairs are no ties and either
    wins half of those.
    """
    mean = (1 - retain) / 2
    if mean <= 0:
        return None
    return ceil(normal_quantile(confidence) ** 2 * DISCORDANT / 4 / mean**2)
