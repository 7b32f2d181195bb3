"""Leaks, planted and found: `python -m potstill.bench.filter_leak [--rows 1000000] [--corpus FOLDER]`.

Targets are texts of the planted corpus (simulated, `filter_corpus`) that nothing in it repeats, cut to 8 to 150 words. Into one
row in a hundred of the rest something of a target is written: four kinds of leak, and three that are none. Speed is rows per CPU
second, words and all; the triples' count that a run makes first is in it. It ends with one line of JSON.
"""

import argparse
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq

from potstill.filter.leak_search import NUMBERS, Search, look_at_prompts
from potstill.filter.leak_templates import FEWEST, SHARE, repeated_triples
from potstill.filter.targets import Target
from potstill.recipe.filter import LeakSection
from potstill.texts.grams import counted, grams_of
from potstill.texts.overlap import TRIPLE, Common, index_of
from potstill.texts.words import ngrams, words_of

from .claims import Claim, Effort, at_least, at_most, print_table
from .filter_corpus import PART, read_corpus, write_corpus
from .filter_leak_rivals import plain_python, polars_joins

ROWS, QUICK = 1_000_000, 30_000
TARGETS = 5_000
LEAKS = ("equal", "inside", "edited", "part")
NO_LEAKS = ("digits", "twelve", "shuffled")
EVERY = 100
"""One row in so many is planted."""
SLICE = 4_000
"""Rows that each rival is given in a round."""
Random = np.random.Generator
Batch = tuple[pa.Array, dict[int, str]]
"""Texts, and what was planted into which."""


def measure(effort: Effort, rows: int = ROWS, corpus: Path | None = None) -> list[Claim]:
    """Plant, look, compare.

    Args:
        effort: `quick` takes a small corpus instead.
        rows: rows of the corpus, the targets' part not counted.
        corpus: a folder written by `filter_corpus`, made if not given.
    """
    rows = QUICK if effort.quick else rows
    with tempfile.TemporaryDirectory() as folder:
        if corpus is None:
            corpus = Path(folder)
            write_corpus(corpus, rows // PART * PART + PART)
        targets = _targets(corpus)
        planted = lambda: _planted(corpus, targets)  # noqa: E731 - the corpus is gone through twice
        hits, seen, speed = _ours(planted, targets)
        rivals = _rivals(planted, targets, effort.rounds)
    return _claims(hits, seen, speed, rivals)


def _targets(corpus: Path) -> list[str]:
    """Texts of the last part that the corpus does not repeat, cut to 8 to 150 words."""
    truth = pq.read_table(corpus / "truth.parquet")
    total = sum(pq.read_metadata(path).num_rows for path in corpus.glob("text-*.parquet"))
    used = {*truth.column("original").to_pylist(), *truth.column("row").to_pylist()}
    texts = pq.read_table(sorted(corpus.glob("text-*.parquet"))[-1]).column("text").to_pylist()
    free = [text for row, text in enumerate(texts, total - len(texts)) if row not in used][:TARGETS]
    random = np.random.default_rng(11)
    return [" ".join(text.split()[: int(random.integers(8, 150))]) for text in free]


def _planted(corpus: Path, targets: Sequence[str]) -> Iterator[Batch]:
    """All parts but the last, in batches, with what was planted."""
    random = np.random.default_rng(12)
    left = sum(pq.read_metadata(path).num_rows for path in sorted(corpus.glob("text-*.parquet"))[:-1])
    for batch in read_corpus(corpus):
        if left <= 0:
            return
        left -= len(batch)
        texts, kinds = batch.to_pylist(), {}
        for row in range(int(random.integers(EVERY)), len(texts), EVERY):
            kind = (*LEAKS, *NO_LEAKS)[int(random.integers(len(LEAKS + NO_LEAKS)))]
            found = _plant(kind, targets[int(random.integers(len(targets)))].split(), texts[row].split(), random)
            if found:
                texts[row], kinds[row] = " ".join(found), kind
        yield pa.array(texts), kinds


def _plant(kind: str, target: list[str], around: list[str], random: Random) -> list[str]:
    """A row made of a target; empty where the target is too short for that kind."""
    size, number = len(target), [any(letter.isdigit() for letter in word) for word in target]
    plain = [word for word in around if word.isalpha()]  # without numbers: with others it would be another problem
    match kind:
        case "equal":
            return [f"{word.upper()};" for word in target]
        case "inside":
            return [*plain[:30], *target, *plain[30:60]]
        case "edited" if size >= 30:
            places = set(
                random.permutation([place for place in range(size) if not number[place]])[: size // 20].tolist()
            )
            return [plain[place % len(plain)] if place in places else word for place, word in enumerate(target)]
        case "part" if size >= 22:
            return [*target[: size * 6 // 10], *plain[:20]]
        case "digits" if any(number) and size < 50:
            return [f"1{word}" if digit else word for word, digit in zip(target, number, strict=True)]
        case "twelve" if size >= 40:
            return [*around[:20], *target[9:21], *around[20:60]]
        case "shuffled":
            return [target[place] for place in random.permutation(size)]
    return []


def _ours(planted: Callable[[], Iterator[Batch]], targets: Sequence[str]) -> tuple[Counter[str], Counter[str], float]:
    """Rows found and rows there by kind, the clean ones as "", and rows per CPU second."""
    start = time.process_time()
    texts = pa.array(targets)
    words = words_of(texts)
    hashes, _ = ngrams(words, TRIPLE)
    triples = grams_of(TRIPLE, np.unique(hashes))
    spent = time.process_time() - start
    counts, total, step = np.zeros(len(triples.hashes), np.int64), 0, 10
    for place, (batch, _) in enumerate(planted()):
        if place % step == 0:  # as a run does with a million prompts
            start = time.process_time()
            counts += counted(triples, words_of(batch))
            spent += time.process_time() - start
            total += len(batch)
    start = time.process_time()
    named = [Target(text, "targets", line, question=True) for line, text in enumerate(targets, start=1)]
    often = np.isin(hashes, triples.hashes[counts > max(FEWEST, SHARE * total)])
    index = index_of(words, Common(often, often & repeated_triples(named, words)))
    search = Search(named, texts, words, np.ones(len(targets), bool), index, index, LeakSection())
    spent += time.process_time() - start
    hits, seen, rows = Counter(), Counter(), 0
    for batch, kinds in planted():
        start = time.process_time()
        found = look_at_prompts(search, batch, words_of(batch))
        spent += time.process_time() - start
        leaks = set(np.flatnonzero((found.kind > 0) & (found.kind != NUMBERS)).tolist())
        rows += len(batch)
        seen.update(kinds.values())
        seen[""] += len(batch) - len(kinds)
        hits.update(kinds.get(row, "") for row in leaks)
    return hits, seen, rows / spent


def _rivals(planted: Callable[[], Iterator[Batch]], targets: Sequence[str], rounds: int) -> dict[str, float]:
    """Rows per CPU second of the plain loop and of polars, the median of some rounds on different rows."""
    rivals = {"plain Python": plain_python(targets), "polars": polars_joins(targets)}
    speeds: dict[str, list[float]] = {name: [] for name in rivals}
    batches = planted()
    for _ in range(rounds):
        texts = [text for _ in range(SLICE // 2_000) for text in next(batches, (pa.array([]), {}))[0].to_pylist()]
        for name, rival in rivals.items() if texts else ():
            start = time.process_time()
            rival(texts)
            speeds[name].append(len(texts) / (time.process_time() - start))
    return {name: float(np.median(found)) for name, found in speeds.items()}


def _claims(hits: Counter[str], seen: Counter[str], speed: float, rivals: dict[str, float]) -> list[Claim]:
    kinds = (*LEAKS, *NO_LEAKS, "")
    print_table(
        "What was planted, and what was found:",
        ("kind", "a leak", "rows", "found"),
        [(kind or "clean", "yes" if kind in LEAKS else "no", seen[kind], hits[kind]) for kind in kinds],
    )
    print_table("Rows per CPU second:", ("who", "rows/s"), [("potstill", speed), *rivals.items()])
    recall = sum(hits[kind] for kind in LEAKS) / sum(seen[kind] for kind in LEAKS)
    beside = ", ".join(f"{name} {value:.4g}" for name, value in rivals.items())
    best = at_least("leak_rows_per_cpu_s", speed, max(rivals.values()))
    return [
        at_least("leak_recall", recall, 0.995),
        at_most("leak_false_hits", hits[""] / seen[""], 0.0001),
        Claim(best.name, best.value, f"{best.target} ({beside})", best.holds),
    ]


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=ROWS)
    parser.add_argument("--corpus", type=Path)
    parser.add_argument("--quick", action="store_true", help="small sizes: the figures mean nothing")
    given = parser.parse_args()
    claims = measure(Effort(given.quick), given.rows, given.corpus)
    print(orjson.dumps({"claims": [asdict(claim) for claim in claims]}).decode(), flush=True)


if __name__ == "__main__":
    main()
