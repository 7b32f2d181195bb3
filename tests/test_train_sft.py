"""Training moves every weight, goes on where it was killed, and gives the same student either way."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from potstill.recipe import LoraSection
from potstill.store.rows import conversation
from potstill.student.load import Scratch, Student, load_student, save_student
from potstill.train.checkpoints import last_whole
from potstill.train.rows import EncodedRow, Row, encode_rows
from potstill.train.settings import TrainSettings
from potstill.train.sft import fine_tune

PAIRS = [(f"{day} May 20{day:02d}", f"20{day:02d}-05-{day:02d}") for day in range(10, 29)]
SETTINGS = TrainSettings(
    way="scratch",
    learning_rate=4e-3,
    warmup_steps=1,
    steps=6,
    epochs=2.5,
    batch_size=8,
    micro_batch=4,
    accumulate=2,
    max_length=128,
    packing=False,
    pack_length=0,
    bf16=False,
    checkpoint_activations=False,
    adam_beta2=0.95,
    weight_decay=0.0,
    seed=0,
    save_every=2,
    lora=None,
)
CHATML = (
    "{%- for m in messages -%}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor -%}"
    "{%- if add_generation_prompt -%}<|im_start|>assistant\n{% endif -%}"
)


class Steps:
    """A track that counts, and may be told to die."""

    def __init__(self, die_at: int = 0) -> None:
        self.steps, self.die_at = 0, die_at

    def advance(self, count: int = 1) -> None:
        self.steps += count
        if self.steps == self.die_at:
            raise KeyboardInterrupt

    def note(self, text: str) -> None:
        assert text.startswith("loss ")


def start() -> Student:
    texts = [text for pair in PAIRS for text in pair]
    return load_student("scratch:tiny", Path(), scratch=Scratch(texts, vocab_size=300, seed=0))


def rows(student: Student) -> list[EncodedRow]:
    made = [Row(f"r{at}", conversation(("user", q)), conversation(("assistant", a))) for at, (q, a) in enumerate(PAIRS)]
    return list(encode_rows(student.tokenizer, made, max_length=128).rows)


def weights(model: torch.nn.Module) -> dict[str, torch.Tensor]:
    return {name: weight.detach().clone() for name, weight in model.named_parameters()}


def same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> dict[str, torch.Tensor]:
    student = start()
    return weights(fine_tune(student, rows(student), SETTINGS, tmp_path_factory.mktemp("unbroken"), Steps()).model)


def test_every_weight_moves_in_two_steps(tmp_path: Path) -> None:
    student = start()
    before = weights(student.model)
    track = Steps()
    trained = fine_tune(student, rows(student), replace(SETTINGS, steps=2, warmup_steps=0), tmp_path, track)
    after = weights(trained.model)
    assert [name for name in before if torch.equal(before[name], after[name])] == []
    assert track.steps == 2
    assert [point["step"] for point in trained.curve] == [1, 2]
    assert trained.batches == {"batches": 5, "rows": len(PAIRS)}
    assert trained.epochs == pytest.approx(2 * 8 / len(PAIRS), abs=0.05)


def die(die_at: int, spoil: Callable[[Path], object], folder: Path) -> None:
    student = start()
    with pytest.raises(KeyboardInterrupt):
        fine_tune(student, rows(student), SETTINGS, folder, Steps(die_at))
    spoil(folder)


def nothing(folder: Path) -> None:
    """A clean kill between two checkpoints."""


def torn(folder: Path) -> None:
    """A kill in the middle of the next save."""
    (folder / "checkpoint-6").mkdir()
    (folder / "checkpoint-6" / "model.safetensors").write_bytes(b"half of it")


@pytest.mark.parametrize("spoil", [nothing, torn])
def test_an_interrupted_training_ends_with_the_same_weights(
    tmp_path: Path, unbroken: dict[str, torch.Tensor], spoil: Callable[[Path], object]
) -> None:
    die(5, spoil, tmp_path)
    assert last_whole(tmp_path) == tmp_path / "checkpoint-4"
    student, track = start(), Steps()
    trained = fine_tune(student, rows(student), SETTINGS, tmp_path, track)
    assert trained.resumed_from == 4
    assert track.steps == SETTINGS.steps
    assert [point["step"] for point in trained.curve] == [1, 2, 3, 4, 5, 6]
    assert same(weights(trained.model), unbroken)


def test_a_training_that_was_killed_after_its_last_step_trains_no_further(
    tmp_path: Path, unbroken: dict[str, torch.Tensor]
) -> None:
    student = start()
    fine_tune(student, rows(student), SETTINGS, tmp_path, Steps())
    again, track = start(), Steps()
    trained = fine_tune(again, rows(again), SETTINGS, tmp_path, track)
    assert (trained.resumed_from, track.steps) == (6, 6)
    assert same(weights(trained.model), unbroken)


def test_adapters_train_and_are_merged_into_a_plain_model(tmp_path: Path) -> None:
    student = start()
    before, names = weights(student.model), set(student.model.state_dict())
    settings = replace(SETTINGS, way="lora", steps=3, lora=LoraSection(rank=4))
    trained = fine_tune(student, rows(student), settings, tmp_path / "checkpoints", Steps())
    save_student(replace(student, model=trained.model), tmp_path / "model")
    loaded = load_student("model", tmp_path)
    after = weights(loaded.model)
    assert set(loaded.model.state_dict()) == names
    moved = {name for name in before if not torch.equal(before[name], after[name])}
    assert moved == {name for name in before if name.endswith("proj.weight")}


@pytest.mark.parametrize(
    "settings",
    [
        replace(SETTINGS, way="lora", lora=LoraSection(rank=2, dropout=0.1)),
        replace(SETTINGS, packing=True, pack_length=128, accumulate=1),
    ],
    ids=["adapters", "packed"],
)
def test_an_interruption_changes_neither_adapters_nor_packing(tmp_path: Path, settings: TrainSettings) -> None:
    student = start()
    whole = fine_tune(student, rows(student), settings, tmp_path / "whole", Steps())
    student = start()
    with pytest.raises(KeyboardInterrupt):
        fine_tune(student, rows(student), settings, tmp_path / "broken", Steps(5))
    student = start()
    again = fine_tune(student, rows(student), settings, tmp_path / "broken", Steps())
    assert (whole.resumed_from, again.resumed_from) == (0, 4)
    assert again.epochs == whole.epochs
    assert same(weights(again.model), weights(whole.model))


def test_a_local_model_trains_under_its_own_template(tmp_path: Path) -> None:
    made = start()
    made.tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    made.tokenizer.chat_template = CHATML
    made.model.resize_token_embeddings(len(made.tokenizer))
    save_student(made, tmp_path / "chatml")
    student = load_student("chatml", tmp_path, thinking=False)
    trained = fine_tune(student, rows(student), replace(SETTINGS, steps=2), tmp_path / "checkpoints", Steps())
    save_student(replace(student, model=trained.model), tmp_path / "model")
    assert load_student("model", tmp_path).tokenizer.get_chat_template() == CHATML


def test_packed_training_proves_its_batches_and_matches_unpacked(tmp_path: Path) -> None:
    losses: list[float] = []
    for packing in (False, True):
        student = start()
        settings = replace(SETTINGS, steps=1, warmup_steps=0, micro_batch=32, accumulate=1, packing=packing)
        settings = replace(settings, pack_length=2048 if packing else 0)
        trained = fine_tune(student, rows(student), settings, tmp_path / str(packing), Steps())
        assert trained.batches["rows"] == len(PAIRS)
        assert trained.epochs == 1
        losses.append(trained.curve[0]["loss"])
    assert losses[0] == pytest.approx(losses[1], rel=1e-5)
