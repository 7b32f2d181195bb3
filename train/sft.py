"""Supervised fine-tuning of one arm: TRL's SFTTrainer on rows that are tokenised, masked and proved already."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any

import pyarrow as pa
import torch
from datasets import Dataset
from datasets.table import InMemoryTable
from transformers import PreTrainedModel, TrainerCallback, TrainerControl, TrainerState, TrainingArguments
from transformers.trainer_callback import PrinterCallback
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from ..store.screen import Track
from ..student.load import Student
from ..student.quiet import without_bars
from .checkpoints import last_whole, mark_whole, seconds_in
from .proof import prove_batches
from .rows import EncodedRow
from .settings import TrainSettings

PROVED_BATCHES = 8
"""Batches of the trainer's own loader that are proved before the first step."""

CURVE_POINTS = 200
"""Points of the learning curve at most."""


_CHECKPOINTING = (
    "activation_checkpointing" if hasattr(SFTConfig, "activation_checkpointing") else "gradient_checkpointing"
)
"""What transformers calls it; the older name warns in newer versions."""


@dataclass(frozen=True, slots=True)
class Trained:
    """What a training came to."""

    model: PreTrainedModel
    """Adapters merged."""
    curve: list[dict[str, float]]
    """`step` and mean `loss` since the point before."""
    epochs: float
    """Passes over the rows, as the trainer counted them."""
    seconds: float
    """Of training, over all interruptions."""
    batches: dict[str, int]
    """What the mask proof saw of the collated batches."""
    resumed_from: int
    """The step of the checkpoint that this process went on from; 0 for a fresh start."""


def fine_tune(
    student: Student, rows: Sequence[EncodedRow], settings: TrainSettings, checkpoints: Path, track: Track
) -> Trained:
    """Train a student on rows; goes on from the last whole checkpoint where there is one.

    On the CPU the same seed gives the same weights, interrupted or not.

    Raises:
        BadStudent: the trainer's batches do not hold the rows as they were proved.
    """
    start = last_whole(checkpoints)
    clock = _Clock(track, seconds_in(start))
    trainer = SFTTrainer(
        model=student.model,
        args=_arguments(settings, checkpoints),
        train_dataset=_dataset(rows),
        processing_class=student.tokenizer,
        peft_config=_adapters(settings),
        callbacks=[clock],
    )
    trainer.remove_callback(PrinterCallback)
    with torch.random.fork_rng():
        proved = prove_batches(student.tokenizer, rows, islice(trainer.get_train_dataloader(), PROVED_BATCHES))
    clock.begin()
    with without_bars():
        trainer.train(resume_from_checkpoint=str(start) if start else None)
    model: Any = trainer.model
    return Trained(
        model=model.merge_and_unload() if settings.lora else model,
        curve=[
            {"step": entry["step"], "loss": entry["loss"]} for entry in trainer.state.log_history if "loss" in entry
        ],
        epochs=round(trainer.state.epoch or 0.0, 3),
        seconds=clock.seconds(),
        batches=proved,
        resumed_from=int(start.name.rpartition("-")[2]) if start else 0,
    )


def _dataset(rows: Sequence[EncodedRow]) -> Dataset:
    """Ids and labels as two columns of 32-bit integers; nothing else reaches the trainer."""
    lists = pa.list_(pa.int32())
    ids = pa.array((memoryview(one.encoded.input_ids).tolist() for one in rows), type=lists)
    labels = pa.array((one.encoded.labels for one in rows), type=lists)
    return Dataset(InMemoryTable(pa.table({"input_ids": ids, "labels": labels})))


def _arguments(settings: TrainSettings, checkpoints: Path) -> SFTConfig:
    """What TRL is told. `max_length` never cuts: rows that are longer were left out before."""
    gpu = torch.cuda.is_available()
    checkpointing: dict[str, Any] = {_CHECKPOINTING: settings.checkpoint_activations}
    per_pass = 1 if settings.packing else settings.micro_batch
    arguments = SFTConfig(
        output_dir=str(checkpoints),
        max_steps=settings.steps,
        per_device_train_batch_size=per_pass,
        gradient_accumulation_steps=settings.accumulate,
        learning_rate=settings.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=settings.warmup_steps,
        adam_beta2=settings.adam_beta2,
        weight_decay=settings.weight_decay,
        max_length=settings.pack_length if settings.packing else None,
        packing=settings.packing,
        packing_strategy="bfd",
        shuffle_dataset=settings.packing,
        bf16=settings.bf16,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        seed=settings.seed,
        data_seed=settings.seed,
        save_strategy="steps",
        save_steps=settings.save_every,
        save_total_limit=2,
        logging_steps=max(1, settings.steps // CURVE_POINTS),
        disable_tqdm=True,
        report_to=[],
        **checkpointing,
    )
    if arguments.n_gpu > 1:
        # One process trains on one GPU; with several in sight transformers would split batches, which TRL refuses.
        arguments._n_gpu = 1
    return arguments


def _adapters(settings: TrainSettings) -> Any:
    if settings.lora is None:
        return None
    from peft import LoraConfig

    return LoraConfig(
        r=settings.lora.rank,
        lora_alpha=settings.lora.alpha,
        lora_dropout=settings.lora.dropout,
        target_modules="all-linear",
        task_type="CAUSAL_LM",
    )


class _Clock(TrainerCallback):
    """Moves the progress bar, notes the loss, and marks checkpoints that are whole."""

    def __init__(self, track: Track, before: float) -> None:
        self._track, self._before, self._began = track, before, time.monotonic()

    def begin(self) -> None:
        self._began = time.monotonic()

    def seconds(self) -> float:
        return self._before + time.monotonic() - self._began

    def on_train_begin(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.global_step:
            self._track.advance(state.global_step)

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        self._track.advance()

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        if state.log_history and "loss" in state.log_history[-1]:
            self._track.note(f"loss {state.log_history[-1]['loss']:.3f}")

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **_: Any) -> None:
        mark_whole(Path(str(args.output_dir)) / f"checkpoint-{state.global_step}", self.seconds())
