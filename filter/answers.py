"""Answers in batches: completions beside the prompts that they answer, as Arrow columns, whole prompts at a time."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import BadInput
from ..store.columns import record_batch
from ..store.rows import Completion, Prompt
from ..store.schemas import COMPLETIONS, PROMPTS, completion_columns, prompt_columns
from ..store.tables import read_batches
from ..texts.arrow import pc
from ..texts.turns import asked
from ..texts.words import Words, words_of

ROWS_AT_ONCE = 2_000
BYTES_AT_ONCE = 4 << 20
"""Bytes of answers in a batch, where not a single prompt has more."""


@dataclass(frozen=True)
class Answers:
    """All answers to some prompts, in the order of the prompts."""

    rows: pa.RecordBatch
    """The columns of the table of completions."""
    prompts: pa.RecordBatch
    """The columns of the table of prompts, one row for each prompt that is answered."""
    of: NDArray[np.int64]
    """The place in `prompts` of what each row answers; never decreasing; shape (rows,)."""

    def __len__(self) -> int:
        return self.rows.num_rows

    @cached_property
    def texts(self) -> pa.StringArray:
        """What was answered; empty where nothing was."""
        return self.rows.column("text")

    @cached_property
    def whole(self) -> NDArray[np.bool_]:
        """Whether each is a whole answer: its status is `ok`."""
        return np.asarray(pc.equal(self.rows.column("status"), "ok"))

    @cached_property
    def words(self) -> Words:
        """The words of the answers."""
        return words_of(self.texts)

    @cached_property
    def asked(self) -> pa.StringArray:
        """What each prompt asks, system messages left out; shape (prompts,)."""
        return asked(self.prompts.column("messages"))

    @cached_property
    def ends(self) -> NDArray[np.int64]:
        """Prompt i has the answers `ends[i]:ends[i + 1]`; shape (prompts + 1,)."""
        return np.searchsorted(self.of, np.arange(self.prompts.num_rows + 1))


def answers_of(pairs: Sequence[tuple[Prompt, Sequence[Completion]]]) -> Answers:
    """Answers from rows in memory."""
    prompts = record_batch([prompt_columns(prompt) for prompt, _ in pairs], PROMPTS)
    rows = record_batch([completion_columns(row) for _, drawn in pairs for row in drawn], COMPLETIONS)
    return Answers(rows, prompts, np.repeat(np.arange(len(pairs)), [len(drawn) for _, drawn in pairs]))


def read_answers(run: Path) -> Iterator[Answers]:
    """The answers in a run's folder, some thousand at a time; all of a prompt's are in one batch.

    Raises:
        BadInput: a completion answers no training prompt, or they are not in the prompts' order.
    """
    prompts = _TrainingPrompts(run)
    for rows, starts in whole_prompts(read_batches(run / "completions", "completions", ROWS_AT_ONCE)):
        yield from _beside(rows, starts, prompts)


def whole_prompts(batches: Iterable[pa.RecordBatch]) -> Iterator[tuple[pa.RecordBatch, NDArray[np.int64]]]:
    """The same completions, cut so that all of a prompt's are in one batch, and where each prompt begins."""
    held: pa.RecordBatch | None = None
    for batch in batches:
        rows = batch if held is None else pa.concat_batches([held, batch])
        starts = _starts(rows)
        if starts[-1]:
            yield rows.slice(0, starts[-1]), starts[:-1]
        held = rows.slice(starts[-1])
    if held is not None:
        yield held, _starts(held)


def _starts(rows: pa.RecordBatch) -> NDArray[np.int64]:
    ids = rows.column("prompt_id")
    changes = np.asarray(pc.not_equal(ids.slice(1), ids.slice(0, len(ids) - 1)))
    return np.concatenate(([0], np.flatnonzero(changes) + 1))


def _beside(rows: pa.RecordBatch, starts: NDArray[np.int64], prompts: "_TrainingPrompts") -> Iterator[Answers]:
    """The rows with their prompts, cut where they are long."""
    found = prompts.take(rows.column("prompt_id").take(pa.array(starts)))
    ends = np.concatenate((starts, [rows.num_rows]))
    before = np.concatenate(([0], np.cumsum(np.asarray(pc.binary_length(rows.column("text")), dtype=np.int64))))
    cuts = np.flatnonzero(np.diff(before[ends[:-1]] // BYTES_AT_ONCE, prepend=-1))
    for first, last in pairwise([*cuts.tolist(), len(starts)]):
        sizes = np.diff(ends[first : last + 1])
        piece = rows.slice(ends[first], ends[last] - ends[first])
        yield Answers(piece, found.slice(first, last - first), np.repeat(np.arange(last - first), sizes))


class _TrainingPrompts:
    """The training prompts in order, held from the last that was asked for as far as needed."""

    def __init__(self, run: Path) -> None:
        self._run = run
        self._batches = read_batches(run / "prompts", "prompts", ROWS_AT_ONCE)
        self._held = [record_batch([], PROMPTS)]

    def take(self, ids: pa.Array) -> pa.RecordBatch:
        """The prompts of these ids, which must come in their order."""
        while True:
            held = pa.concat_batches(self._held)
            places = pc.index_in(ids, value_set=held.column("id"))
            if not places.null_count:
                break
            more = next(self._batches, None)
            if more is None:
                raise self._stranger(ids.filter(pc.is_null(places))[0].as_py())
            self._held = [held, more.filter(pc.equal(more.column("side"), "train"))]
        order = np.asarray(places)
        if (np.diff(order) <= 0).any():
            raise self._stranger(ids[int(np.flatnonzero(np.diff(order) <= 0)[0]) + 1].as_py())
        self._held = [held.slice(order[-1])]
        return held.take(places)

    def _stranger(self, prompt: str) -> BadInput:
        return BadInput(f"{self._run}: completions/ holds prompt {prompt}, which is not a training prompt (in order)")
