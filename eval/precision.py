"""What a number of held-out prompts can tell, said before any of them is asked: closed forms of what eval computes later."""

from dataclasses import dataclass
from math import ceil, sqrt
from statistics import NormalDist

from ..store.wilson import normal_quantile, wilson

SCORES = (0.5, 0.8, 0.95)
"""The scores of an arm for which the interval is shown."""
DISCORDANT = 0.2
"""The share of prompts on which teacher and student are assumed not to be right or wrong together."""
POWER = 0.8
"""How often a difference that is called the smallest to be told is found."""


@dataclass(frozen=True, slots=True)
class Precision:
    """What `prompts` graded prompts buy."""

    prompts: int
    intervals: dict[float, tuple[float, float]]
    """Score → the ends of its interval (Wilson)."""
    smallest_difference: float | None
    """Between teacher and student, found with the power above; None where no difference could be."""
    equal_student_needs: int | None
    """Prompts from which a student as good as the teacher (both at 80%) is expected to pass the bar; None: it never is."""


def precision(prompts: int, confidence: float, retain: float) -> Precision | None:
    """What so many prompts with a reference buy; None for none.

    Args:
        prompts: held-out prompts that can be graded.
        confidence: the level of every interval.
        retain: the share of the teacher's score that the student must keep.
    """
    if not prompts:
        return None
    return Precision(
        prompts,
        {score: wilson(score, prompts, confidence) for score in SCORES},
        _smallest_difference(prompts, confidence),
        _equal_student_needs(confidence, retain),
    )


def _smallest_difference(prompts: int, confidence: float) -> float | None:
    """The difference δ that McNemar's test finds with the stated power (Connor 1987, Biometrics 43:207-211).

    It solves z_α √ψ + z_β √(ψ − δ²) = δ √n for the share ψ of discordant pairs, a quadratic in δ.
    """
    level, power = normal_quantile(confidence), NormalDist().inv_cdf(POWER)
    by_chance = level * sqrt(DISCORDANT)
    leading = prompts + power * power
    middle = sqrt(prompts) * by_chance
    rest = by_chance * by_chance - power * power * DISCORDANT
    found = (middle + sqrt(max(middle * middle - leading * rest, 0.0))) / leading
    return found if found < DISCORDANT else None


def _equal_student_needs(confidence: float, retain: float, score: float = 0.8) -> int | None:
    """The prompts at which the lower bound of an equal student's share kept meets `retain`, by its expected table.

    With u − r v as in `score_interval`: mean (1 − r) p, variance (1 − r)² p + r ψ less the mean's square.
    """
    mean = (1 - retain) * score
    if mean <= 0:
        return None
    variance = (1 - retain) ** 2 * score + retain * DISCORDANT - mean * mean
    return ceil(normal_quantile(confidence) ** 2 * variance / mean**2)
