"""Texts put aside in a temporary file by the part of the work that they belong to, and read back part by part."""

import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .stream import taken
from .words import Places

_HELD = 1 << 24
"""Bytes of text that wait for being written."""


@dataclass(frozen=True, slots=True)
class _Stretch:
    """The texts of one part that were written at once."""

    place: int
    sizes: NDArray[np.int32]
    rows: Places


@dataclass(slots=True)
class Spill:
    """Texts by part. Memory holds at most some megabytes of text, and 12 bytes for each text put aside."""

    folder: Path | None = None
    """Where the file is, without a name; None is the system's folder for such files."""
    _file: IO[bytes] = field(init=False)
    _waiting: list[tuple[pa.Array, Places, Places]] = field(default_factory=list, init=False)
    _bytes: int = field(default=0, init=False)
    _parts: dict[int, list[_Stretch]] = field(default_factory=dict, init=False)

    def __enter__(self) -> "Spill":
        self._file = tempfile.TemporaryFile(dir=self.folder)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def add(self, texts: pa.Array, rows: Places, parts: Places) -> None:
        """Put texts aside, each with its row's number and its part."""
        self._waiting.append((texts.cast(pa.large_string()), rows, parts))
        self._bytes += texts.nbytes
        if self._bytes >= _HELD:
            self._write()

    def part(self, number: int) -> tuple[pa.Array, Places]:
        """The texts of a part, in the order in which they came, and their rows."""
        self._write()
        stretches = self._parts.get(number, [])
        sizes = np.concatenate([np.zeros(1, np.int64), *(stretch.sizes for stretch in stretches)])
        rows = np.concatenate([np.empty(0, np.int64), *(stretch.rows for stretch in stretches)])
        data = bytearray()
        for stretch in stretches:
            self._file.seek(stretch.place)
            data += self._file.read(int(stretch.sizes.sum()))
        buffers = [None, pa.py_buffer(np.cumsum(sizes)), pa.py_buffer(data)]
        return pa.Array.from_buffers(pa.large_string(), len(rows), buffers), rows

    def _write(self) -> None:
        if not self._waiting:
            return
        texts = pa.concat_arrays([texts for texts, _, _ in self._waiting])
        rows = np.concatenate([rows for _, rows, _ in self._waiting])
        parts = np.concatenate([parts for _, _, parts in self._waiting])
        self._waiting, self._bytes = [], 0
        order = np.argsort(parts, kind="stable")
        texts, rows, parts = taken(texts, order), rows[order], parts[order]
        ends = np.frombuffer(texts.buffers()[1], np.int64)[: len(texts) + 1]
        sizes, begin = np.diff(ends).astype(np.int32), self._file.seek(0, 2)
        if texts.buffers()[2] is not None:
            self._file.write(memoryview(texts.buffers()[2])[int(ends[0]) : int(ends[-1])])
        edges = np.append((np.diff(parts, prepend=parts[0] - 1) != 0).nonzero()[0], len(parts))
        for first, last in zip(edges[:-1].tolist(), edges[1:].tolist(), strict=True):
            stretch = _Stretch(begin + int(ends[first] - ends[0]), sizes[first:last].copy(), rows[first:last].copy())
            self._parts.setdefault(int(parts[first]), []).append(stretch)
