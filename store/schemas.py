"""The Parquet columns of each table, the way from a row to its columns and back, and the prompts of a table."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from operator import attrgetter
from pathlib import Path
from typing import Any

import pyarrow as pa

from .rows import Completion, Prompt
from .tables import read_columns

MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))

PROMPTS = pa.schema(
    [
        ("id", pa.string()),
        ("messages", MESSAGES),
        ("family", pa.string()),
        ("side", pa.string()),
        ("source", pa.string()),
        ("lines", pa.list_(pa.int64())),
        ("reference", pa.string()),
        ("slice", pa.string()),
    ]
)

_KINDS: Mapping[Any, pa.DataType] = {str: pa.string(), int: pa.int64(), float: pa.float64()}
COMPLETIONS = pa.schema([(column.name, _KINDS[column.type]) for column in fields(Completion)])
_NAMES = COMPLETIONS.names
_values_of = attrgetter(*_NAMES)

SCORE_PREFIX = "score_"
_LABELS = [("rule", pa.string()), ("reason", pa.string())]
_OF_PROMPT = [
    ("reference", pa.string()),
    ("family", pa.string()),
    ("source", pa.string()),
    ("lines", pa.list_(pa.int64())),
]


def samples_schema(scores: Mapping[str, pa.DataType]) -> pa.Schema:
    """Columns of `train-*` and `dropped-*`: `prompt` and `completion` as TRL takes them, then everything known of the row."""
    known = [(name, COMPLETIONS.field(name).type) for name in COMPLETIONS.names if name != "text"]
    scored = [(SCORE_PREFIX + name, kind) for name, kind in scores.items()]
    return pa.schema([("prompt", MESSAGES), ("completion", MESSAGES), *known, *_OF_PROMPT, *scored, *_LABELS])


def prompt_columns(prompt: Prompt) -> dict[str, Any]:
    """One row of the prompts table."""
    return prompt._asdict()


def read_prompts(folder: Path, name: str = "prompts") -> Iterator[Prompt]:
    """The prompts of a table, in order, a batch in memory at a time."""
    for batch in read_columns(folder, name, Prompt._fields):
        batch |= {column: list(map(tuple, batch[column])) for column in ("messages", "lines")}
        yield from map(Prompt, *map(batch.__getitem__, Prompt._fields))


def completion_columns(completion: Completion) -> dict[str, Any]:
    """One row of the completions table."""
    return dict(zip(_NAMES, _values_of(completion), strict=True))


def read_completion(row: Mapping[str, Any]) -> Completion:
    """The completion in one row of the completions table."""
    return Completion(**row)
