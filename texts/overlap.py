"""What texts have in common with texts that they must not repeat: the same whole, and runs of words that stand in both.

An index over the targets' 8-grams is looked up once for each place of a text; hits on one diagonal that follow one another are a
run. Everything counts against one target at a time: half of this question and half of that one are no leak.

A run counts if it is the target from end to end, or if half of its triples (three words in a row) are no template's. Of what many
training texts say without being a template's, half of the target must be there, or 50 words in a row: a question that was
copied into many prompts is found, a stock phrase that it holds is none.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .grams import Grams, found, grams_of
from .groups import changes, first_of, rank, union_sizes
from .hashing import WORDS, Hashes, mixed, stretches
from .repeats import covered
from .words import Places, Words, ngrams, whole

SEED = 8
"""Words in a row that begin a run (Tülu 3 counts common 8-grams)."""
TRIPLE = 3
"""Of 2 to 5 words the length that tells best a template from a language (docs/leaks.md)."""
TELLING = 0.5
"""The share of a run's triples that must be no template's."""
MOSTLY = 0.5
"""Of a target whose words many training texts say, the share that makes a copy of them."""
COPIED = 50
"""So many words in a row are a copy whatever is around them (Carlini et al. 2023, arXiv 2202.07646, who count 50 tokens as
verbatim)."""
MOST_TARGETS = 10
"""An 8-gram that stands in more targets than this says nothing of any of them."""
MOST_PLACES = 4
"""Of an 8-gram that comes again and again in one target only so many places count, so that no text costs a square."""


@dataclass(frozen=True, slots=True)
class Common:
    """Which triples of some targets training texts say too; shape (triples,), all of them as `ngrams` lays them end to end."""

    often: NDArray[np.bool_]
    """Many say it."""
    template: NDArray[np.bool_]
    """Many say it, and it is a template's."""


@dataclass(frozen=True, slots=True)
class Index:
    """Where the 8-grams of some targets stand, and the targets as wholes."""

    seeds: Grams
    ends: Places
    """(seeds + 1,) seed i stands at `at[ends[i]:ends[i + 1]]`."""
    at: Places
    """(postings,) the word, of all targets' words end to end."""
    begins: Places
    """(targets + 1,) where each target's words begin."""
    rare: Places
    """(words + 1,) how many triples that are no template's begin before each word."""
    seldom: Places
    """(words + 1,) of these, how many that few training texts say."""
    telling: Places
    """(words + 1,) how many words before each lie both in a triple that is no template's and in a seed."""
    said: Hashes
    """(targets,) of each target's words as they follow one another."""
    wholes: Hashes
    """(targets with a word,) of each as it is read, with its numbers and signs; sorted."""
    whole_target: Places
    """(targets with a word,) whose each is."""


@dataclass(frozen=True, slots=True)
class Overlap:
    """What a batch of texts has in common with targets: one entry for each text and target that share a telling run."""

    equal: Places
    """(texts,) the first target with the same words, numbers and signs; -1 without one."""
    text: Places
    """(pairs,) never decreasing."""
    target: Places
    """(pairs,)"""
    run: Places
    """(pairs,) words of the longest run."""
    common: Places
    """(pairs,) the target's words that lie in runs."""
    coverage: NDArray[np.float64]
    """(pairs,) of the target's telling words the share that lies in runs; 1 where it stands in the text from end to end."""


@dataclass(frozen=True, slots=True)
class Runs:
    """Stretches of words that stand in a text and in a target: one entry for each."""

    pair: Places
    """Text times (targets + 1) plus target."""
    said: Places
    """The word at which it begins, of all texts' words end to end."""
    stands: Places
    """The word at which it begins, of all targets' words end to end."""
    length: Places
    """In words."""


def index_of(targets: Words, common: Common | None = None) -> Index:
    """An index over targets: the texts that must not be repeated."""
    begins, size = targets.ends, len(targets.hashes)
    _, ends = ngrams(targets, TRIPLE)
    if common is None:
        common = Common(*np.zeros((2, ends[-1]), bool))
    at, (rare, seldom) = places_of(begins, ends), np.zeros((2, size), bool)
    rare[at], seldom[at] = ~common.template, ~(common.often | common.template)
    before = _before(rare)
    hashes, at = _seeds(targets, before)
    first = changes(hashes)
    telling = covered(at, SEED, size) & covered(np.flatnonzero(rare), TRIPLE, size)
    keys, worded = _keys(targets), np.flatnonzero(np.diff(begins))
    worded = worded[np.argsort(keys[worded], kind="stable")]
    return Index(
        grams_of(SEED, hashes[first]),
        np.append(np.flatnonzero(first), len(hashes)),
        at,
        begins,
        before,
        _before(seldom),
        _before(telling),
        stretches(targets.hashes, begins[:-1], begins[1:], WORDS),
        keys[worded],
        worded,
    )


def places_of(begins: Places, ends: Places) -> Places:
    """Of each n-gram of some texts, which end as `ngrams` has it, the word at which it begins."""
    return np.arange(ends[-1]) + np.repeat(begins[:-1] - ends[:-1], np.diff(ends))


def look(index: Index, words: Words) -> Overlap:
    """What each text has in common with each target that shares a telling run with it."""
    seed, at, ends = found(index.seeds, words)
    counts = index.ends[seed + 1] - index.ends[seed]
    posting = np.repeat(index.ends[seed] - (np.cumsum(counts) - counts), counts) + np.arange(counts.sum())
    text = np.searchsorted(ends, at, side="right") - 1
    said = np.repeat(at - ends[text] + words.ends[text], counts)  # the word, of all texts' words end to end
    text, stands = np.repeat(text, counts), index.at[posting]
    target = np.searchsorted(index.begins, stands, side="right") - 1
    pair = text * np.int64(len(index.begins)) + target
    order = np.lexsort((said, said - stands, pair))
    pair, said, stands = pair[order], said[order], stands[order]
    starts = np.flatnonzero(changes(pair) | changes(said - stands) | (np.diff(said, prepend=-1) != 1))
    length = np.diff(np.append(starts, len(pair))) + SEED - 1
    return _pairs(index, words, _told(index, words, Runs(pair[starts], said[starts], stands[starts], length)))


def _told(index: Index, words: Words, runs: Runs) -> Runs:
    """The runs that say something; those that are part of a whole target grow to it."""
    text, target = np.divmod(runs.pair, len(index.begins))
    begin, end = index.begins[target], index.begins[target + 1]
    first = runs.said - (runs.stands - begin)
    last = first + end - begin
    inside = (first >= words.ends[text]) & (last <= words.ends[text + 1])
    full = inside.copy()
    full[inside] = stretches(words.hashes, first[inside], last[inside], WORDS) == index.said[target[inside]]
    sure = full | (_share(index.seldom, runs) >= TELLING) | (runs.length >= COPIED)
    told = full | (_share(index.rare, runs) >= TELLING)
    told[told] = sure[told] | _mostly(index, runs.pair[told], runs.stands[told], runs.length[told])
    said, stands = np.where(full, first, runs.said), np.where(full, begin, runs.stands)
    return Runs(runs.pair[told], said[told], stands[told], np.where(full, end - begin, runs.length)[told])


def _share(before: Places, runs: Runs) -> NDArray[np.float64]:
    """(runs,) the share of triples that are counted in `before`."""
    triples = runs.length - TRIPLE + 1
    return (before[runs.stands + triples] - before[runs.stands]) / triples


def _mostly(index: Index, pair: Places, stands: Places, length: Places) -> NDArray[np.bool_]:
    """(runs,) whether the runs of its text and target hold most of the target."""
    pairs, number = np.unique(pair, return_inverse=True)
    return (_coverage(index, pairs, number, stands, stands + length) >= MOSTLY)[number]


def _coverage(index: Index, pairs: Places, number: Places, begin: Places, end: Places) -> NDArray[np.float64]:
    """(pairs,) of each target's telling words the share that lies in the pair's stretches of it."""
    target, telling = pairs % len(index.begins), index.telling
    own = telling[index.begins[target + 1]] - telling[index.begins[target]]
    return union_sizes(number, telling[begin], telling[end], len(pairs)) / np.maximum(own, 1)


def _pairs(index: Index, words: Words, runs: Runs) -> Overlap:
    """Runs summed up by text and target."""
    pairs, number = np.unique(runs.pair, return_inverse=True)
    text, target = np.divmod(pairs, len(index.begins))
    longest = runs.length[np.lexsort((-runs.length, number))[first_of(number)]]
    ends = runs.stands + runs.length
    whole_target = longest == index.begins[target + 1] - index.begins[target]
    coverage = _coverage(index, pairs, number, runs.stands, ends)
    return Overlap(
        _equal(index, words),
        text,
        target,
        longest,
        union_sizes(number, runs.stands, ends, len(pairs)),
        np.where(whole_target, 1.0, coverage),
    )


def _equal(index: Index, words: Words) -> Places:
    keys = _keys(words)
    if not len(index.wholes):
        return np.full(len(keys), -1)
    found = np.minimum(np.searchsorted(index.wholes, keys), len(index.wholes) - 1)
    return np.where((index.wholes[found] == keys) & (np.diff(words.ends) > 0), index.whole_target[found], -1)


def _keys(words: Words) -> Hashes:
    return mixed(whole(words) + words.signs * np.uint64(3))


def _seeds(targets: Words, rare: Places) -> tuple[Hashes, Places]:
    """The 8-grams worth looking for and the words at which they begin, sorted.

    Those of too many targets are not, nor are places beyond the first few in one target; nor those of templates' triples alone,
    but for one of each target, by which a text that holds all of it is found.
    """
    hashes, ends = ngrams(targets, SEED)
    at = places_of(targets.ends, ends)
    target = np.searchsorted(targets.ends, at, side="right") - 1
    order = np.lexsort((at, hashes))
    hashes, at, target = hashes[order], at[order], target[order]
    gram = changes(hashes)
    first = gram | changes(target)
    number = np.cumsum(gram) - 1
    among = np.bincount(number, first)[number].astype(np.int64)
    anchor = np.zeros(len(at), bool)
    anchor[np.lexsort((at, among, target))[first_of(target)]] = True
    kept = anchor | (rare[at + SEED - TRIPLE + 1] > rare[at])
    kept &= (among <= MOST_TARGETS) & (rank(first) < MOST_PLACES)
    return hashes[kept], at[kept]


def _before(values: NDArray[np.bool_]) -> Places:
    """How many are set before each place."""
    return np.concatenate(([0], np.cumsum(values)))
