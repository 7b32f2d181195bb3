"""Looking for leaks: which texts count as repeating a target, by the recipe's thresholds (docs/leaks.md)."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..recipe.filter import LeakSection
from ..store.run import Run
from ..texts.groups import changes
from ..texts.numbers import other_brackets, other_numbers
from ..texts.overlap import COPIED, Index, Overlap, index_of, look
from ..texts.words import Places, Words, words_of
from .leak_templates import common_triples
from .targets import Target, read_targets, texts_of

NONE, EQUAL, RUN, COVERAGE, NUMBERS = range(5)
"""What was found of a text, the surest first; `NUMBERS`: it would be a leak, did the numbers (or
brackets) not tell another problem."""


@dataclass(frozen=True, slots=True)
class Search:
    """The targets of a run, ready to be looked for."""

    targets: Sequence[Target]
    texts: pa.StringArray
    words: Words
    question: NDArray[np.bool_]
    """(targets,) whether each is asked."""
    in_prompts: Index
    in_answers: Index
    section: LeakSection


@dataclass(frozen=True, slots=True)
class Findings:
    """What was found of a batch of texts; each array has shape (texts,)."""

    kind: NDArray[np.int64]
    target: Places
    """-1 where nothing was found."""
    coverage: NDArray[np.float64]
    """The largest share of a question that stands in the text; 1 for an equal one."""


def search_of(run: Run) -> Search:
    """Read the targets, and see which of their triples are common in the run's own prompts and answers.

    Raises:
        BadInput: a benchmark file cannot be read.
    """
    targets = read_targets(run)
    texts = texts_of(targets)
    words = words_of(texts)
    in_prompts, in_answers = common_triples(run, targets, words)
    return Search(
        targets,
        texts,
        words,
        np.array([target.question for target in targets], bool),
        index_of(words, in_prompts),
        index_of(words, in_answers),
        run.recipe.filter.leak,
    )


def look_at_prompts(search: Search, texts: pa.StringArray, words: Words) -> Findings:
    """Prompts repeat a target by equality, by a long run of words, or by coverage; of what is not asked only runs count."""
    section, overlap = search.section, look(search.in_prompts, words)
    question = search.question[overlap.target]
    enough = np.minimum(section.ngram, np.diff(search.words.ends)[overlap.target])
    covered = question & (overlap.coverage >= section.coverage) & (overlap.common >= enough)
    kinds = np.where(overlap.run >= section.ngram, RUN, np.where(covered, COVERAGE, NONE))
    found = _best(search, overlap, kinds, texts, words)
    np.maximum.at(found.coverage, overlap.text[question], overlap.coverage[question])
    equal = (overlap.equal >= 0) & np.append(search.question, False)[overlap.equal]
    found.kind[equal], found.target[equal], found.coverage[equal] = EQUAL, overlap.equal[equal], 1.0
    for row in np.flatnonzero(equal & (np.diff(words.ends) < section.ngram)).tolist():
        if other_brackets(texts[row].as_py(), search.texts[int(found.target[row])].as_py()):
            found.kind[row] = NUMBERS  # of so few words a formula may be made
    return found


def look_at_answers(search: Search, texts: pa.StringArray, words: Words) -> Findings:
    """Answers repeat a target by a long run of words alone; their coverage is not measured."""
    overlap = look(search.in_answers, words)
    return _best(search, overlap, np.where(overlap.run >= search.section.ngram, RUN, NONE), texts, words)


def _best(search: Search, overlap: Overlap, kinds: Places, texts: pa.StringArray, words: Words) -> Findings:
    """Of each text the surest kind, of several targets the one with the longest run."""
    size = len(words.ends) - 1
    result = Findings(np.zeros(size, np.int64), np.full(size, -1), np.zeros(size))
    hits = np.flatnonzero(kinds)
    text, target, kind = overlap.text[hits], overlap.target[hits], kinds[hits]
    whole = overlap.run[hits] == np.diff(search.words.ends)[target]
    for place in np.flatnonzero(overlap.run[hits] < COPIED).tolist():
        here, there = texts[int(text[place])].as_py(), search.texts[int(target[place])].as_py()
        kind[place] = NUMBERS if other_numbers(here, there, holds=bool(whole[place])) else kind[place]
    order = np.lexsort((target, -overlap.coverage[hits], -overlap.run[hits], kind, text))
    first = order[changes(text[order])]
    result.kind[text[first]], result.target[text[first]] = kind[first], target[first]
    return result
