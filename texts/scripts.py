"""Which scripts the letters of a text are of."""

from functools import cache

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

SCRIPTS = (
    "Latin",
    "Greek",
    "Cyrillic",
    "Armenian",
    "Hebrew",
    "Arabic",
    "Devanagari",
    "Bengali",
    "Tamil",
    "Telugu",
    "Thai",
    "Georgian",
    "Hangul",
    "CJK",
)
"""CJK: ideographs and kana; Japanese mixes them."""
_RANGES = (
    (0x41, 0x5A, 0), (0x61, 0x7A, 0), (0xC0, 0x24F, 0), (0x1E00, 0x1EFF, 0), (0x370, 0x3FF, 1), (0x1F00, 0x1FFF, 1),
    (0x400, 0x52F, 2), (0x531, 0x587, 3), (0x5D0, 0x5F4, 4), (0x620, 0x64A, 5), (0x66E, 0x6D3, 5), (0x750, 0x77F, 5),
    (0xFB50, 0xFDFB, 5), (0xFE70, 0xFEFC, 5), (0x904, 0x963, 6), (0x980, 0x9E3, 7), (0xB80, 0xBD7, 8), (0xC00, 0xC63, 9),
    (0xE01, 0xE4E, 10), (0x10A0, 0x10FF, 11), (0x1100, 0x11FF, 12), (0x3131, 0x318E, 12), (0xAC00, 0xD7A3, 12),
    (0x3005, 0x3007, 13), (0x3041, 0x30FF, 13), (0x3400, 0x4DBF, 13), (0x4E00, 0x9FFF, 13), (0xF900, 0xFAFF, 13),
    (0x20000, 0x3FFFF, 13),
)  # fmt: skip
"""First and last code point, and the place of the script in `SCRIPTS`."""


@cache
def _table() -> NDArray[np.uint8]:
    table = np.full(0x110000, len(SCRIPTS), np.uint8)
    for first, last, script in _RANGES:
        table[first : last + 1] = script
    return table


def letters(texts: pa.Array) -> NDArray[np.int64]:
    """How many letters of each script each text has; shape (texts, scripts)."""
    said = [text or "" for text in texts.to_pylist()]
    codes = np.frombuffer("".join(said).encode("utf-32-le"), np.uint32)
    width = len(SCRIPTS) + 1
    text = np.repeat(np.arange(len(said)), [len(one) for one in said])
    counts = np.bincount(text * width + _table().take(codes), minlength=len(said) * width)
    return counts.reshape(len(said), width)[:, : len(SCRIPTS)]
