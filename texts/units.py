"""The characters of many texts laid end to end, as arrays of numbers: bytes where all is ASCII, else code points."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .characters import ascii_tables, plain, tables
from .pieces import pieces


@dataclass(frozen=True, slots=True)
class Units:
    """Some texts, character by character."""

    folded: NDArray[np.uint8] | NDArray[np.uint32]
    """(characters,) each as it is read: NFKC, without case."""
    flags: NDArray[np.uint8]
    """(characters,) what each is: the bits of `characters.py`."""
    ends: NDArray[np.int64]
    """(texts + 1,) text i has the characters ends[i]:ends[i + 1]."""


def units(texts: pa.Array) -> Iterator[Units]:
    """The texts in order, some at a time; a null is an empty text.

    Raises:
        TypeError: the array holds no strings.
    """
    if not (pa.types.is_string(texts.type) or pa.types.is_large_string(texts.type)):
        raise TypeError(f"texts come as an Arrow array of strings, not of {texts.type}")
    for piece in pieces(texts):
        yield _read(piece.data, piece.ends)


def _read(held: NDArray[np.uint8], ends: NDArray[np.int64]) -> Units:
    if not len(held) or held.max() < 128:
        flags, folded = ascii_tables()
        return Units(folded.take(held, mode="clip"), flags.take(held, mode="clip"), ends)
    flags, folded, odd = tables()
    text = held.tobytes().decode()
    before = np.concatenate([[0], np.cumsum((held & 0xC0) != 0x80)])
    ends = before[ends]
    codes = _codes(text)
    strange = odd.take(codes, mode="clip").nonzero()[0]
    if len(strange):
        texts = [text[begin:end] for begin, end in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)]
        for place in np.unique(np.searchsorted(ends, strange, side="right") - 1).tolist():
            texts[place] = plain(texts[place])
        ends = np.cumsum([0, *map(len, texts)])
        codes = _codes("".join(texts))
    return Units(folded.take(codes, mode="clip"), flags.take(codes, mode="clip"), ends)


def _codes(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), np.uint32)
