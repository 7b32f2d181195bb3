"""Several trainings that differ in their seed alone: the interval that covers the training as well as the items."""

from collections.abc import Sequence
from math import inf, sqrt

import numpy as np

from .score_interval import Interval, critical


def over_seeds(
    items: Interval, estimates: Sequence[float], confidence: float, bounds: tuple[float, float] = (-inf, inf)
) -> Interval:
    """What another training on the same data, asked other items, would give on average.

    The distances to the two ends add up in quadrature (MOVER: Zou & Donner 2008, Stat. Med. 27:1693–1702): those of the
    interval over items, and Student's t times the standard error between the seeds. Never narrower than `items`.

    Between seeds there is also what each answers otherwise by chance, which is in `items` too; it is not taken out, for with few
    seeds an estimate of it is so poor that the interval would too often miss the truth, as it would with
    Satterthwaite's degrees of freedom. With two seeds t is 12.7 at 95%: the interval is twice as wide at least.

    Args:
        items: the number for the mean over the seeds of each item's score, with its interval over items.
        estimates: the same number for each seed alone.
        confidence: that of `items`.
        bounds: between which the number lies.

    Raises:
        ValueError: there are fewer than two seeds.
    """
    if len(estimates) < 2:
        raise ValueError("one training seed says nothing of another: two are the least")
    error = float(np.std(estimates, ddof=1)) / sqrt(len(estimates))
    seeds = sqrt(critical(confidence, len(estimates) - 1)) * error
    low = items.value - sqrt((items.value - items.low) ** 2 + seeds**2)
    high = items.value + sqrt((items.high - items.value) ** 2 + seeds**2)
    return Interval(items.value, max(low, bounds[0]), min(high, bounds[1]))
