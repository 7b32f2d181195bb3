"""Training: which student, and how it learns."""

from typing import Literal

from pydantic import Field

from .section import Section


class LoraSection(Section):
    """Low-rank adapters on all linear layers instead of full fine-tuning."""

    rank: int = Field(default=16, ge=1)
    """The adapters' rank."""

    alpha: int = Field(default=32, ge=1)
    """The adapters' scale is alpha / rank."""

    dropout: float = Field(default=0.0, ge=0, lt=1)
    """Dropout on the adapters' input."""


class TrainSection(Section):
    """How the student is fine-tuned. Values left out are chosen for the student's size and printed."""

    student: str = "Qwen/Qwen3-0.6B"
    """A model from the Hugging Face Hub, a local folder, or `scratch:tiny`: a named size, made and trained from nothing."""

    vocab_size: int = Field(default=600, ge=300)
    """Tokens in a tokenizer trained on the corpus; for students from scratch only."""

    lora: LoraSection | None = None
    """Train adapters and merge them afterwards; the full model if not given."""

    epochs: float | None = Field(default=None, gt=0)
    """Passes over the training rows; 2 if neither this nor `steps` is given."""

    steps: int | None = Field(default=None, ge=1)
    """Optimiser steps; wins over `epochs`."""

    batch_size: int = Field(default=64, ge=1)
    """Rows per optimiser step, over all devices."""

    micro_batch: int | None = Field(default=None, ge=1)
    """Rows per device and forward pass; the rest is accumulated. Chosen if not given."""

    learning_rate: float | None = Field(default=None, gt=0)
    """Peak learning rate; by kind of student if not given: scratch 4e-3, LoRA 2e-4, full 2e-5."""

    warmup_steps: int | None = Field(default=None, ge=0)
    """Steps to the peak; 3% of all (20 for scratch) if not given. The schedule is a cosine."""

    max_length: int | None = Field(default=None, ge=8)
    """Tokens of a row at most; longer rows are left out and counted, never cut. The student's context if not given."""

    packing: bool | None = None
    """Pack rows into full batches; on with a GPU, off without, if not given."""

    seed: int = 0
    """Seed of initialisation and order."""

    seeds: int = Field(default=1, ge=1, le=20)
    """Students that are trained alike, each with a seed of its own (`seed`, `seed` + 1, …). The first is the one that is
    kept; with two or more the intervals of the evaluation cover the luck of training."""

    save_every: int = Field(default=50, ge=1)
    """Steps between checkpoints, from which an interrupted training goes on."""

    controls: tuple[Literal["unfiltered", "random", "seeds_only"], ...] = ("unfiltered", "random")
    """Students trained beside it: `unfiltered` on as many rows, drawn by chance from all whole answers, kept or dropped;
    `random` on as many from those that the rule `select` chose among, only where it dropped some; `seeds_only` on the
    training prompts' own references and no teacher's answer, which says what the teacher bought."""
