"""A corpus in which it is known which text repeats which: made-up words, planted copies of eleven kinds, any number of rows.

    python -m potstill.bench.filter_corpus FOLDER [--rows 1000000] [--seed 0]

writes `text-00000.parquet`, … (column text) and `truth.parquet` (row, original, kind). Texts have a Zipf vocabulary, sentences,
names and numbers. Every part has 70% texts of its own and 30% that repeat those of another part, far away; the same seed and
number of rows give the same files. Not all that is planted is to be found: `MEANT` says what is.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from potstill.texts.contrast import TURNING

PART = 10_000
WORDS, NAMES, NUMBERS = 50_000, 5_000, 10_000
ALL = WORDS + NAMES + NUMBERS
LOWER, CAPITAL, UPPER = range(3)
MARKS = (" ", ", ", ". ", ".")
"""What follows a word; the last ends the text."""
KINDS = {
    "exact": 8,
    "case": 3,
    "edit": 7,
    "boilerplate": 3,
    "shuffle": 3,
    "noise": 2,
    "digit": 1,
    "name": 1,
    "template": 2,
}
"""Rows of each kind in a hundred."""
MEANT = ("exact", "case", "edit", "boilerplate", "shuffle", "noise")
"""Kinds that are to be found where their Jaccard index is high enough; the others are different things said alike."""
FAMILIES, BOILERPLATES = 3, 20
Tokens = NDArray[np.int64]
"""A text: each word with its form and what follows it, as ((form × ALL) + word) × 4 + mark."""


@dataclass(frozen=True, slots=True)
class Part:
    """Some rows of the corpus; `original` and `kind` are those of its copies, which stand at `copy`."""

    texts: list[Tokens]
    copy: list[int]
    original: list[int]
    kind: list[str]


def write_corpus(folder: Path, rows: int, seed: int = 0) -> None:
    """Write the parts and the truth into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    spelt = _spelt(np.random.default_rng((seed, 0)))
    parts = max(1, rows // PART)
    size = rows // parts
    truth: dict[str, list] = {"row": [], "original": [], "kind": []}
    for number in range(parts):
        part = _part(seed, number, parts, size)
        truth["row"] += [number * size + place for place in part.copy]
        truth["original"] += part.original
        truth["kind"] += part.kind
        table = pa.table({"text": _written(part.texts, spelt)})
        pq.write_table(table, folder / f"text-{number:05}.parquet", compression="zstd", use_dictionary=False)
    pq.write_table(pa.table(truth), folder / "truth.parquet")


def read_corpus(folder: Path) -> Iterator[pa.Array]:
    """The texts in order, a thousand at a time or so."""
    for path in sorted(folder.glob("text-*.parquet")):
        with pq.ParquetFile(path) as file:
            for batch in file.iter_batches(2_000, columns=["text"], use_threads=False):
                yield batch.column(0)


def _spelt(random: np.random.Generator) -> pa.Array:
    """Every token, written."""
    syllables = [first + vowel for first in "bcdfghjklmnprstvwyz" for vowel in "aeiou"]
    known: dict[str, None] = {}
    while len(known) < WORDS + NAMES:
        # Frequent words are short, as in languages.
        length = 1 + int(len(known) > 150) + int(len(known) > 8000) + int(random.random() < 0.3)
        word = "".join(syllables[place] for place in random.integers(0, len(syllables), length))
        word += "nrst"[random.integers(4)] * int(random.random() < 0.6)
        if word not in TURNING:  # an edit of such a word is not like others
            known[word] = None
    words = [*known, *(str(number + 2) for number in range(NUMBERS))]
    forms = (str.lower, str.capitalize, str.upper)
    return pa.array([form(word) + mark for form in forms for word in words for mark in MARKS])


def _written(texts: list[Tokens], spelt: pa.Array) -> pa.Array:
    """Tokens as texts: taken one after the other, they already lie in memory as the texts do."""
    laid = spelt.take(pa.array(np.concatenate(texts)))
    places = np.frombuffer(laid.buffers()[1], np.int32)
    ends = places[np.cumsum([0, *map(len, texts)])]
    return pa.Array.from_buffers(pa.string(), len(texts), [None, pa.py_buffer(ends), laid.buffers()[2]])


def _zipf() -> NDArray[np.int64]:
    """A million words, each as often as its frequency has it."""
    share = 1 / np.arange(1, WORDS + 1)
    return np.searchsorted(np.cumsum(share) / share.sum(), (np.arange(1 << 20) + 0.5) / (1 << 20))


_FREQUENT = _zipf()


def _drawn(random: np.random.Generator, count: int) -> Tokens:
    return _FREQUENT[random.integers(0, len(_FREQUENT), count)] * 4


def _originals(seed: int, number: int, count: int) -> list[Tokens]:
    """Texts of sentences, with 3% names and 2% numbers; the median has 150 words."""
    random = np.random.default_rng((seed, 1, number))
    sizes = np.clip(random.lognormal(np.log(150), 0.35, count), 12, 3000).astype(np.int64)
    total, ends = int(sizes.sum()), np.cumsum(sizes)
    tokens, chance = _drawn(random, total), random.random(total)
    names = chance < 0.03
    tokens[names] = (CAPITAL * ALL + WORDS + random.integers(0, NAMES, int(names.sum()))) * 4
    numbers = (chance >= 0.03) & (chance < 0.05)
    tokens[numbers] = (WORDS + NAMES + random.integers(0, NUMBERS, int(numbers.sum()))) * 4
    tokens[random.random(total) < 0.08] += 1
    last = random.random(total) < 1 / 14
    last[ends - 1] = True
    tokens[last] = tokens[last] // 4 * 4 + 2
    begins = np.concatenate([[0], last.nonzero()[0][:-1] + 1])
    begins = begins[tokens[begins] < ALL * 4]
    tokens[begins] += ALL * 4
    tokens[ends - 1] += 1
    return np.split(tokens, ends[:-1])


def _part(seed: int, number: int, parts: int, size: int) -> Part:
    """The rows of a part, in a random order."""
    random = np.random.default_rng((seed, 2, number))
    own = size - sum(size * share // 100 for share in KINDS.values())
    source = (number + parts // 2) % parts
    place = np.random.default_rng((seed, 3, number)).permutation(size)
    place_there = np.random.default_rng((seed, 3, source)).permutation(size)
    models = _originals(seed, source, own)
    texts = _originals(seed, number, own)
    original: list[int] = [-1] * own
    kind: list[str] = [""] * own
    boilerplates = [_sentence(np.random.default_rng((seed, 4, each))) for each in range(BOILERPLATES)]
    for name, share in KINDS.items():
        for member in range(size * share // 100):
            # Every model is copied once at most, so that the truth is pairs.
            at = len(texts) - own
            if name == "template":
                texts.append(_member(seed, number, member, random))
            else:
                texts.append(_copy(models[at], name, random, boilerplates))
            original.append(-1 if name == "template" else source * size + int(place_there[at]))
            kind.append(name)
    order = np.argsort(place)
    copies = [row for row in range(size) if kind[order[row]]]
    at = [int(order[row]) for row in copies]
    return Part([texts[each] for each in order], copies, [original[each] for each in at], [kind[each] for each in at])


def _sentence(random: np.random.Generator) -> Tokens:
    """Ten to twenty words without a name or a number."""
    tokens = _drawn(random, int(random.integers(10, 20)))
    tokens[0] += ALL * 4
    tokens[-1] += 2
    return tokens


def _member(seed: int, number: int, member: int, random: np.random.Generator) -> Tokens:
    """A text of a template with one or two words in its slot: every other one of a family all over the corpus, else of eight."""
    family = (5, member % FAMILIES) if member % 2 else (6, number, member // 16)
    model = _originals(seed, int(np.random.default_rng((seed, *family)).integers(1 << 40)), 1)[0]
    slot = len(model) // 3
    value = np.append((number * 7919 + member * 31) % WORDS * 4, _drawn(random, int(random.integers(0, 2))))
    return np.concatenate([model[:slot], value, model[slot:]])


def _copy(model: Tokens, kind: str, random: np.random.Generator, boilerplates: list[Tokens]) -> Tokens:
    word = model // 4 % ALL
    text = model.copy()
    if kind == "case":
        return text % (ALL * 4) + ALL * 4 * (UPPER if random.random() < 0.5 else LOWER)
    if kind in ("edit", "noise"):
        plain = (text < WORDS * 4).nonzero()[0]
        share = 0 if kind == "edit" else random.uniform(0.01, 0.15)
        places = random.choice(plain, min(len(plain), 1 + int(len(text) * share)), replace=False)
        text[places] = (text[places] // 4 + random.integers(1, WORDS, len(places))) % WORDS * 4 + text[places] % 4
    elif kind == "digit":
        _another(text, (word >= WORDS + NAMES).nonzero()[0], WORDS + NAMES, NUMBERS, random)
    elif kind == "name":
        _another(text, ((word >= WORDS) & (word < WORDS + NAMES)).nonzero()[0], WORDS, NAMES, random)
    elif kind == "boilerplate":
        more = boilerplates[int(random.integers(BOILERPLATES))]
        text[-1] -= 1
        text = np.concatenate([more, text] if random.random() < 0.5 else [text, more])
    elif kind == "shuffle":
        text[-1] -= 1
        ends = (text % 4 == 2).nonzero()[0] + 1
        text = np.roll(text, -int(random.choice(ends)))
    if kind in ("boilerplate", "shuffle"):
        text[-1] += 1
    return text


def _another(text: Tokens, places: NDArray[np.int64], first: int, count: int, random: np.random.Generator) -> None:
    """Another word of a class in one of some places; where there is none, one in place of some word."""
    at = int(random.choice(places)) if len(places) else len(text) // 2
    word, form = text[at] // 4 % ALL, CAPITAL if first == WORDS else LOWER
    text[at] = (form * ALL + first + (word - first + random.integers(1, count)) % count) * 4 + text[at] % 4


if __name__ == "__main__":
    given = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    given.add_argument("folder", type=Path)
    given.add_argument("--rows", type=int, default=1_000_000)
    given.add_argument("--seed", type=int, default=0)
    told = given.parse_args()
    write_corpus(told.folder, told.rows, told.seed)
