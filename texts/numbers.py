"""The numbers and brackets of a text, and whether they tell it from a text with the same words."""

import re
import unicodedata
from collections import Counter

_NUMBER = re.compile(r"(?:(?<=[\d)(])\s*[-+*/^×÷<>=]\s*|(?<!\w)-)?\d+(?:[.,]\d+)*")
"""With the sign before it: of an operation between numbers, or a minus that is no hyphen."""
_LETTER_OR_BRACKET = re.compile(r"[\w(){}\[\]]")
_IN_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")


def numbers(text: str) -> Counter[str]:
    """The numbers of a text, with their signs; `4,000` is `4000`."""
    found = _NUMBER.findall(unicodedata.normalize("NFKC", text).replace("−", "-"))
    return Counter(_IN_THOUSANDS.sub("", "".join(number.split())) for number in found)


def other_numbers(one: str, other: str) -> bool:
    """Whether each of two texts has a number that the other one lacks: the same story, another problem."""
    here, there = numbers(one), numbers(other)
    return bool(here - there) and bool(there - here)


def other_brackets(one: str, other: str) -> bool:
    """Whether two texts of the same words have their brackets in other places: `not (a or b)` is not `(not a) or b`."""
    here, there = (_LETTER_OR_BRACKET.findall(unicodedata.normalize("NFKC", text).casefold()) for text in (one, other))
    return here != there
