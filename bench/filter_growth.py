"""How the stage `filter` grows: CPU seconds and peak memory over N and over ten times N answers, in processes of their own.

The answers are texts of the planted corpus (`filter_corpus.py`), two draws to a prompt, under the default rules.
`python -m potstill.bench.filter_growth ROWS FOLDER` is one such process.
"""

import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pyarrow as pa

from .claims import Claim, Effort, at_most, print_table
from .filter_corpus import read_corpus, write_corpus
from .meter import peak_mib

DRAWS = 2
MOST_CPU, MOST_BYTES = 10.5, 200


@dataclass(frozen=True, slots=True)
class Took:
    """What one process took for the stage alone."""

    rows: int
    cpu_s: float
    wall_s: float
    peak_bytes: int
    kept: int


def measure(effort: Effort) -> list[Claim]:
    """`stage_growth`: ten times the rows cost at most 10.5 times the CPU and at most 200 bytes of memory for each further row."""
    few = 2_000 if effort.quick else 100_000
    with tempfile.TemporaryDirectory(prefix="potstill-bench-") as name:
        small, large = (_in_a_process(Path(name) / str(rows), rows) for rows in (few, 10 * few))
    head = ("answers", "CPU s", "wall s", "rows per CPU s", "peak MiB", "kept")
    rows = [
        (took.rows, took.cpu_s, took.wall_s, took.rows / took.cpu_s, took.peak_bytes / 2**20, took.kept)
        for took in (small, large)
    ]
    print_table("The stage `filter`, default rules, two draws to a prompt:", head, rows)
    further = (large.peak_bytes - small.peak_bytes) / (large.rows - small.rows)
    return [
        at_most("stage_growth_cpu", large.cpu_s / small.cpu_s, MOST_CPU),
        at_most("stage_growth_bytes_a_row", further, MOST_BYTES),
    ]


def _in_a_process(folder: Path, rows: int) -> Took:
    prepare(folder, rows)
    command = [sys.executable, "-m", "potstill.bench.filter_growth", str(folder)]
    done = subprocess.run(command, check=True, stdout=subprocess.PIPE)
    return Took(rows, **orjson.loads(done.stdout.splitlines()[-1]))


def prepare(folder: Path, rows: int) -> None:
    """Write `prompts/` and `completions/` of a finished run with so many answers."""
    from potstill.store.manifest import Manifest, digests_below
    from potstill.store.schemas import COMPLETIONS, PROMPTS
    from potstill.store.tables import TableWriter

    write_corpus(folder / "corpus", rows)
    run = folder / "runs" / "bench"
    with (
        TableWriter(run / "completions", "completions", COMPLETIONS) as answers,
        TableWriter(run / "prompts", "prompts", PROMPTS) as prompts,
    ):
        at = 0
        for texts in read_corpus(folder / "corpus"):
            ids = [f"{number // DRAWS:032x}" for number in range(at, at + len(texts))]
            asked = [f"Write about {name}." for name in ids]
            answers.write_batch(_completions(texts, ids, at))
            first = [place for place in range(len(texts)) if (at + place) % DRAWS == 0]
            prompts.write_batch(_prompts([ids[place] for place in first], [asked[place] for place in first], "train"))
            at += len(texts)
        prompts.write_batch(
            _prompts([f"held{n}" for n in range(100)], [f"What is held back {n}?" for n in range(100)], "heldout")
        )
    for stage, counts in (("prompts", {"train": rows // DRAWS}), ("completions", {"rows": rows})):
        outputs = digests_below(run / stage)
        Manifest(
            stage=stage,
            fingerprint="",
            stage_version=1,
            recipe="",
            inputs={},
            settings={},
            outputs=outputs,
            counts=counts,
        ).write(run / stage)


def _completions(texts: pa.Array, ids: list[str], at: int) -> pa.RecordBatch:
    from potstill.store.schemas import COMPLETIONS

    count = len(texts)
    fixed: dict[str, Any] = {
        "status": "ok",
        "series": "",
        "method": "answer",
        "template": "t",
        "model": "m",
        "snapshot": "m-1",
    }
    own = {
        "id": pa.array([f"{at + number:032x}" for number in range(count)]),
        "prompt_id": pa.array(ids),
        "text": texts.cast(pa.string()),
        "draw": pa.array(np.arange(at, at + count) % DRAWS),
        "usd": pa.array(np.full(count, 0.001)),
    }
    empty = {pa.string(): "", pa.int64(): 0, pa.float64(): 0.0}
    columns = [
        own[field.name]
        if field.name in own
        else pa.repeat(pa.scalar(fixed.get(field.name, empty[field.type]), field.type), count)
        for field in COMPLETIONS
    ]
    return pa.RecordBatch.from_arrays(columns, schema=COMPLETIONS)


def _prompts(ids: list[str], asked: list[str], side: str) -> pa.RecordBatch:
    from potstill.store.columns import record_batch
    from potstill.store.schemas import PROMPTS

    rows = [
        {
            "id": name,
            "messages": [{"role": "user", "content": text}],
            "family": name,
            "side": side,
            "source": "bench",
            "lines": [1],
        }
        for name, text in zip(ids, asked, strict=True)
    ]
    return record_batch(rows, PROMPTS)


def main() -> None:
    """Run the stage over a prepared folder and print what it took."""
    from potstill.filter.work import work
    from potstill.recipe import Recipe
    from potstill.store.run import Run
    from potstill.store.screen import PlainScreen

    home = Path(sys.argv[1])
    values = {
        "name": "bench",
        "teacher": {"base_url": "http://127.0.0.1:9", "model": "m"},
        "prompts": {"path": "prompts.jsonl"},
    }
    run = Run(Recipe.model_validate(values), home, home / "runs" / "bench", PlainScreen())
    folder = home / "samples"
    folder.mkdir()
    cpu, wall = time.process_time(), time.monotonic()
    counts = work(run, folder)
    took = {"cpu_s": time.process_time() - cpu, "wall_s": time.monotonic() - wall, "kept": counts["kept"]}
    print(orjson.dumps(took | {"peak_bytes": int(peak_mib() * 2**20)}).decode())


if __name__ == "__main__":
    main()
