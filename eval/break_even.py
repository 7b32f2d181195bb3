"""After how many requests the distillation has paid for itself, and from which load on a machine of one's own is worth its
rent.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, sqrt
from statistics import fmean, stdev


@dataclass(frozen=True, slots=True)
class Price:
    """US dollars for a request, with an interval."""

    value: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class BreakEven:
    """Requests after which what was spent is earned back."""

    requests: float | None
    low: float | None
    high: float | None
    """None where it may never pay."""
    requests_per_hour: float | None
    """Below this load a rented machine costs more than the teacher's answers would."""
    why: str = ""
    """Why there is no number, where there is none."""


def mean_price(usd: Sequence[float], confidence: float) -> Price | None:
    """The mean price of a request, from those that were sent, with Student's interval; None without any."""
    from scipy.stats import t

    if not usd:
        return None
    mean, count = fmean(usd), len(usd)
    half = float(t.ppf((1 + confidence) / 2, count - 1)) * stdev(usd) / sqrt(count) if count > 1 else inf
    return Price(mean, max(mean - half, 0.0), mean + half)


def break_even(
    spent: float, teacher: Price | None, student: Price | None, machine_usd_per_hour: float | None
) -> BreakEven:
    """Spent over saved: the saving of a request is the teacher's price less the student's (Zou & Donner 2008 for its interval).

    Args:
        spent: what the distillation cost, all of it.
        teacher: its price for one request; None where it gave no answer.
        student: its price for one request at full load; None where it was not timed or its machine has no price.
        machine_usd_per_hour: the rent of the machine that serves the student.
    """
    if teacher is None:
        return _none("the teacher was asked no held-out prompt")
    if teacher.value == 0:
        return _none("the teacher's requests have no price (`teacher.price`)")
    if student is None or machine_usd_per_hour is None:
        return _none("the student's machine has no price (`eval.machine_usd_per_hour`), or the student was not timed")
    load = machine_usd_per_hour / teacher.value
    saved = teacher.value - student.value
    if saved <= 0:
        return BreakEven(None, None, None, load, "a request to the student costs no less than one to the teacher")
    least = saved - sqrt((teacher.value - teacher.low) ** 2 + (student.high - student.value) ** 2)
    most = saved + sqrt((teacher.high - teacher.value) ** 2 + (student.value - student.low) ** 2)
    return BreakEven(spent / saved, spent / most, spent / least if least > 0 else None, load)


def _none(why: str) -> BreakEven:
    return BreakEven(None, None, None, None, why)
