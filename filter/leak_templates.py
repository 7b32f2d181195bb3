"""Which triples of the targets (three words in a row) are a template's and tell nothing: many training prompts, or the answers
to many, say them.

But a benchmark's question that was copied into many prompts is no template. A template stands on several lines of a benchmark, a
question on one; so what one line alone says is common, and no template's. Held-out prompts are a few of the same corpus, of which
one may well be the only one of its template: there all that many prompts say is a template's.
"""

from collections.abc import Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..store.run import Run
from ..store.tables import count_rows, read_batches
from ..texts.arrow import pc
from ..texts.grams import Grams, counted, grams_of
from ..texts.groups import changes
from ..texts.hashing import Hashes
from ..texts.overlap import TRIPLE, Common, places_of
from ..texts.repeats import covered
from ..texts.turns import asked
from ..texts.words import Words, ngrams, words_of
from .answers import whole_prompts
from .targets import HELDOUT, Target

FEWEST, SHARE = 3, 0.001
"""A triple that stands in more prompts than this many, and than this share of them, is common."""
LINES = 2
"""On so many lines of one benchmark, a phrase is a template's."""
PHRASE = 5
"""Words of a phrase; any three that go well together come again among some thousand questions (docs/leaks.md)."""
LOOKED_AT = 100_000
"""Prompts, and answers, in which the triples are counted; of more a batch in so many, evenly."""
_ROWS_AT_ONCE = 2_000
Mask = NDArray[np.bool_]


def common_triples(run: Run, targets: Sequence[Target], words: Words) -> tuple[Common, Common]:
    """Which triples of the targets are common: in the training prompts, and in these or the answers."""
    hashes, _ = ngrams(words, TRIPLE)
    triples = grams_of(TRIPLE, np.unique(hashes))
    in_prompts = np.isin(hashes, _said_in_prompts(run, triples))
    in_answers = in_prompts | np.isin(hashes, _said_in_answers(run, triples))
    repeated = repeated_triples(targets, words)
    return Common(in_prompts, in_prompts & repeated), Common(in_answers, in_answers & repeated)


def repeated_triples(targets: Sequence[Target], words: Words) -> Mask:
    """(triples,) which triples may be a template's: all of a held-out prompt, of a file those in phrases on several lines."""
    hashes, ends = ngrams(words, PHRASE)
    names = {name: number for number, name in enumerate(dict.fromkeys(target.file for target in targets))}
    of = np.repeat(np.arange(len(targets)), np.diff(ends))
    file = np.array([names[target.file] for target in targets], np.int64)[of]
    line = np.array([target.line for target in targets], np.int64)[of]
    order = np.lexsort((line, hashes, file))
    gram = changes(hashes[order]) | changes(file[order])
    phrase = np.cumsum(gram) - 1
    lines = np.bincount(phrase, gram | changes(line[order]))[phrase]
    phrases = places_of(words.ends, ends)[order[lines >= LINES]]
    inside = covered(phrases, PHRASE - TRIPLE + 1, len(words.hashes))  # the first words of triples
    _, ends = ngrams(words, TRIPLE)
    held = np.array([target.file == HELDOUT for target in targets], bool)
    return inside[places_of(words.ends, ends)] | np.repeat(held, np.diff(ends))


def _said_in_prompts(run: Run, triples: Grams) -> Hashes:
    """The triples that many training prompts say."""
    counts, total = np.zeros(len(triples.hashes), np.int64), 0
    for batch in _some(run.folder / "prompts", "prompts", ["messages", "side"]):
        train = batch.filter(pc.equal(batch.column("side"), "train"))
        counts += counted(triples, words_of(asked(train.column("messages"))))
        total += train.num_rows
    return triples.hashes[counts > max(FEWEST, SHARE * total)]


def _said_in_answers(run: Run, triples: Grams) -> Hashes:
    """The triples that the answers to many prompts say."""
    counts, total = np.zeros(len(triples.hashes), np.int64), 0
    for rows, starts in whole_prompts(_some(run.folder / "completions", "completions", ["prompt_id", "text"])):
        prompt = np.repeat(np.arange(len(starts)), np.diff([*starts, rows.num_rows]))
        counts += counted(triples, words_of(rows.column("text")), prompt)
        total += len(starts)
    return triples.hashes[counts > max(FEWEST, SHARE * total)]


def _some(folder: Path, name: str, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """The batches of a table, or of a large one so many that they have `LOOKED_AT` rows or so, evenly apart."""
    step = max(1, round(count_rows(folder, name) / LOOKED_AT))
    return islice(read_batches(folder, name, _ROWS_AT_ONCE, columns), 0, None, step)
