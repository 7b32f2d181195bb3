"""Recorded answers, read from a JSONL file, for a practice teacher that repeats them."""

from collections.abc import Mapping
from pathlib import Path

import orjson

from ...errors import BadRecipe

Recorded = Mapping[str, tuple[str, ...]]
"""For each prompt, its answers in the order of the file."""


def one_line(text: str) -> str:
    """The text with every run of white space as one blank, none at its ends."""
    return " ".join(text.split())


def read_recorded(path: Path, prompt: str, answer: str) -> Recorded:
    """The answers in columns `prompt` and `answer` of a JSONL file, by prompt.

    Raises:
        BadRecipe: no such file, a line that is not a JSON object, a column that is missing or no text.
    """
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise BadRecipe(f"{path}: the recorded answers cannot be read: {error.strerror}") from None
    recorded: dict[str, tuple[str, ...]] = {}
    for number, line in enumerate(lines, start=1):
        if line.strip():
            asked, answered = _row(line, (prompt, answer), f"{path}, line {number}")
            recorded[one_line(asked)] = (*recorded.get(one_line(asked), ()), answered)
    if not recorded:
        raise BadRecipe(f"{path}: there are no recorded answers in it")
    return recorded


def _row(line: bytes, columns: tuple[str, str], where: str) -> tuple[str, str]:
    try:
        row = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise BadRecipe(f"{where}: this is not JSON: {error}") from None
    if not isinstance(row, dict):
        raise BadRecipe(f"{where}: this is not a JSON object with columns")
    for column in columns:
        if not isinstance(row.get(column), str):
            known = ", ".join(str(name) for name in row)
            raise BadRecipe(
                f"{where}: no text in column {column!r}; columns here: {known} (prompt= and answer= name them)"
            )
    return row[columns[0]], row[columns[1]]
