"""The numbers and brackets of a text, and whether they tell it from a text with the same words."""

import re
import unicodedata
from collections import Counter

_NUMBER = re.compile(r"(?:(?<=[\d)(])\s*[-+*/^×÷<>=]\s*|(?<!\w)-)?\d+(?:[.,]\d+)*")
"""With the sign before it: of an operation between numbers, or a minus that is no hyphen."""
_SIGNS = "-+*/^×÷<>="
_BEGINS = re.compile(rf"[^\w-]*({_NUMBER.pattern})")
_LETTER_OR_BRACKET = re.compile(r"[^\W_]|[(){}\[\]]")
_IN_THOUSANDS = re.compile(r",(?=\d{3}(?!\d))")


def numbers(text: str) -> Counter[str]:
    """The numbers of a text, with their signs; `4,000` is `4000`."""
    return Counter(map(_plain, _NUMBER.findall(_normal(text))))


def other_numbers(one: str, other: str, *, holds: bool = False) -> bool:
    """Whether each of two texts has a number that the other one lacks: the same story, another problem.

    Args:
        one: a text.
        other: another.
        holds: the words of the other stand in the first from end to end; the sign before a number with which it begins is
            then whatever happens to stand before it, as in `Question 3 - 15 apples …`.
    """
    here, there = numbers(one), numbers(other)
    if holds and (begins := _BEGINS.match(_normal(other))):
        number = _plain(begins[1])
        signed = next((each for each in here - there if each.lstrip(_SIGNS) == number.lstrip(_SIGNS)), None)
        if signed is not None and there[number] > here[number]:
            here[signed] -= 1
            here[number] += 1
    return bool(here - there) and bool(there - here)


def _normal(text: str) -> str:
    return unicodedata.normalize("NFKC", text).replace("−", "-")


def _plain(number: str) -> str:
    return _IN_THOUSANDS.sub("", "".join(number.split()))


def other_brackets(one: str, other: str) -> bool:
    """Whether two texts of the same words have their brackets in other places: `not (a or b)` is not `(not a) or b`."""
    here, there = (_LETTER_OR_BRACKET.findall(unicodedata.normalize("NFKC", text).casefold()) for text in (one, other))
    return here != there
