"""A student made from nothing is warmed up before it is asked what fits it: it has no opinion yet.

A short training on a random slice of the rows, by transformers' own Trainer. A pretrained student needs none.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from .encode import Encoded
from .load import Student
from .quiet import without_bars

if TYPE_CHECKING:
    from transformers import TrainingArguments

BATCH_SIZE = 64
"""Rows of an optimiser step."""

LEARNING_RATE, ADAM_BETA2, WARMUP_STEPS = 4e-3, 0.95, 20
"""What a student from scratch learns by in training as well; of a short warm-up a quarter is spent on the way to the rate."""


def warm_up(
    student: Student, rows: Sequence[Encoded], *, steps: int, seed: int, on_step: Callable[[], None] = lambda: None
) -> None:
    """Train a student in place for so many optimiser steps; on the CPU the same seed gives the same weights.

    Args:
        student: made from nothing.
        rows: encoded by the student's own tokenizer and none longer than its context; at least one.
        steps: of 64 rows.
        seed: of the order of the rows.
        on_step: told after each step.
    """
    import torch
    from transformers import DataCollatorForSeq2Seq, Trainer, TrainerCallback
    from transformers.trainer_callback import PrinterCallback

    class Step(TrainerCallback):
        def on_step_end(self, *_: Any, **__: Any) -> None:
            on_step()

    features = [{"input_ids": row.input_ids.tolist(), "labels": row.labels} for row in rows]
    with tempfile.TemporaryDirectory(prefix="potstill-warm-up-") as folder, torch.random.fork_rng(), without_bars():
        trainer = Trainer(
            model=student.model,
            args=_arguments(folder, steps, seed),
            train_dataset=features,  # pyright: ignore[reportArgumentType]: a list is a dataset to a loader
            data_collator=DataCollatorForSeq2Seq(student.tokenizer),
            callbacks=[Step()],
        )
        trainer.remove_callback(PrinterCallback)
        trainer.train()


def _arguments(folder: str, steps: int, seed: int) -> TrainingArguments:
    """What the trainer is told; it writes nothing."""
    import torch
    from transformers import TrainingArguments

    gpu = torch.cuda.is_available()
    arguments = TrainingArguments(
        output_dir=folder,
        max_steps=steps,
        per_device_train_batch_size=BATCH_SIZE,
        learning_rate=LEARNING_RATE,
        adam_beta2=ADAM_BETA2,
        lr_scheduler_type="constant_with_warmup",
        warmup_steps=min(WARMUP_STEPS, steps // 4),
        weight_decay=0.0,
        seed=seed,
        data_seed=seed,
        use_cpu=not gpu,
        dataloader_pin_memory=gpu,
        save_strategy="no",
        logging_strategy="no",
        disable_tqdm=True,
        report_to=[],
    )
    if arguments.n_gpu > 1:
        # One process trains on one GPU, as in training.
        arguments._n_gpu = 1
    return arguments
