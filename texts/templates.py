"""N-grams that very many texts have, because one template or one boilerplate made them: they tell no two texts apart."""

import numpy as np
from numpy.typing import NDArray

from .candidates import MOST, NO_KEY, runs, sorted_keys
from .hashing import Hashes
from .stream import Read, chosen
from .survey import Survey, sketch_of
from .words import Places, ngrams, words_of

_ROUNDS = 4
_SAMPLE = 32
"""Rows of such an n-gram that are looked at."""
_COMMON = 8
"""An n-gram that so many of them have is the template's."""
_ENOUGH = 3
"""With so many n-grams left, a sketch needs no others in place of those that a template took."""
_KEYS = 2000
"""N-grams of too many rows that are looked into in a round, those of most rows first."""


def strip_templates(read: Read, survey: Survey, n: int) -> Hashes:
    """The n-grams of templates, ascending; in the survey's sketches others stand in their place.

    One that is in the sketches of more than `MOST` rows is such; those of a sample of its rows show the rest of the template.
    """
    found = np.empty(0, np.uint64)
    for _ in range(_ROUNDS):
        poor, samples = _crowded(survey)
        if not samples:
            break
        found = np.union1d(found, _shared(read, samples, n))
        for rows, texts in chosen(read, poor):
            survey.sketches[rows] = sketch_of(words_of(texts), survey.sketches.shape[1], n, found)
    return found


def _crowded(survey: Survey) -> tuple[NDArray[np.bool_], list[Places]]:
    """Which sketches are too short once n-grams of too many rows are taken away, which this does; and some rows of each of these.

    The rows are chosen by their hashes, so that other orders of the rows give the same texts.
    """
    hit = np.zeros(len(survey.same), bool)
    crowded, samples = [np.empty(0, np.uint64)], []
    for keys, rows in sorted_keys(survey.sketches):
        begins, sizes = runs(keys)
        many = sizes > MOST
        crowded.append(keys[begins[many]])
        for begin, size in zip(begins[many].tolist(), sizes[many].tolist(), strict=True):
            mine = rows[begin : begin + size].astype(np.int64)
            hit[mine] = True
            samples.append((size, mine[np.argsort(survey.same[mine], kind="stable")[:_SAMPLE]]))
    places = hit.nonzero()[0]
    keys = survey.sketches[places]
    keys[np.isin(keys, np.concatenate(crowded))] = NO_KEY
    survey.sketches[places] = keys
    hit[places] = np.count_nonzero(keys != NO_KEY, axis=1) < _ENOUGH
    samples.sort(key=lambda sample: (-sample[0], sample[1].tolist()))
    different = {rows.tobytes(): rows for _, rows in samples[:_KEYS]}
    return hit, list(different.values())


def _shared(read: Read, samples: list[Places], n: int) -> Hashes:
    """The n-grams that many rows of a sample have."""
    grams: dict[int, Hashes] = {}
    wanted = np.unique(np.concatenate(samples))
    mask = np.zeros(int(wanted[-1]) + 1, bool)
    mask[wanted] = True
    for rows, texts in chosen(read, mask):
        hashes, ends = ngrams(words_of(texts), n)
        for place, row in enumerate(rows.tolist()):
            grams[row] = np.unique(hashes[ends[place] : ends[place + 1]])
    common = [_often(np.concatenate([grams[row] for row in sample.tolist()])) for sample in samples]
    return np.unique(np.concatenate(common))


def _often(hashes: Hashes) -> NDArray[np.uint64]:
    values, counts = np.unique(hashes, return_counts=True)
    return values[counts >= _COMMON]
