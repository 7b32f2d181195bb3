"""A corpus that is read several times, a slice at a time, some slices worked on at the same time."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .words import Places

_BYTES = 1 << 20
Given = TypeVar("Given")
Made = TypeVar("Made")

Read = Callable[[], Iterable[pa.Array]]
"""Begins the corpus anew: its texts in order, as Arrow arrays of strings of any length."""


def slices(read: Read) -> Iterator[tuple[int, pa.Array]]:
    """The corpus in slices of about a megabyte, each with the number of its first row."""
    first = 0
    for texts in read():
        rows = max(1, len(texts) * _BYTES // max(texts.nbytes, 1))
        for begin in range(0, len(texts), rows):
            part = texts.slice(begin, rows)
            yield first + begin, part
        first += len(texts)


def chosen(read: Read, wanted: NDArray[np.bool_]) -> Iterator[tuple[Places, pa.Array]]:
    """Only some rows of the corpus, with their numbers."""
    for first, texts in slices(read):
        rows = wanted[first : first + len(texts)].nonzero()[0]
        if len(rows):
            yield rows + first, taken(texts, rows)


def taken(texts: pa.Array, rows: Places) -> pa.Array:
    """Some rows of an array (made without `pyarrow.array`, which loads pandas where it finds it)."""
    return texts.take(pa.Array.from_buffers(pa.int64(), len(rows), [None, pa.py_buffer(rows)]))


def ahead(work: Callable[[Given], Made], given: Iterable[Given], workers: int | None) -> Iterator[Made]:
    """The results in order, so many worked on at the same time, and one more held; None is as many as there are cores.

    Arrow and numpy let other threads run while they work.
    """
    workers = workers or os.cpu_count() or 1
    if workers == 1:
        yield from map(work, given)
        return
    waiting: deque[Future[Made]] = deque()
    with ThreadPoolExecutor(workers) as pool:
        try:
            for each in given:
                waiting.append(pool.submit(work, each))
                if len(waiting) > workers:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(cancel_futures=True)
