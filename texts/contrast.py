"""Words that turn what a text says into something else: numbers spelt out, negations, quantities, comparisons (English).

The lists know one language; in others only digits, signs and names keep texts apart that differ in such a word.
"""

from functools import cache

import pyarrow as pa

from .hashing import Hashes
from .words import words_of

NUMBERS = (
    "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen seventeen eighteen "
    "nineteen twenty thirty forty fifty sixty seventy eighty ninety hundred thousand million billion first second third fourth "
    "fifth sixth seventh eighth ninth tenth half quarter once twice thrice double triple dozen"
)
NEGATIONS = (
    "no not nor none never neither without cannot nobody nothing isn aren wasn weren don doesn didn won wouldn couldn"
)
QUANTITIES = (
    "all both either any each every some few many most least only more less fewer greater smaller larger higher lower"
)
OPPOSITES = (
    "before after above below over under left right up down north south east west true false yes increase decrease maximum "
    "minimum last next previous same different add subtract"
)
TURNING = frozenset(" ".join((NUMBERS, NEGATIONS, QUANTITIES, OPPOSITES)).split())


@cache
def turning() -> Hashes:
    """Their hashes."""
    # Not by `pyarrow.array`, which loads pandas where it finds it.
    return words_of(pa.repeat(pa.scalar(" ".join(sorted(TURNING))), 1)).hashes
