"""What the recipe leaves open is chosen by kind of student and said; what it says is taken."""

from dataclasses import replace

import pyarrow as pa
import pytest
from datasets import Dataset
from datasets.table import InMemoryTable
from trl.data_utils import pack_dataset

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


def test_a_step_of_packed_blocks_holds_a_batch_whatever_the_lengths() -> None:
    lengths = [200] * 990 + [4000] * 10
    skewed = replace(FACTS, gpu=True, bf16=True, lengths=lengths, longest=4000)
    settings = settle(TrainSection(), skewed, quiet)
    columns = pa.table({"input_ids": pa.array([[0] * length for length in lengths], type=pa.list_(pa.int32()))})
    blocks = len(pack_dataset(Dataset(InMemoryTable(columns)), settings.pack_length, "bfd"))
    assert len(lengths) / blocks * settings.accumulate == pytest.approx(64, rel=0.1)
    assert settings.steps * settings.accumulate / blocks == pytest.approx(2, rel=0.1)
    assert settings.epochs == pytest.approx(2, rel=0.1)


def test_a_row_that_holds_many_batches_is_one_block_a_step_and_is_said() -> None:
    lines: list[str] = []
    skewed = replace(FACTS, gpu=True, lengths=[20] * 999 + [4000], longest=4000)
    settings = settle(TrainSection(batch_size=16), skewed, lines.append)
    assert (settings.accumulate, settings.pack_length) == (1, 4000)
    assert settings.steps < 20
    assert settings.epochs == pytest.approx(2, rel=0.1)
    assert any("about 167 rows for batch_size 16" in line for line in lines)


def test_a_warm_up_that_outlasts_the_training_is_refused_with_its_numbers() -> None:
    short = replace(FACTS, lengths=[200] * 256)
    with pytest.raises(BadRecipe, match=r"warmup_steps is 100: this training has 4 steps \(1 passes over 256 rows\)"):
        settle(TrainSection(epochs=1, warmup_steps=100), short, quiet)
    assert settle(TrainSection(epochs=1, warmup_steps=3), short, quiet).warmup_steps == 3
    assert settle(TrainSection(steps=1), short, quiet).warmup_steps == 0


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
