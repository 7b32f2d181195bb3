"""The bytes of many texts laid end to end, some at a time."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .arrow import pc

PIECE = 1 << 17
"""Bytes that are worked on at a time, so that what is made of them stays in the processor's cache."""


@dataclass(frozen=True)
class Piece:
    """Some texts as UTF-8."""

    data: NDArray[np.uint8]
    """(bytes,)."""
    ends: NDArray[np.int64]
    """(texts + 1,) text i has the bytes ends[i]:ends[i + 1]."""

    def __len__(self) -> int:
        return len(self.ends) - 1

    @cached_property
    def characters(self) -> NDArray[np.int64]:
        """(bytes + 1,) how many characters begin before each byte."""
        if not len(self.data) or self.data.max() < 128:
            return np.arange(len(self.data) + 1)
        return np.concatenate(([0], np.cumsum((self.data & 0xC0) != 0x80)))


def pieces(texts: pa.Array) -> Iterator[Piece]:
    """The texts in order; a null is an empty text."""
    texts = pc.fill_null(texts.cast(pa.string()), "") if texts.null_count else texts.cast(pa.string())
    if not len(texts):
        return
    _, offsets, held = texts.buffers()
    ends = np.frombuffer(offsets, np.int32)[texts.offset : texts.offset + len(texts) + 1].astype(np.int64)
    data = np.frombuffer(held, np.uint8) if held is not None else np.empty(0, np.uint8)
    first = 0
    while first < len(texts):
        last = min(max(int(np.searchsorted(ends, ends[first] + PIECE)), first + 1), len(texts))
        yield Piece(data[ends[first] : ends[last]], ends[first : last + 1] - ends[first])
        first = last
