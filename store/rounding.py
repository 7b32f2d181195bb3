"""Shares as tenths of a per cent; the ends of an interval are rounded outwards, so that none looks narrower than it is."""

from math import ceil, floor

_FUZZ = 1e-9
"""What floating point adds is no reason to round away."""


def nearest(share: float) -> float:
    """Per cent to the nearest tenth; only 0 is written as 0, and nothing below 1 as 100."""
    tenths = round(share * 1000)
    if 0 < share < 1:
        tenths = min(max(tenths, 1), 999)
    return tenths / 10


def down(share: float) -> float:
    """Per cent, a tenth at most below: the lower end of an interval."""
    return floor(share * 1000 + _FUZZ) / 10


def up(share: float) -> float:
    """Per cent, a tenth at most above: the upper end of an interval."""
    return ceil(share * 1000 - _FUZZ) / 10
