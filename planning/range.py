"""A low, a likely and a high number: what a plan says instead of one."""

from dataclasses import dataclass
from typing import Self


@dataclass(frozen=True, slots=True)
class Range:
    """Three numbers in rising order."""

    low: float
    likely: float
    high: float

    def __add__(self, other: "Range") -> "Range":
        return Range(self.low + other.low, self.likely + other.likely, self.high + other.high)

    def times(self, factor: float) -> "Range":
        """Each of the three times a factor of 0 or more."""
        return Range(self.low * factor, self.likely * factor, self.high * factor)

    def at_most(self, bound: float) -> "Range":
        """Each of the three, or the bound where it is above."""
        return Range(min(self.low, bound), min(self.likely, bound), min(self.high, bound))

    def at_least(self, other: "Range") -> "Range":
        """The larger of two ranges, number by number."""
        return Range(max(self.low, other.low), max(self.likely, other.likely), max(self.high, other.high))

    @classmethod
    def exactly(cls, number: float) -> Self:
        """Where nothing is uncertain."""
        return cls(number, number, number)


NOTHING = Range(0.0, 0.0, 0.0)
