"""The values that the recipe leaves open, chosen for the student at hand; each is printed with where it comes from."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..errors import BadRecipe
from ..recipe import LoraSection, Recipe, TrainSection
from ..student.check import Kind
from .names import SEEDS_ONLY

Way = Literal["scratch", "lora", "full"]

LEARNING_RATE = {"scratch": 4e-3, "lora": 2e-4, "full": 2e-5}
"""Peak rates. Adapters want about ten times the rate of full fine-tuning, whatever their rank (LoRA Without Regret)."""

ADAM_BETA2 = {"scratch": 0.95, "lora": 0.999, "full": 0.999}

SCRATCH_WARMUP = 20
WARMUP_SHARE = 0.03
EPOCHS = 2.0

TOKENS_AT_ONCE = {"small": 65_536, "gpu": 16_384, "cpu": 4_096}
"""Tokens of one forward pass: for models below SMALL, and for others by device."""

SMALL = 50_000_000
"""Parameters below which memory is no concern."""

LARGE = 1_000_000_000
"""Parameters from which activations are computed again instead of kept."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What the choice depends on."""

    kind: Kind
    gpu: bool
    bf16: bool
    """The GPU computes in bfloat16."""
    parameters: int
    lengths: Sequence[int]
    """Tokens of each row of the student's arm."""
    longest: int
    """Tokens of the longest row of any arm."""
    max_length: int


@dataclass(frozen=True, slots=True)
class TrainSettings:
    """Everything the trainer is told, nothing left open."""

    way: Way
    learning_rate: float
    warmup_steps: int
    steps: int
    epochs: float
    """Passes to be expected; a packer and the last batch of a pass move it a little."""
    batch_size: int
    micro_batch: int
    accumulate: int
    """Forward passes of one step: of micro-batches, or of packed blocks."""
    max_length: int
    packing: bool
    pack_length: int
    """Tokens of a packed block: a micro-batch of mean rows, and never less than the longest row; 0 without packing."""
    bf16: bool
    checkpoint_activations: bool
    adam_beta2: float
    weight_decay: float
    seed: int
    save_every: int
    lora: LoraSection | None

    def as_json(self) -> dict[str, Any]:
        """For `training.json`."""
        return asdict(self) | {"lora": self.lora.model_dump() if self.lora else None, "schedule": "cosine"}


def way_of(section: TrainSection, kind: Kind) -> Way:
    """How the student learns: from nothing, by adapters, or all of it."""
    if kind == "scratch":
        return "scratch"
    return "lora" if section.lora else "full"


def check_section(section: TrainSection, kind: Kind) -> None:
    """Raise BadRecipe for values that contradict each other."""
    if kind == "scratch" and section.lora:
        raise BadRecipe("train.lora adapts a model that has learnt something; remove it for a student from scratch")
    if section.micro_batch and section.batch_size % section.micro_batch:
        raise BadRecipe(
            f"train.micro_batch is {section.micro_batch}: it must divide train.batch_size, {section.batch_size}"
        )
    if section.steps and section.warmup_steps and section.warmup_steps >= section.steps:
        raise BadRecipe(f"train.warmup_steps is {section.warmup_steps}: it must be below train.steps, {section.steps}")


def check_references(recipe: Recipe) -> None:
    """Raise BadRecipe where `seeds_only` would train on references that are no answers."""
    if SEEDS_ONLY in recipe.train.controls and recipe.eval.grader.kind == "constraints":
        raise BadRecipe(
            "train.controls has seeds_only, which trains on the references; under eval.grader constraints they are lists of "
            "what an answer must keep to, and no answers: remove seeds_only"
        )


def settle(section: TrainSection, facts: Facts, line: Callable[[str], None]) -> TrainSettings:
    """Fill in what the recipe leaves open, and say each value and its source on a line.

    Raises:
        BadRecipe: the warm-up is as long as the training.
    """
    way = way_of(section, facts.kind)
    rows = len(facts.lengths)
    packing = facts.gpu if section.packing is None else section.packing
    micro_batch = section.micro_batch or _micro_batch(section.batch_size, facts)
    mean = sum(facts.lengths) / rows
    pack_length = max(facts.longest, micro_batch * math.ceil(mean)) if packing else 0
    per_pass = pack_length / mean if packing else micro_batch
    accumulate = max(1, round(section.batch_size / per_pass))
    per_epoch = math.ceil(rows / (accumulate * per_pass))
    steps = section.steps or math.ceil((section.epochs or EPOCHS) * per_epoch)
    settings = TrainSettings(
        way=way,
        learning_rate=section.learning_rate or LEARNING_RATE[way],
        warmup_steps=_warmup(way, steps) if section.warmup_steps is None else section.warmup_steps,
        steps=steps,
        epochs=round(steps * accumulate * per_pass / rows, 3),
        batch_size=section.batch_size,
        micro_batch=micro_batch,
        accumulate=accumulate,
        max_length=facts.max_length,
        packing=packing,
        pack_length=pack_length,
        bf16=facts.gpu and facts.bf16,
        checkpoint_activations=facts.parameters >= LARGE,
        adam_beta2=ADAM_BETA2[way],
        weight_decay=0.0,
        seed=section.seed,
        save_every=section.save_every,
        lora=section.lora,
    )
    if settings.warmup_steps >= steps:
        raise BadRecipe(
            f"train.warmup_steps is {settings.warmup_steps}: this training has {steps} steps "
            f"({settings.epochs:g} passes over {rows:,} rows) and would never reach its learning rate; lower it, or train longer"
        )
    for text in _said(section, settings, facts):
        line(text)
    return settings


def _warmup(way: Way, steps: int) -> int:
    """Steps to the peak; a quarter of a short training at most, so that it gets there."""
    return min(SCRATCH_WARMUP if way == "scratch" else math.ceil(WARMUP_SHARE * steps), steps // 4)


def _micro_batch(batch_size: int, facts: Facts) -> int:
    """The largest divisor of the batch whose rows fit one forward pass."""
    size = "small" if facts.parameters < SMALL else "gpu" if facts.gpu else "cpu"
    most = max(1, TOKENS_AT_ONCE[size] // facts.longest)
    return max(rows for rows in range(1, batch_size + 1) if batch_size % rows == 0 and rows <= most)


def _said(section: TrainSection, settings: TrainSettings, facts: Facts) -> list[str]:
    """One line for each value: what it is, and whether the recipe gave it or why it was chosen."""
    student = {"scratch": "a student from scratch", "lora": "adapters", "full": "full fine-tuning"}[settings.way]
    device = "a GPU" if facts.gpu else "no GPU"
    given = section.model_dump(exclude_none=True)
    why = {
        "learning_rate": f"chosen for {student}",
        "warmup_steps": f"chosen for {student}",
        "steps": f"{settings.epochs:g} passes over {len(facts.lengths):,} rows",
        "micro_batch": f"chosen for rows of up to {facts.longest:,} tokens, {device}",
        "max_length": "the student's context",
        "packing": f"chosen: {device}",
    }
    values = asdict(settings)
    said = [
        f"{name:<15}{_text(values[name]):<10}{'recipe' if name in given else reason}" for name, reason in why.items()
    ]
    said.append(f"{'adam_beta2':<15}{_text(settings.adam_beta2):<10}chosen for {student}")
    said.append(f"{'numbers':<15}{'bfloat16' if settings.bf16 else 'float32':<10}chosen: {device}")
    if settings.packing:
        per_block = settings.pack_length * len(facts.lengths) / sum(facts.lengths)
        said.append(
            f"{'blocks':<15}{settings.accumulate:<10}for each step, of {settings.pack_length:,} tokens or about "
            f"{per_block:,.0f} rows: about {settings.accumulate * per_block:,.0f} rows for batch_size {settings.batch_size:,}"
        )
    if settings.packing and not facts.gpu:
        said.append(
            "packing without a GPU is slow: attention costs the square of a block's length; remove train.packing"
        )
    return said


def _text(value: object) -> str:
    return (
        {True: "on", False: "off"}[value]
        if isinstance(value, bool)
        else f"{value:g}"
        if isinstance(value, float)
        else str(value)
    )
