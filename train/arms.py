"""The arms of a training: students of several seeds, and controls that say what filter, choice and teacher were worth."""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Sequence
from dataclasses import asdict, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from ..recipe import TrainSection
from ..store.run import Run
from ..student.load import Student, load_tokenizer, save_student
from ..student.measure import parameters
from .checkpoints import clear_if_changed
from .names import RECORD, folder_of, wanted_arms
from .pools import Arm, arms_of, longest_row, read_pools
from .proof import prove_rows, prove_saved
from .settings import Facts, TrainSettings, settle
from .sft import fine_tune
from .start import Start, begin, clean


def train_arms(run: Run, folder: Path) -> dict[str, Any]:
    """Train every arm that an interrupted run has not finished, write `training.json`, and return the counts.

    Raises:
        BadInput: no row was kept, or none fits.
        BadStudent: the student cannot be loaded, or its masks do not prove.
    """
    section, pools = run.recipe.train, read_pools(run)
    start = begin(run, folder, pools.kept, pools.dropped)
    arms = arms_of(run, start.student, pools)
    facts = _facts(section, start, arms)
    settings = settle(section, facts, run.screen.line)
    _go_on_or_start_over(run, folder, settings)
    unused: Student | None = start.student
    for arm in arms:
        if (folder / folder_of(arm.name) / RECORD).is_file():
            continue
        student = unused if unused and arm.seed == start.seed else start.fresh(run.home, arm.seed)
        _train_arm(run, folder, arm, student, replace(settings, seed=arm.seed))
        unused = None
    return _finish(folder, arms, {"references": pools.referenced, "parameters": facts.parameters})


def _go_on_or_start_over(run: Run, folder: Path, settings: TrainSettings) -> None:
    """Keep what an interrupted run left only if it was made with these very settings, on such a device, by these packages."""
    settled = {name: value for name, value in settings.as_json().items() if name != "save_every"}
    settled |= {"device": "GPU" if torch.cuda.is_available() else "CPU", **_versions()}
    if changed := clear_if_changed(folder, map(folder_of, wanted_arms(run.recipe.train)), settled):
        run.screen.line(f"what was trained before was made another way and starts over: {'; '.join(changed)}")


def _versions() -> dict[str, str]:
    return {name: version(name) for name in ("torch", "transformers", "trl")}


def _facts(section: TrainSection, start: Start, arms: Sequence[Arm]) -> Facts:
    lengths = [[len(one.encoded.input_ids) for one in arm.rows.rows] for arm in arms]
    gpu = torch.cuda.is_available()
    return Facts(
        kind=start.kind,
        gpu=gpu,
        bf16=gpu and torch.cuda.is_bf16_supported(),
        parameters=parameters(start.student.model),
        lengths=lengths[0],
        longest=max(max(one, default=1) for one in lengths),
        max_length=longest_row(section, start.student),
    )


def _train_arm(run: Run, folder: Path, arm: Arm, student: Student, settings: TrainSettings) -> None:
    """Prove, train and save one arm; its folder appears when it is whole."""
    name, rows = arm.name, arm.rows
    proof = prove_rows(student.tokenizer, rows.rows)
    run.screen.line(
        f"{name}: masks proved on {proof['rows']:,} rows, {proof['trained_tokens']:,} of {proof['tokens']:,} tokens "
        f"are trained; left out: {rows.count('too_long'):,} too long, {rows.count('control_token'):,} with control tokens"
    )
    with run.screen.track(f"train {name}", settings.steps, "steps") as track:
        trained = fine_tune(student, rows.rows, settings, folder / "checkpoints" / name, track)
    record = {
        "rows": len(rows.rows),
        "distinct_prompts": rows.distinct_prompts,
        "longest_answer": rows.longest_answer,
        "too_long": rows.count("too_long"),
        "control_token": rows.count("control_token"),
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
    unfinished = clean(folder / "checkpoints" / f"{name}-saved")
    save_student(replace(student, model=trained.model), unfinished)
    prove_saved(load_tokenizer(unfinished), student.tokenizer, rows.rows[0])
    (unfinished / RECORD).write_text(json.dumps(record, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    unfinished.rename(folder / folder_of(name))


def _finish(folder: Path, arms: Sequence[Arm], known: dict[str, int]) -> dict[str, Any]:
    records = {arm.name: {"seed": arm.seed, **_read_record(folder / folder_of(arm.name))} for arm in arms}
    training = {
        "arms": records,
        **known,
        "device": torch.cuda.get_device_name() if torch.cuda.is_available() else f"cpu ({platform.machine()})",
        "packages": _versions(),
    }
    (folder / RECORD).write_text(json.dumps(training, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    with (folder / "left_out.jsonl").open("w", encoding="utf-8") as file:
        for arm in arms:
            file.writelines(json.dumps({"arm": arm.name, **asdict(one)}) + "\n" for one in arm.rows.left_out)
    shutil.rmtree(folder / "checkpoints", ignore_errors=True)
    student = records[arms[0].name]
    return {
        **{name: student[name] for name in ("rows", "too_long", "control_token", "steps")},
        **known,
        "final_loss": student["final_loss"],
        "train_seconds": round(sum(record["seconds"] for record in records.values()), 3),
        "arms": list(records),
    }


def _read_record(folder: Path) -> dict[str, Any]:
    return json.loads((folder / RECORD).read_bytes())
