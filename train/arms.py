"""The arms of a training: the student, and beside it the controls that say what the filter was worth, and what its choice."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..errors import BadInput
from ..recipe import TrainSection
from ..store.run import Run
from ..store.tables import count_rows
from ..student.check import Kind, kind_of
from ..student.load import BASE_FILE, Scratch, Student, load_base, load_student, load_tokenizer, save_student
from ..student.measure import parameters
from .checkpoints import clear_if_changed
from .proof import prove_rows, prove_saved
from .rows import (
    SELECT,
    ArmRows,
    Row,
    corpus_texts,
    dropped_answers,
    encode_rows,
    kept_rows,
    random_order,
    shows_thinking,
    unfiltered_order,
)
from .settings import Facts, TrainSettings, settle, way_of
from .sft import fine_tune

STUDENT, UNFILTERED, RANDOM = "student", "control_unfiltered", "control_random"

ARM_FOLDERS: Mapping[str, str] = {STUDENT: "model", UNFILTERED: UNFILTERED, RANDOM: RANDOM}
"""Where each arm's model is saved below `student/`."""

RECORD = "training.json"
"""Beside each model: how it was trained. The stage's own file of this name holds them all."""


@dataclass(frozen=True, slots=True)
class Start:
    """Where all arms begin: the same weights, the same tokenizer."""

    student: Student
    kind: Kind
    base: Path
    dtype: str

    def fresh(self, home: Path) -> Student:
        """The untrained student once more, for the next arm."""
        return load_base(self.base, home, dtype=self.dtype)


def train_arms(run: Run, folder: Path) -> dict[str, Any]:
    """Train every arm that an interrupted run has not finished, write `training.json`, and return the counts.

    Raises:
        BadInput: no row was kept.
        BadStudent: the student cannot be loaded, or its masks do not prove.
    """
    section, samples = run.recipe.train, run.folder / "samples"
    kept = kept_rows(samples)
    if not kept:
        raise BadInput(
            f"{samples}: no row was kept, so there is nothing to train on; look at the funnel (`potstill report`, "
            f"report.html) and at the reasons of the {count_rows(samples, 'dropped'):,} dropped rows (dropped-*.parquet)"
        )
    dropped = _dropped(run, samples)
    start = _start(run, folder, kept, dropped)
    arms = _rows_of_arms(section, start.student, kept, dropped)
    if not arms[STUDENT].rows:
        raise BadInput(f"{samples}: none of the {len(kept):,} kept rows fits the student; raise train.max_length")
    facts = _facts(section, start, arms)
    settings = settle(section, facts, run.screen.line)
    _go_on_or_start_over(run, folder, settings)
    fresh: Student | None = start.student
    for name, rows in arms.items():
        if not (folder / ARM_FOLDERS[name] / RECORD).is_file():
            _train_arm(run, folder, name, rows, fresh or start.fresh(run.home), settings)
            fresh = None
    return _finish(folder, arms, facts.parameters, settings)


def _dropped(run: Run, samples: Path) -> list[Row]:
    """The dropped answers that are read: all by the unfiltered control and by the tokenizer of a student from scratch."""
    section = run.recipe.train
    if "unfiltered" in section.controls or kind_of(section.student, run.home) == "scratch":
        return dropped_answers(samples)
    return dropped_answers(samples, SELECT) if "random" in section.controls else []


def _go_on_or_start_over(run: Run, folder: Path, settings: TrainSettings) -> None:
    """Keep what an interrupted run left only if it was made with these very settings, on such a device, by these packages."""
    settled = {name: value for name, value in settings.as_json().items() if name != "save_every"}
    settled |= {"device": "GPU" if torch.cuda.is_available() else "CPU", **_versions()}
    if changed := clear_if_changed(folder, ARM_FOLDERS.values(), settled):
        run.screen.line(f"the interrupted training was made another way and starts over: {'; '.join(changed)}")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "trl")}


def _start(run: Run, folder: Path, kept: Sequence[Row], dropped: Sequence[Row]) -> Start:
    """The untrained student, written down in `base/` so that evaluation finds the same."""
    section = run.recipe.train
    kind = kind_of(section.student, run.home)
    gpu_adapters = way_of(section, kind) == "lora" and torch.cuda.is_available()
    dtype = "bfloat16" if gpu_adapters else "float32"
    base = folder / "base"
    if base.is_dir():
        return Start(load_base(base, run.home, dtype=dtype), kind, base, dtype)
    unfinished = _clean(folder / "checkpoints" / "base")
    if kind == "scratch":
        made_of = Scratch(corpus_texts([*kept, *dropped]), section.vocab_size, section.seed)
        student = load_student(section.student, run.home, scratch=made_of)
        save_student(student, unfinished)
    else:
        thinking = shows_thinking(kept)
        student = load_student(section.student, run.home, thinking=thinking, dtype=dtype)
        named = {"spec": section.student, "revision": student.revision, "thinking": thinking}
        (unfinished / BASE_FILE).write_text(json.dumps(named, indent=2) + "\n", encoding="utf-8")
    unfinished.rename(base)
    return Start(student, kind, base, dtype)


def _rows_of_arms(
    section: TrainSection, student: Student, kept: Sequence[Row], dropped: Sequence[Row]
) -> dict[str, ArmRows]:
    max_length = min(section.max_length or student.context, student.context)
    arms = {STUDENT: encode_rows(student.tokenizer, kept, max_length)}
    pools: dict[str, list[Row]] = {}
    if "unfiltered" in section.controls:
        pools[UNFILTERED] = unfiltered_order(kept, dropped)
    if "random" in section.controls and (pool := random_order(kept, dropped)):
        pools[RANDOM] = pool
    wanted = len(arms[STUDENT].rows)
    return arms | {name: encode_rows(student.tokenizer, pool, max_length, wanted) for name, pool in pools.items()}


def _facts(section: TrainSection, start: Start, arms: Mapping[str, ArmRows]) -> Facts:
    lengths = {name: [len(one.encoded.input_ids) for one in arm.rows] for name, arm in arms.items()}
    gpu = torch.cuda.is_available()
    return Facts(
        kind=start.kind,
        gpu=gpu,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        parameters=parameters(start.student.model),
        lengths=lengths[STUDENT],
        longest=max(max(one, default=1) for one in lengths.values()),
        max_length=min(section.max_length or start.student.context, start.student.context),
    )


def _train_arm(run: Run, folder: Path, name: str, arm: ArmRows, student: Student, settings: TrainSettings) -> None:
    """Prove, train and save one arm; its folder appears when it is whole."""
    proof = prove_rows(student.tokenizer, arm.rows)
    run.screen.line(
        f"{name}: masks proved on {proof['rows']:,} rows, {proof['trained_tokens']:,} of {proof['tokens']:,} tokens "
        f"are trained; left out: {arm.count('too_long'):,} too long, {arm.count('control_token'):,} with control tokens"
    )
    with run.screen.track(f"train {name}", settings.steps, "steps") as track:
        trained = fine_tune(student, arm.rows, settings, folder / "checkpoints" / name, track)
    record = {
        "rows": len(arm.rows),
        "distinct_prompts": arm.distinct_prompts,
        "longest_answer": arm.longest_answer,
        "too_long": arm.count("too_long"),
        "control_token": arm.count("control_token"),
        "steps": settings.steps,
        "epochs": trained.epochs,
        "tokens": proof["tokens"],
        "trained_tokens": proof["trained_tokens"],
        "seconds": round(trained.seconds, 3),
        "resumed_from": trained.resumed_from,
        "curve": trained.curve,
        "final_loss": trained.curve[-1]["loss"] if trained.curve else None,
        "proof": proof | {"batches": trained.batches},
        "settings": settings.as_json(),
    }
    unfinished = _clean(folder / "checkpoints" / f"{name}-saved")
    save_student(replace(student, model=trained.model), unfinished)
    prove_saved(load_tokenizer(unfinished), student.tokenizer, arm.rows[0])
    (unfinished / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.rename(folder / ARM_FOLDERS[name])


def _finish(folder: Path, arms: Mapping[str, ArmRows], weights: int, settings: TrainSettings) -> dict[str, Any]:
    records = {name: json.loads((folder / ARM_FOLDERS[name] / RECORD).read_bytes()) for name in arms}
    training = {
        "arms": records,
        "parameters": weights,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu ({platform.machine()})",
        "packages": _versions(),
    }
    (folder / RECORD).write_text(json.dumps(training, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with (folder / "left_out.jsonl").open("w", encoding="utf-8") as file:
        for name, arm in arms.items():
            file.writelines(json.dumps({"arm": name, **asdict(one)}) + "\n" for one in arm.left_out)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    return {
        "rows": len(arms[STUDENT].rows),
        "too_long": arms[STUDENT].count("too_long"),
        "control_token": arms[STUDENT].count("control_token"),
        "steps": settings.steps,
        "parameters": weights,
        "final_loss": records[STUDENT]["final_loss"],
        "train_seconds": round(sum(record["seconds"] for record in records.values()), 3),
        "arms": list(records),
    }


def _clean(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder
