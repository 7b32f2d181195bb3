"""What each character is to the rules: part of a word or not, a capital, a digit, a sign; and what it is read as."""

import re
import unicodedata
from functools import cache

import numpy as np
from numpy.typing import NDArray

PART = 1
"""Letters, digits and marks, which make a word together with their neighbours."""
ALONE = 2
"""A word by itself: scripts that put no space between words, and emoji."""
UPPER = 4
DIGIT = 8
"""Anything that stands for a number."""
SIGN = 16
"""Signs of mathematics, programs and money."""
ENDER = 32
"""What ends a sentence or a line."""
POINT = 64
"""A full stop or a comma: a sign where it stands between two digits."""
SPACE = 128

_SIGNS = frozenset("+-*/=<>^%&|~$#@\\()[]{}")
_ENDERS = frozenset(".!?\n\r\v\f\x85\u2028\u2029…。！？｡؟۔।॥።")
_UNSPACED = (
    (0x0E00, 0x0EFF),  # Thai, Lao
    (0x1000, 0x109F),  # Burmese
    (0x1780, 0x17FF),  # Khmer
    (0x3005, 0x3007),
    (0x3021, 0x3029),
    (0x3040, 0x30FF),  # kana
    (0x31F0, 0x31FF),
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)
_EMOJI = ((0x2600, 0x27BF), (0x2B00, 0x2BFF), (0x1F000, 0x1FAFF))
_IGNORED = "\u00ad\u200b\u2060\ufeff"
_LEADS = {"<super>": "^", "<sub>": "_", "<fraction>": " "}
"""Without these, NFKC would make 22 of 2² and 11⁄2 of 1½."""
_JAMO = range(0x1160, 0x1200)
_TOLD_APART = (range(0x20000), range(0x2F800, 0x2FA20), range(0xE0100, 0xE01F0))
"""The characters that are looked at one by one; what is left are ideographs and what has no meaning of its own."""


def _within(code: int, ranges: tuple[tuple[int, int], ...]) -> bool:
    return any(first <= code <= last for first, last in ranges)


def _flags(character: str) -> int:
    """What a character is, after NFKC."""
    code, kind = ord(character), unicodedata.category(character)
    flags = 0
    if kind[0] in "LNM" and not 0xFE00 <= code <= 0xFE0F and not 0xE0100 <= code <= 0xE01EF:
        flags |= ALONE if _within(code, _UNSPACED) and kind != "Nd" else PART
    elif kind in ("So", "Sk") and _within(code, _EMOJI):
        flags |= ALONE
    flags |= UPPER * (kind in ("Lu", "Lt")) | DIGIT * character.isnumeric()
    flags |= SIGN * (kind in ("Sm", "Sc") or character in _SIGNS)
    flags |= ENDER * (character in _ENDERS) | POINT * (character in ".,") | SPACE * character.isspace()
    return flags


@cache
def ascii_tables() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Flags and folded character of each of the 128 ASCII characters."""
    flags = np.array([_flags(chr(code)) for code in range(128)], np.uint8)
    return flags, np.array([ord(chr(code).lower()) for code in range(128)], np.uint8)


@cache
def tables() -> tuple[NDArray[np.uint8], NDArray[np.uint32], NDArray[np.bool_]]:
    """Of every code point: flags, the one it is read as (NFKC and case folded), and whether `plain` must see its text first."""
    size = 0x110000
    flags, folded, odd = np.zeros(size, np.uint8), np.arange(size, dtype=np.uint32), np.zeros(size, bool)
    flags[0x20000:0x40000] = ALONE
    specials = _specials()
    for code in (code for codes in _TOLD_APART for code in codes):
        character = chr(code)
        if unicodedata.category(character) in ("Cn", "Cs", "Co"):
            continue
        read = unicodedata.normalize("NFKC", character)
        alone = len(read) == 1 and character not in specials
        odd[code] = not alone or unicodedata.category(character)[0] == "M" or code in _JAMO
        read = read if alone else character
        flags[code] = _flags(read)
        if len(read.casefold()) == 1:
            folded[code] = ord(read.casefold())
    return flags, folded, odd


@cache
def _specials() -> dict[str, str]:
    """Characters that stand for several, with what is written in their place."""
    found = dict.fromkeys(_IGNORED, "")
    for code in range(0x20000):
        character = chr(code)
        kind, _, _ = unicodedata.decomposition(character).partition(" ")
        if kind in _LEADS:
            found[character] = _LEADS[kind] + unicodedata.normalize("NFKC", character)
        elif len(character.casefold()) > 1:
            found[character] = character.casefold()
    return found


@cache
def _pattern() -> re.Pattern[str]:
    return re.compile("[" + re.escape("".join(_specials())) + "]")


def plain(text: str) -> str:
    """The text after NFKC, with characters such as ß, ² and ½ written out, so that each character left is read by itself."""
    specials = _specials()
    return unicodedata.normalize("NFKC", _pattern().sub(lambda found: specials[found[0]], text))
