"""The same search done plainly: a loop over sets of word tuples, and joins of 13-grams in polars."""

import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Sequence
from typing import Any

RUN, SEED, COVERAGE = 13, 8, 0.5
_WORD = re.compile(r"\w+")
Rival = Callable[[Sequence[str]], list[bool]]


def plain_python(targets: Sequence[str]) -> Rival:
    """The loop that one writes: equality, any common 13-gram, or half of a target's words in common 8-grams."""
    wholes: set[tuple[str, ...]] = set()
    runs: set[tuple[str, ...]] = set()
    seeds: dict[tuple[str, ...], list[tuple[int, int]]] = defaultdict(list)
    sizes = []
    for number, words in enumerate(map(_words, targets)):
        wholes.add(words)
        sizes.append(len(words))
        runs.update(_grams(words, RUN))
        for place, gram in enumerate(_grams(words, SEED)):
            seeds[gram].append((number, place))

    def leaks(text: str) -> bool:
        words = _words(text)
        if words in wholes or any(gram in runs for gram in _grams(words, RUN)):
            return True
        covered = {
            (number, place + ahead)
            for gram in _grams(words, SEED)
            for number, place in seeds.get(gram, ())
            for ahead in range(SEED)
        }
        shares = Counter(number for number, _ in covered)
        return any(count >= COVERAGE * sizes[number] for number, count in shares.items())

    return lambda texts: [leaks(text) for text in texts]


def _words(text: str) -> tuple[str, ...]:
    return tuple(_WORD.findall(unicodedata.normalize("NFKC", text).casefold()))


def _grams(words: tuple[str, ...], n: int) -> list[tuple[str, ...]]:
    return [words[place : place + n] for place in range(len(words) - n + 1)]


def polars_joins(targets: Sequence[str]) -> Rival:
    """13-grams of exploded words, hashed and looked up in those of the targets; no equality of short texts and no coverage."""
    known = _hashed(targets)["gram"].unique()

    def leaks(texts: Sequence[str]) -> list[bool]:
        frame = _hashed(texts)
        found = set(frame.filter(frame["gram"].is_in(known.implode()))["row"].to_list())
        return [row in found for row in range(len(texts))]

    return leaks


def _hashed(texts: Sequence[str]) -> Any:
    import polars as pl  # pyright: ignore[reportMissingImports]

    words = (
        pl.DataFrame({"text": texts})
        .with_row_index("row")
        .select("row", word=pl.col("text").str.normalize("NFKC").str.to_lowercase().str.extract_all(r"\w+"))
        .explode("word")
        .with_columns(word=pl.col("word").hash())
    )
    gram = pl.struct([pl.col("word").shift(-ahead).over("row").alias(f"word_{ahead}") for ahead in range(RUN)])
    last = pl.col("word").shift(1 - RUN).over("row")
    return words.select("row", gram=gram.hash(), last=last).filter(pl.col("last").is_not_null())
