"""Finding duplicates by other means, each as its documents say; a job is one of them in a process of its own.

    python -m potstill.bench.filter_rivals JOB FOLDER ROWS [OUT]

prints {"rows", "cpu_s", "wall_s", "peak_gb"} of a job over the first ROWS rows of a corpus (`filter_corpus.py`). Imports are not
in the CPU seconds, but reading the corpus is. `potstill` and `potstill-threads` write what they drop to OUT.
"""

import re
import subprocess
import sys
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.util import find_spec
from itertools import islice
from pathlib import Path

import numpy as np
import orjson
import pyarrow as pa

from .filter_corpus import read_corpus
from .meter import metered

N, PERMUTATIONS, THRESHOLD = 5, 128, 0.8
_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a job took."""

    rows: int
    cpu_s: float
    wall_s: float
    peak_gb: float

    @property
    def speed(self) -> float:
        """Rows per CPU second."""
        return self.rows / self.cpu_s


def there(job: str) -> bool:
    """Whether what a job is measured with is installed; what is ours is."""
    return job.startswith("plain") or find_spec(job.split("-")[0]) is not None


def run(job: str, folder: Path, rows: int, out: Path | None = None) -> Cost:
    """Do a job in a process of its own."""
    command = [sys.executable, "-m", "potstill.bench.filter_rivals", job, str(folder), str(rows)]
    done = subprocess.run([*command, *([str(out)] if out else [])], check=True, stdout=subprocess.PIPE)
    return Cost(**orjson.loads(done.stdout.splitlines()[-1]))


def words(text: str) -> list[str]:
    """The words of a text, in plain Python."""
    return _WORD.findall(text.casefold())


def shingles(text: str) -> list[str]:
    """Each five words that follow one another."""
    found = words(text)
    return [" ".join(found[at : at + N]) for at in range(max(1, len(found) - N + 1))]


def _texts(folder: Path, rows: int) -> Iterator[str]:
    return islice((text for batch in read_corpus(folder) for text in batch.to_pylist()), rows)


def _arrays(folder: Path, rows: int) -> Iterator[pa.Array]:
    left = rows
    for batch in read_corpus(folder):
        if left <= 0:
            return
        yield batch[:left]
        left -= len(batch)


def _potstill(folder: Path, rows: int, out: Path | None, workers: int | None = 1) -> Callable[[], None]:
    from potstill.texts.near import near_duplicates

    def work() -> None:
        found = near_duplicates(lambda: _arrays(folder, rows), folder=folder, workers=workers)
        if out:
            np.savez(out, row=found.row, mate=found.mate, similarity=found.similarity, exact=found.exact)

    return work


def _potstill_threads(folder: Path, rows: int, out: Path | None) -> Callable[[], None]:
    return _potstill(folder, rows, out, None)


def _potstill_exact(folder: Path, rows: int, out: Path | None) -> Callable[[], None]:
    from potstill.texts.words import exact_hashes

    def work() -> None:
        hashes = np.concatenate([exact_hashes(texts) for texts in _arrays(folder, rows)])
        order = np.lexsort((hashes[:, 1], hashes[:, 0]))
        (np.diff(hashes[order], axis=0) == 0).all(axis=1).sum()

    return work


def _datasketch(folder: Path, rows: int, out: Path | None) -> Callable[[], None]:
    from datasketch import MinHash, MinHashLSH  # pyright: ignore[reportMissingImports]

    def work() -> None:
        index = MinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS)
        for number, text in enumerate(_texts(folder, rows)):
            sketch = MinHash(num_perm=PERMUTATIONS)
            sketch.update_batch([shingle.encode() for shingle in shingles(text)])
            index.query(sketch)
            index.insert(number, sketch)

    return work


def _rensa_pairs(folder: Path, rows: int, out: Path | None) -> Callable[[], None]:
    rensa = import_module("rensa")  # its names are not in its stubs

    def work() -> None:
        keep = rensa.RMinHashDeduplicator(threshold=THRESHOLD, num_perm=PERMUTATIONS, use_lsh=True)
        keep.add_pairs((str(number), shingles(text)) for number, text in enumerate(_texts(folder, rows)))

    return work


def _rensa_matrix(folder: Path, rows: int, out: Path | None) -> Callable[[], None]:
    rensa = import_module("rensa")

    def work() -> None:
        index = rensa.RMinHashLSH(threshold=THRESHOLD, num_perm=PERMUTATIONS, num_bands=16)
        texts = _texts(folder, rows)
        while batch := [shingles(text) for text in islice(texts, 1_000)]:
            matrix = rensa.RMinHash.digest_matrix_from_token_sets(batch, num_perm=PERMUTATIONS, seed=42)
            index.insert_matrix_and_query_duplicate_flags(matrix, 0)

    return work


def _polars_exact(folder: Path, rows: int, out: Path | None) -> Callable[[], None]:
    import polars  # pyright: ignore[reportMissingImports]

    def work() -> None:
        text = polars.col("text").str.normalize("NFKC").str.to_lowercase()
        text = text.str.replace_all(r"\s+", " ").str.strip_chars()
        frame = polars.scan_parquet(sorted(folder.glob("text-*.parquet"))).head(rows)
        frame.select(one=text.hash(0), other=text.hash(1)).unique().collect(engine="streaming")

    return work


def _plain_exact(folder: Path, rows: int, out: Path | None) -> Callable[[], None]:
    def work() -> None:
        seen = set()
        for text in _texts(folder, rows):
            seen.add(hash(" ".join(unicodedata.normalize("NFKC", text).casefold().split())))

    return work


JOBS: dict[str, Callable[[Path, int, Path | None], Callable[[], None]]] = {
    "potstill": _potstill,
    "potstill-threads": _potstill_threads,
    "potstill-exact": _potstill_exact,
    "datasketch": _datasketch,
    "rensa-pairs": _rensa_pairs,
    "rensa-matrix": _rensa_matrix,
    "polars-exact": _polars_exact,
    "plain-exact": _plain_exact,
}


def main(told: Sequence[str]) -> None:
    """Do one job and print what it took."""
    work = JOBS[told[0]](Path(told[1]), int(told[2]), Path(told[3]) if len(told) > 3 else None)
    with metered() as used:
        work()
    cost = {"rows": int(told[2]), "cpu_s": used.cpu_s, "wall_s": used.wall_s, "peak_gb": used.peak_mib * 2**20 / 1e9}
    print(orjson.dumps(cost).decode())


if __name__ == "__main__":
    main(sys.argv[1:])
