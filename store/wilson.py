"""Wilson's interval of a share, in closed form (Wilson 1927): no package needed, and no width of zero."""

from math import sqrt
from statistics import NormalDist


def normal_quantile(confidence: float) -> float:
    """How many standard deviations a two-sided interval of this confidence reaches."""
    return NormalDist().inv_cdf((1 + confidence) / 2)


def wilson(share: float, count: float, confidence: float) -> tuple[float, float]:
    """The ends of the interval of a share that was seen among `count` of equal weight; `count` may be a fraction."""
    z = normal_quantile(confidence)
    middle = (share + z * z / (2 * count)) / (1 + z * z / count)
    half = z / (1 + z * z / count) * sqrt(share * (1 - share) / count + z * z / (4 * count * count))
    # At 0 and 1 the ends miss the share by a rounding error.
    return min(max(middle - half, 0.0), share), max(min(middle + half, 1.0), share)
