"""What training rows must not repeat: the held-out prompts of the run, and every text of the benchmarks that a recipe names."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa

from ..errors import BadPrompts, BadRecipe
from ..prompts.sources import READERS
from ..store.columns import column
from ..store.rows import HELDOUT
from ..store.run import Run
from ..store.tables import read_batches
from ..texts.arrow import pc
from ..texts.turns import asked

_ASKING = (
    "content goal input instruction instructions problem prompt prompts query question questions sentence "
    "task_description text turns value"
)
QUESTIONS = frozenset(_ASKING.split())
"""Columns that ask: what they hold, also in records within, is a question however short it is; other columns are looked at for
long runs of words only."""
_SPEAKERS = ("role", "from")
"""Who says a turn."""
_ROWS_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Target:
    """One text that must not be repeated."""

    text: str
    file: str
    """`HELDOUT`, or the path of the file as the recipe names it."""
    line: int
    """From 1; of a Parquet file the row; of a held-out prompt the line of its source."""
    question: bool
    """Whether it is asked; otherwise it is an answer, a passage, a test."""

    @property
    def name(self) -> str:
        """The file and the line."""
        return f"{self.file}, line {self.line}"


def leak_files(run: Run) -> list[Path]:
    """The benchmark files of the recipe.

    Raises:
        BadRecipe: one is not there, or is of no known kind.
    """
    files = [run.path(name) for name in run.recipe.filter.leak.against]
    for file in files:
        if file.suffix not in READERS:
            raise BadRecipe(f"'filter.leak.against': {file}: benchmarks come from {', '.join(READERS)}")
        if not file.is_file():
            raise BadRecipe(f"'filter.leak.against': {file}: there is no such file (relative to the recipe's folder)")
    return files


def read_targets(run: Run) -> list[Target]:
    """Every text that must not be repeated, once; questions first, then the held-out prompts' before the files'.

    Raises:
        BadRecipe: a file is not there, or is of no known kind.
        BadPrompts: a line of it cannot be read.
    """
    found: dict[str, Target] = {}
    for target in _all(run):
        first = found.setdefault(target.text, target)
        if target.question and not first.question:
            found[target.text] = Target(first.text, first.file, first.line, True)
    return sorted(found.values(), key=lambda target: not target.question)


def texts_of(targets: list[Target]) -> pa.StringArray:
    """The texts as a column."""
    return column([target.text for target in targets], pa.string())


def _all(run: Run) -> Iterator[Target]:
    yield from _heldout(run)
    least = run.recipe.filter.leak.ngram
    for name, file in zip(run.recipe.filter.leak.against, leak_files(run), strict=True):
        found = 0
        for line, record in READERS[file.suffix](file):
            for question, text in _texts(record, "", question=False):
                if text.strip() and (question or _has_words(text, least)):
                    found += 1
                    yield Target(text, name, line, question)
        if not found:
            raise BadPrompts(
                f"'filter.leak.against': {file} has no text to compare with: neither a column that asks (prompt, question, "
                f"instruction, …) nor a text of {least} words"
            )


def _heldout(run: Run) -> Iterator[Target]:
    least = run.recipe.filter.leak.ngram
    columns = ["messages", "side", "lines", "reference"]
    for batch in read_batches(run.folder / "prompts", "prompts", _ROWS_AT_ONCE, columns):
        rows = batch.filter(pc.equal(batch.column("side"), "heldout"))
        lines, references = rows.column("lines").to_pylist(), rows.column("reference").to_pylist()
        texts = asked(rows.column("messages")).to_pylist()
        for text, line, reference in zip(texts, lines, references, strict=True):
            if text.strip():
                yield Target(text, HELDOUT, line[0], question=True)
            if reference and _has_words(reference, least):
                yield Target(reference, HELDOUT, line[0], question=False)


def _texts(value: Any, name: str, *, question: bool) -> Iterator[tuple[bool, str]]:
    """The texts of a record, of its lists and of its records within, and whether each is asked."""
    if isinstance(value, str):
        yield question, value
    elif isinstance(value, Mapping):
        answered = any(value.get(name) in ("assistant", "gpt") for name in _SPEAKERS)
        for inner, part in value.items():
            asks = (question and inner not in _SPEAKERS) or inner.lower() in QUESTIONS
            yield from _texts(part, inner, question=asks and not answered)
    elif isinstance(value, list | tuple):
        for part in value:
            yield from _texts(part, name, question=question)


def _has_words(text: str, least: int) -> bool:
    """Whether a text may have so many words: in scripts without spaces a character is one."""
    return not text.isascii() or len(text) >= 2 * least - 1
