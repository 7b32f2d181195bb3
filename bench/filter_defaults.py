"""What the default rules drop where nothing is wrong: right answers to short, templated prompts that differ in digits and names.

Always the demo's prompts, each with its reference as its only answer. With `POTSTILL_BENCH_DATA` set, also the folders of
question-and-answer sets found there: gsm8k (train.jsonl against test.jsonl), bbh. A row that repeats a held-out prompt is no
right row: what the rule `leak` drops is not counted, but shown, for a person to read.
"""

import os
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson

from potstill.cli.screen import QuietScreen
from potstill.errors import PotstillError
from potstill.pipeline import run_stage, stage_named
from potstill.recipe import Recipe
from potstill.store.manifest import Manifest, digests_below
from potstill.store.rows import Completion, Prompt
from potstill.store.run import Run
from potstill.store.schemas import COMPLETIONS, completion_columns, read_prompts
from potstill.store.tables import write_table

from .claims import Claim, Effort, none_of, print_table

DATA = "POTSTILL_BENCH_DATA"
RIGHT = ("demo", "gsm8k")
"""The corpora of which nothing may be dropped: whatever the rules say of others is shown, and claims nothing."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """Prompts with right answers."""

    name: str
    path: str
    columns: Mapping[str, str] = field(default_factory=dict)
    against: tuple[str, ...] = ()


def measure(effort: Effort) -> list[Claim]:
    """`default_rules_drop_right`: of none of the right rows anything is dropped."""
    dropped = rows = 0
    table: list[tuple[object, ...]] = []
    leaks: list[tuple[object, ...]] = []
    for corpus in _corpora():
        counts, prompts, found = filtered(corpus)
        table.append(_line(corpus, counts, prompts))
        if corpus.name in RIGHT:
            leaked = sum(step["dropped"] for step in counts["funnel"] if step["rule"] == "leak")
            dropped += counts["dropped"] - leaked + prompts["near"]
            rows += counts["rows"]
            leaks += found
    head = ("corpus", "rows read", "near prompts not asked", "answers", "dropped", "by rule")
    print_table("Right answers under the default rules:", head, table)
    print_table("What was dropped as a leak there:", ("kind", "row", "held-out prompt or benchmark"), leaks)
    return [none_of("default_rules_drop_right", dropped, rows)]


def _corpora() -> Iterator[Corpus]:
    yield Corpus("demo", "practice://skills?rows=5500&seed=7")
    if (given := os.environ.get(DATA)) is not None:
        data = Path(given).resolve()
        gsm8k = {"prompt": "question", "reference": "answer"}
        yield Corpus("gsm8k", str(data / "gsm8k" / "train.jsonl"), gsm8k, (str(data / "gsm8k" / "test.jsonl"),))
        yield Corpus("bbh", str(data / "bbh" / "bbh.jsonl"), {"prompt": "input", "reference": "target"})


def _line(corpus: Corpus, counts: Mapping[str, Any], prompts: Mapping[str, Any]) -> tuple[object, ...]:
    by = ", ".join(f"{step['rule']} {step['dropped']:,}" for step in counts["funnel"] if step["dropped"])
    return corpus.name, prompts["rows"], prompts["near"], counts["rows"], counts["dropped"], by or "–"


def filtered(corpus: Corpus) -> tuple[dict[str, Any], dict[str, Any], list[tuple[object, ...]]]:
    """The counts of `filter` and of `prompts`, and the leaks, where every training prompt is answered by its reference."""
    with tempfile.TemporaryDirectory(prefix="potstill-bench-") as name:
        run = _run(Path(name), corpus)
        prompts = run_stage(run, stage_named("prompts")).manifest.counts
        _answer(run)
        try:
            counts = run_stage(run, stage_named("filter")).manifest.counts
        except PotstillError as error:
            raise SystemExit(f"{corpus.name}: {error}") from None
        return counts, prompts, list(_leaks(run))


def _leaks(run: Run) -> Iterator[tuple[object, ...]]:
    """Kind and both texts of each row that was dropped as a leak."""
    report = orjson.loads((run.folder / "samples" / "leaks.json").read_bytes())
    for file in report["files"].values():
        for one in file["examples"]:
            if one["kind"] != "numbers":
                yield one["kind"], _cell(one["text"]), f"{_cell(one['target_text'])} ({Path(one['target']).name})"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "/").split())[:400]


def _run(home: Path, corpus: Corpus) -> Run:
    values = {
        "name": "bench",
        "teacher": {"base_url": "practice://skills", "model": "practice-1"},
        "prompts": {"path": corpus.path, "columns": dict(corpus.columns)},
        "filter": {"leak": {"against": corpus.against}},
    }
    return Run(Recipe.model_validate(values), home, home / "runs" / "bench", QuietScreen())


def _answer(run: Run) -> None:
    """Write `completions/` as if the teacher had given every reference."""
    folder = run.folder / "completions"
    training = (prompt for prompt in read_prompts(run.folder / "prompts") if prompt.side == "train")
    rows = write_table(folder, "completions", COMPLETIONS, (completion_columns(_right(prompt)) for prompt in training))
    prompts = run.finished("prompts")
    assert prompts is not None
    Manifest(
        stage="generate",
        fingerprint="",
        stage_version=1,
        recipe=run.recipe.digest(),
        inputs={"prompts": prompts.digest()},
        settings={},
        outputs=digests_below(folder),
        counts={"rows": rows},
    ).write(folder)


def _right(prompt: Prompt) -> Completion:
    return Completion(
        id=prompt.id, prompt_id=prompt.id, method="answer", template="", series="", draw=0, status="ok",
        text=prompt.reference or "", finish_reason="stop", error="", key="", provider="bench", model="bench", snapshot="",
        parameters="{}", terms="", input_tokens=0, output_tokens=0, usd=0.0,
    )  # fmt: skip
