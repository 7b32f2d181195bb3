"""Which rows each arm trains on, and which are left out: too long, or forging the turns of a conversation."""

from __future__ import annotations

import random
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from ..store.rows import LEAK, SELECT, Message
from ..store.tables import read_table
from ..student.encode import BATCH, Encoded, encode_all
from ..student.template import END_OF_THINKING, control_texts

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

CONTROL_DRAW = "potstill unfiltered control"
"""Seeds the draw of the control's rows. It is not the student's seed: another seed is another student, same rows."""
RANDOM_DRAW = "potstill random control"
"""The same for the random control."""

_COLUMNS = ("id", "prompt", "completion", "status", "rule")

LeftOutReason = Literal["too_long", "control_token"]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of `samples/` as far as training reads it."""

    id: str
    prompt: Sequence[Message]
    completion: Sequence[Message]
    rule: str = ""
    """The rule that dropped it; empty for a kept row."""


@dataclass(frozen=True, slots=True)
class EncodedRow:
    """A row with its ids and mask."""

    row: Row
    encoded: Encoded


@dataclass(frozen=True, slots=True)
class LeftOut:
    """A row that an arm would have trained on and does not."""

    id: str
    reason: LeftOutReason
    tokens: int
    """How long it is; 0 where that was not measured."""


@dataclass(frozen=True, slots=True)
class ArmRows:
    """What one arm trains on."""

    rows: Sequence[EncodedRow]
    left_out: Sequence[LeftOut]

    @property
    def distinct_prompts(self) -> int:
        """Prompts that it trains on; fewer than rows where a prompt has several answers."""
        return len({tuple((turn["role"], turn["content"]) for turn in one.row.prompt) for one in self.rows})

    @property
    def longest_answer(self) -> int:
        """Tokens of the longest trained answer, its end of turn included."""
        return max((one.encoded.stop - one.encoded.start for one in self.rows), default=0)

    def count(self, reason: LeftOutReason) -> int:
        """Rows left out for a reason."""
        return sum(one.reason == reason for one in self.left_out)


def kept_rows(samples: Path) -> list[Row]:
    """The rows that every rule let pass, in the order of the prompts; only whole answers, whatever the rules were."""
    return [_row(columns) for columns in read_table(samples, "train", _COLUMNS) if columns["status"] == "ok"]


def dropped_answers(samples: Path, rule: str | None = None) -> list[Row]:
    """The dropped rows that hold a whole answer; a cut-off or failed one is never trained on, not even as a control.

    Nor is one that repeats what the arms are judged on: a control that has seen the questions says nothing of the filter. With a
    rule given, only what that rule dropped.
    """
    return [
        _row(columns)
        for columns in read_table(samples, "dropped", _COLUMNS)
        if columns["status"] == "ok" and columns["rule"] != LEAK and rule in (None, columns["rule"])
    ]


def unfiltered_order(kept: Sequence[Row], dropped: Sequence[Row]) -> list[Row]:
    """Every whole answer, kept or dropped, repeats to a prompt included, as the unfiltered control takes them."""
    pool = [*kept, *dropped]
    random.Random(CONTROL_DRAW).shuffle(pool)  # noqa: S311 (a draw of rows, not a secret)
    return pool


def random_order(kept: Sequence[Row], dropped: Sequence[Row]) -> list[Row]:
    """Every row that the rule `select` chose among, as the random control takes them; empty where it dropped none.

    A student trained on the first of them, as many as were kept, differs from ours by the choice alone.
    """
    passed_over = [row for row in dropped if row.rule == SELECT]
    pool = [*kept, *passed_over] if passed_over else []
    random.Random(RANDOM_DRAW).shuffle(pool)  # noqa: S311 (a draw of rows, not a secret)
    return pool


def corpus_texts(rows: Iterable[Row]) -> list[str]:
    """The texts of all turns, for a tokenizer trained on the corpus."""
    return [turn["content"] for row in rows for turn in (*row.prompt, *row.completion)]


def shows_thinking(rows: Iterable[Row]) -> bool:
    """Whether any answer holds reasoning between think tags."""
    return any(END_OF_THINKING in turn["content"] for row in rows for turn in row.completion)


def encode_rows(
    tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], max_length: int, wanted: int | None = None
) -> ArmRows:
    """Tokenise rows in order until `wanted` fit (all if not given); those that do not fit are listed, none is cut.

    A row whose text holds one of the tokenizer's control tokens is left out too: it would be read as a turn of the
    conversation that nobody took.
    """
    fitting: list[EncodedRow] = []
    left_out: list[LeftOut] = []
    for one in _judged(tokenizer, rows, max_length):
        if wanted is not None and len(fitting) == wanted:
            break
        if isinstance(one, EncodedRow):
            fitting.append(one)
        else:
            left_out.append(one)
    return ArmRows(fitting, left_out)


def _judged(tokenizer: PreTrainedTokenizerBase, rows: Sequence[Row], max_length: int) -> Iterator[EncodedRow | LeftOut]:
    forged = re.compile("|".join(re.escape(text) for text in control_texts(tokenizer)))
    for at in range(0, len(rows), BATCH):
        clean = [row for row in rows[at : at + BATCH] if not _forges(row, forged)]
        encoded = encode_all(tokenizer, [(row.prompt, row.completion) for row in clean])
        whole = dict(zip((row.id for row in clean), encoded, strict=True))
        for row in rows[at : at + BATCH]:
            if row.id not in whole:
                yield LeftOut(row.id, "control_token", 0)
            elif len(whole[row.id].input_ids) > max_length:
                yield LeftOut(row.id, "too_long", len(whole[row.id].input_ids))
            else:
                yield EncodedRow(row, whole[row.id])


def _forges(row: Row, forged: re.Pattern[str]) -> bool:
    return any(forged.search(turn["content"]) for turn in (*row.prompt, *row.completion))


def _row(columns: dict[str, Any]) -> Row:
    return Row(columns["id"], columns["prompt"], columns["completion"], columns["rule"])
