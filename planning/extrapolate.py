"""From a few prompts that were asked to all that are to be: totals with the range that holds them 95 times of 100.

What a request's input costs follows from its size, which is known of every prompt, by the ratio that the pilot saw.
What answers cost is the pilot's mean, moved along a straight line in the size where the pilot shows one. The estimate's
jackknife pseudo-values (Tukey 1958) stand for the prompts; their mean has a studentised bootstrap interval on the
log scale (Efron & Tibshirani 1993, chapter 12), because lengths are skewed and few. What the prompts still to be asked vary by
themselves is added. Values that are all equal tell nothing of a spread: then the rule of three (Hanley & Lippman-Hand 1983) is
all that is known. `python -m potstill.bench.plan_coverage` measures how often it holds.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import exp, log, sqrt
from typing import TYPE_CHECKING, Any

from ..store.wilson import wilson
from .range import NOTHING, Range

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

CONFIDENCE = 0.95
RESAMPLES = 1999
STRAIGHT = 0.5
"""The correlation of answer and size from which the line is believed."""
THIN = 0.2
"""A resample's spread counts as at least this part of the pilot's: one of equal values would have none."""
EQUAL = 1e-9
"""A relative difference below this is the rounding of a sum."""
UNSEEN = 3
"""Of n values that are all equal, a share of 3/n is what the others may be, 95 times of 100: the rule of three."""
LEAST = 8
"""Prompts of a pilot at least: fewer say nothing of their own spread."""


@dataclass(frozen=True, slots=True)
class Sample:
    """What the pilot saw of one quantity, prompt by prompt."""

    bodies: "Array"
    """Bytes of each prompt's request body, shape (prompts,)."""
    inputs: "Array"
    """What the input of one request came to, shape (prompts,); zeros where a quantity has no part in the input."""
    answers: "Array"
    """What each answer came to, shape (prompts, draws); zeros where a quantity has no part in the output."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is to be asked: one number per prompt."""

    bodies: "Array"
    """Bytes of the request body."""
    requests: "Array"
    """Requests that it takes."""
    draws: "Array"
    """Answers that are wanted."""


def total(sample: Sample, target: Target, most: float | None = None, confidence: float = CONFIDENCE) -> Range:
    """The target's total of a quantity, with the range that the stated share of corpora falls into.

    `most` is what it can come to if every prompt is unlike the pilot's, None where nobody can say: the range reaches towards
    it where the pilot's prompts are all alike.
    """
    import numpy as np

    if not target.draws.sum():
        return NOTHING
    values = _pseudo_values(sample, target)
    likely, spread = float(values.mean()), float(values.var(ddof=1))
    if likely <= 0 or sqrt(spread) <= EQUAL * likely:
        found = Range.exactly(max(likely, 0.0))
    else:
        count = len(values)
        own = _own_variance(sample.answers, target.draws) / (spread / count)
        # So few prompts say too little of their own spread: n / (n − 3) is the variance of Student's t with n − 1 degrees.
        widen = sqrt((1 + own) * count / (count - 3))
        found = _log_interval(values, widen, confidence, np.random.default_rng(0))
    return found if most is None or not _is_flat(sample) else _with_unseen(found, len(values), most)


def _is_flat(sample: Sample) -> bool:
    """Whether all prompts were answered alike; without a part in the output, whether all inputs had the same ratio."""
    means = sample.answers.mean(axis=1)
    seen = means if means.any() else sample.inputs / sample.bodies
    return bool(seen.max() - seen.min() <= EQUAL * seen.max())


def _with_unseen(found: Range, count: int, most: float) -> Range:
    """A range that reaches to where the total may be if a share of 3/n costs nothing, or all that it can."""
    share, likely = min(UNSEEN / count, 1.0), found.likely
    return Range(
        min(found.low, (1 - share) * likely), likely, max(found.high, likely + share * max(most - likely, 0.0))
    )


def _pseudo_values(sample: Sample, target: Target) -> "Array":
    """The estimate's jackknife pseudo-values, moved so that their mean is the estimate; shape (prompts,)."""
    import numpy as np

    means = sample.answers.mean(axis=1)
    straight = _correlation(sample.bodies, means) >= STRAIGHT
    every = np.arange(len(means))
    whole = _estimate(sample, means, target, every, straight)
    left_out = [_estimate(sample, means, target, np.delete(every, one), straight) for one in every]
    values = len(means) * whole - (len(means) - 1) * np.array(left_out)
    return values - values.mean() + whole


def _estimate(sample: Sample, means: "Array", target: Target, chosen: Any, straight: bool) -> float:
    """The target's total as the chosen prompts of the pilot tell it."""
    bodies, answers = sample.bodies[chosen], means[chosen]
    input_total = sample.inputs[chosen].sum() / bodies.sum() * float(target.bodies @ target.requests)
    draws = target.draws.sum()
    mean = answers.mean()
    if straight:
        off = bodies - bodies.mean()
        slope = float(off @ answers) / max(float(off @ off), 1e-12)
        mean = max(mean + slope * (float(target.bodies @ target.draws) / draws - bodies.mean()), 0.0)
    return float(input_total + draws * mean)


def _correlation(bodies: "Array", means: "Array") -> float:
    import numpy as np

    if bodies.std() == 0 or means.std() == 0:
        return 0.0
    return float(np.corrcoef(bodies, means)[0, 1])


def _own_variance(answers: "Array", draws: "Array") -> float:
    """The variance of the target's total around its own expectation: between prompts, and between draws of a prompt."""
    within = float(answers.var(axis=1, ddof=1).mean()) if answers.shape[1] > 1 else 0.0
    between = max(float(answers.mean(axis=1).var(ddof=1)) - within / answers.shape[1], 0.0)
    return float((draws**2).sum()) * between + float(draws.sum()) * within


def _log_interval(values: "Array", widen: float, confidence: float, random: "np.random.Generator") -> Range:
    """The mean of positive values with its studentised bootstrap interval on the log scale, made `widen` times as wide."""
    import numpy as np

    mean, spread = float(values.mean()), float(values.std(ddof=1))
    again = values[random.integers(0, len(values), (RESAMPLES, len(values)))]
    means = np.maximum(again.mean(axis=1), mean / 100)
    relative = np.maximum(again.std(axis=1, ddof=1) / means, THIN * spread / mean)
    high, low = np.quantile(np.log(means / mean) / relative, [(1 - confidence) / 2, (1 + confidence) / 2])
    reach = spread / mean * widen
    return Range(mean * exp(-max(low, 0.0) * reach), mean, mean * exp(-min(high, 0.0) * reach))


def kept_share(kept: Sequence[int], draws: int, prompts: int, confidence: float = CONFIDENCE) -> Range:
    """The share of all draws that the rules keep, from the number kept of each prompt of the pilot.

    Wilson's interval, for as many independent draws as would vary as much as the pilot's prompts do; narrower where the pilot
    is a good part of all `prompts`.
    """
    count = len(kept)
    share = sum(kept) / (count * draws)
    varies = sum((one / draws - share) ** 2 for one in kept) / max(count - 1, 1) / count
    alike = share * (1 - share) / varies if varies else count
    low, high = wilson(share, min(max(alike, 1.0), count * draws), confidence)
    left = sqrt(max(1 - count / prompts, 0.0))
    return Range(share - (share - low) * left, share, share + (high - share) * left)


def quotient(above: Range, below: Range) -> Range | None:
    """One quantity per unit of another, the two taken as independent (MOVER on logs, Zou & Donner 2008).

    None where the likely value below is 0; the high end is infinite where the lowest below is.
    """
    if below.likely <= 0 or above.likely <= 0:
        return None if below.likely <= 0 else NOTHING
    middle = above.likely / below.likely
    down = _far(log(above.likely / above.low), log(below.high / below.likely))
    up = _far(log(above.high / above.likely), log(below.likely / below.low) if below.low > 0 else float("inf"))
    return Range(middle * exp(-down), middle, middle * exp(up))


def _far(one: float, other: float) -> float:
    return sqrt(one * one + other * other)
