"""What the recipe leaves open is chosen by kind of student and said; what it says is taken."""

from dataclasses import replace

import pytest

from potstill.errors import BadRecipe
from potstill.recipe import LoraSection, TrainSection
from potstill.train.settings import Facts, check_section, settle

FACTS = Facts(
    kind="hub", gpu=False, bf16=False, parameters=600_000_000, lengths=[200] * 1000, longest=300, max_length=4096
)


def quiet(_: str) -> None:
    """Say nothing."""


@pytest.mark.parametrize(
    ("section", "kind", "rate", "beta2"),
    [
        (TrainSection(), "scratch", 4e-3, 0.95),
        (TrainSection(), "hub", 2e-5, 0.999),
        (TrainSection(lora=LoraSection()), "local", 2e-4, 0.999),
        (TrainSection(learning_rate=1e-4), "hub", 1e-4, 0.999),
    ],
)
def test_rates_by_kind_of_student(section: TrainSection, kind: str, rate: float, beta2: float) -> None:
    settings = settle(section, replace(FACTS, kind=kind), quiet)
    assert (settings.learning_rate, settings.adam_beta2) == (rate, beta2)


def test_two_epochs_unless_told_and_steps_win() -> None:
    assert settle(TrainSection(), FACTS, quiet).steps == 32
    assert settle(TrainSection(epochs=0.5), FACTS, quiet).steps == 8
    settings = settle(TrainSection(epochs=5, steps=10), FACTS, quiet)
    assert (settings.steps, settings.epochs) == (10, 0.64)


def test_a_short_training_from_scratch_reaches_its_peak() -> None:
    scratch = replace(FACTS, kind="scratch")
    assert settle(TrainSection(steps=160), scratch, quiet).warmup_steps == 20
    assert settle(TrainSection(steps=8), scratch, quiet).warmup_steps == 2
    assert settle(TrainSection(steps=100), FACTS, quiet).warmup_steps == 3


def test_micro_batches_fit_and_divide_the_batch() -> None:
    assert settle(TrainSection(batch_size=48), FACTS, quiet).micro_batch == 12
    assert settle(TrainSection(), replace(FACTS, longest=9000), quiet).micro_batch == 1
    assert settle(TrainSection(), replace(FACTS, parameters=864_384), quiet).micro_batch == 64


def test_packing_needs_a_gpu_and_never_cuts_a_row() -> None:
    assert not settle(TrainSection(), FACTS, quiet).packing
    packed = settle(TrainSection(), replace(FACTS, gpu=True, bf16=True), quiet)
    assert packed.packing
    assert packed.bf16
    assert packed.pack_length == packed.micro_batch * 200
    long = settle(TrainSection(micro_batch=1), replace(FACTS, gpu=True), quiet)
    assert long.pack_length == FACTS.longest


def test_every_value_is_said_with_its_source() -> None:
    lines: list[str] = []
    settle(TrainSection(steps=10), FACTS, lines.append)
    said = {line.split()[0]: line for line in lines}
    assert said["steps"].endswith("recipe")
    assert said["learning_rate"].endswith("chosen for full fine-tuning")
    assert {"warmup_steps", "micro_batch", "max_length", "packing", "numbers"} <= set(said)


@pytest.mark.parametrize(
    ("section", "kind", "said"),
    [
        (TrainSection(lora=LoraSection()), "scratch", "train.lora"),
        (TrainSection(batch_size=64, micro_batch=48), "hub", "must divide"),
        (TrainSection(steps=10, warmup_steps=10), "hub", "must be below"),
    ],
)
def test_contradictions_are_refused(section: TrainSection, kind: str, said: str) -> None:
    with pytest.raises(BadRecipe, match=said):
        check_section(section, kind)  # pyright: ignore[reportArgumentType]
