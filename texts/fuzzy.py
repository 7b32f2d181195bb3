"""How alike short texts are to short targets, letter by letter: a score, for texts too short for runs of words."""

from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from .groups import changes, rank
from .hashing import Hashes
from .words import Places, Words

SHORT = 8
"""Texts of fewer words are short."""
MOST = 32
"""A word of more short targets than this brings no pair together, so that no text costs more than some hundred pairs."""


@dataclass(frozen=True, slots=True)
class Short:
    """Short targets, by their words."""

    texts: list[str]
    """Without case and punctuation."""
    words: Hashes
    """Sorted; the targets of word i are `of[ends[i]:ends[i + 1]]`."""
    ends: Places
    of: Places


def short_of(targets: pa.StringArray, words: Words) -> Short:
    """Those of some targets that are short."""
    places = np.flatnonzero(_is_short(words))
    flat, of = _flat(words, places)
    order = np.lexsort((of, flat))
    flat, of = flat[order], of[order]
    fresh = changes(flat) | changes(of)
    flat, of = flat[fresh], of[fresh]
    first = changes(flat)
    counts = np.bincount(np.cumsum(first) - 1, minlength=0)
    kept = (counts <= MOST)[np.cumsum(first) - 1] if len(flat) else first
    flat, of = flat[kept], of[kept]
    starts = np.flatnonzero(changes(flat))
    return Short(_plain(targets, places), flat[starts], np.append(starts, len(flat)), of)


def likeness(short: Short, texts: pa.StringArray, words: Words) -> NDArray[np.float64]:
    """(texts,) the likeness (`rapidfuzz.fuzz.ratio`, 0 to 1) to the short target most alike; NaN for a text that is not short.

    Only targets that share a word with the text are looked at, and not by a word that many of them have.
    """
    is_short = _is_short(words)
    result = np.where(is_short, 0.0, np.nan)
    places = np.flatnonzero(is_short)
    flat, of = _flat(words, places)
    if not len(short.words) or not len(flat):
        return result
    found = np.minimum(np.searchsorted(short.words, flat), len(short.words) - 1)
    same = short.words[found] == flat
    found, of = found[same], of[same]
    counts = short.ends[found + 1] - short.ends[found]
    of = np.repeat(of, counts)
    target = short.of[np.repeat(short.ends[found], counts) + rank(_starts(counts))]
    pairs = np.unique(of * np.int64(len(short.texts)) + target)
    of, target = np.divmod(pairs, len(short.texts))
    np.maximum.at(result, places[of], _ratios(_plain(texts, places), short.texts, of, target))
    return result


def _ratios(texts: list[str], targets: list[str], of: Places, target: Places) -> NDArray[np.float64]:
    from rapidfuzz import fuzz, process

    left, right = [texts[place] for place in of], [targets[place] for place in target]
    return np.asarray(process.cpdist(left, right, scorer=fuzz.ratio, workers=1), np.float64) / 100


def _plain(texts: pa.StringArray, places: Places) -> list[str]:
    from rapidfuzz.utils import default_process

    return [default_process(text or "") for text in texts.take(pa.array(places)).to_pylist()]


def _is_short(words: Words) -> NDArray[np.bool_]:
    counts = np.diff(words.ends)
    return (counts > 0) & (counts < SHORT)


def _flat(words: Words, places: Places) -> tuple[Hashes, Places]:
    """The words of the texts at some places, and which of these each belongs to."""
    counts = np.diff(words.ends)[places]
    of = np.repeat(np.arange(len(places)), counts)
    return words.hashes[np.repeat(words.ends[places], counts) + rank(_starts(counts))], of


def _starts(counts: Places) -> NDArray[np.bool_]:
    """Of groups of these sizes laid end to end, where each begins."""
    first = np.zeros(counts.sum(), bool)
    ends = np.cumsum(counts)
    first[(ends - counts)[counts > 0]] = True
    return first
