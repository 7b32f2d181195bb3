"""The stage: samples become a student, a control and a base; what an interrupted run finished is not done again."""

import json
from dataclasses import replace
from importlib.resources import files
from itertools import combinations
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch
from datasets import load_dataset
from safetensors.torch import load_file
from trl.trainer.sft_config import SFTConfig
from trl.trainer.sft_trainer import SFTTrainer

from potstill.errors import BadInput, BadRecipe, BadStudent
from potstill.recipe import Recipe
from potstill.store.rows import Completion, Prompt, conversation
from potstill.store.run import Run
from potstill.store.schemas import samples_schema
from potstill.store.screen import PlainScreen
from potstill.store.tables import parts, write_table
from potstill.student.load import Scratch, Student, load_base, load_student, load_tokenizer, save_student
from potstill.student.template import NO_THINKING, template_digest
from potstill.train import arms
from potstill.train.checkpoints import MARK
from potstill.train.stage import STAGE

from .sampling import Sample, sample_columns


def sample(at: int, said: str, rule: str = "") -> Sample:
    prompt = Prompt(f"p{at}", conversation(("user", f"Day {at}?")), f"f{at}", "train", "made", (at,))
    completion = Completion(
        *(f"c{at}", prompt.id, "answer", "t", "main", 0, "ok", said, "stop", ""),
        *("00", "local", "m", "m", "{}", "", 1, 1, 0.0),
    )
    return Sample(prompt, completion, {"agreement": 1.0}, rule, "seen" if rule else "")


KEPT = [sample(at, f"2021-05-{at:02d}") for at in range(10, 30)]
DROPPED = [sample(at, f"the {at}th of May", "format") for at in range(40, 50)]
PASSED_OVER = [sample(at, f"2022-06-{at - 40:02d}", "select") for at in range(50, 70)]


def run_in(home: Path, kept: list[Sample] = KEPT, dropped: list[Sample] = DROPPED, **train: object) -> Run:
    recipe = Recipe.model_validate(
        {
            "name": "days",
            "teacher": {"base_url": "practice://skills", "model": "m"},
            "prompts": {"path": "days.jsonl"},
            "train": {"student": "scratch:tiny", "vocab_size": 300, "steps": 2, "batch_size": 8, **train},
        }
    )
    folder = home / "runs" / "days"
    schema = samples_schema({"agreement": pa.float64()})
    write_table(folder / "samples", "train", schema, [sample_columns(one) for one in kept])
    write_table(folder / "samples", "dropped", schema, [sample_columns(one) for one in dropped])
    (folder / "student").mkdir(exist_ok=True)
    return Run(recipe, home, folder, PlainScreen())


def work(run: Run) -> dict[str, object]:
    STAGE.preflight(run)
    return STAGE.work(run, run.folder / "student")


def weights_in(folder: Path) -> dict[str, torch.Tensor]:
    return load_file(folder / "model.safetensors")


def test_a_student_from_scratch_with_its_control_and_its_base(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    counts = work(run)
    student = run.folder / "student"
    record = json.loads((student / "training.json").read_text(encoding="utf-8"))
    assert (counts["rows"], counts["too_long"], counts["steps"]) == (20, 0, 2)
    assert set(record["arms"]) == {"student", "control_unfiltered"}
    assert record["arms"]["control_unfiltered"]["rows"] == record["arms"]["student"]["rows"] == 20
    assert record["arms"]["student"]["proof"]["batches"]["rows"] == 20
    assert record["arms"]["student"]["distinct_prompts"] == 20
    assert record["arms"]["student"]["longest_answer"] == 11
    assert record["arms"]["student"]["epochs"] == pytest.approx(2 * 8 / 20, abs=0.15)
    assert set(record["packages"]) == {"torch", "transformers", "trl"}
    assert not (student / "checkpoints").exists()
    assert (student / "left_out.jsonl").read_text() == ""
    served = {load_student(str(student / name), tmp_path).tokenizer.get_chat_template() for name in ("model", "base")}
    assert len(served) == 1
    loaded = load_student(str(student / "model"), tmp_path)
    assert template_digest(loaded.tokenizer) == record["arms"]["student"]["proof"]["template"]
    assert loaded.model.config.use_cache
    base, model, control = (weights_in(student / name) for name in ("base", "model", "control_unfiltered"))
    name = "model.embed_tokens.weight"
    assert not torch.equal(base[name], model[name])
    assert not torch.equal(model[name], control[name])


def test_a_choice_among_good_rows_gets_a_random_control_of_equal_size(tmp_path: Path) -> None:
    run = run_in(tmp_path, dropped=[*DROPPED, *PASSED_OVER])
    work(run)
    student = run.folder / "student"
    arms = json.loads((student / "training.json").read_text(encoding="utf-8"))["arms"]
    assert list(arms) == ["student", "control_unfiltered", "control_random"]
    assert {arm["rows"] for arm in arms.values()} == {20}
    name = "model.embed_tokens.weight"
    weights = [weights_in(student / folder)[name] for folder in ("model", "control_unfiltered", "control_random")]
    assert not any(torch.equal(one, other) for one, other in combinations(weights, 2))


def test_a_random_control_alone_reads_no_more_than_what_was_chosen_among(tmp_path: Path) -> None:
    made = load_student("scratch:tiny", tmp_path, scratch=Scratch(["Day 12?", "2021-05-12"], 300, 0))
    save_student(made, tmp_path / "mine")
    asked: dict[str, Any] = {"student": str(tmp_path / "mine"), "controls": ["random"], "steps": 1}
    chosen = run_in(tmp_path, dropped=[*DROPPED, *PASSED_OVER], **asked)
    assert work(chosen)["arms"] == ["student", "control_random"]
    assert work(run_in(tmp_path / "nothing chosen", **asked))["arms"] == ["student"]


def test_the_same_recipe_gives_the_same_student_and_finished_arms_stay(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    work(run)
    model = run.folder / "student" / "model" / "model.safetensors"
    first, control = model.read_bytes(), run.folder / "student" / "control_unfiltered"
    written = model.stat().st_mtime_ns
    control_weights = weights_in(control)
    for path in sorted(control.iterdir()):
        path.unlink()
    control.rmdir()
    work(run)
    assert model.stat().st_mtime_ns == written
    assert all(torch.equal(weight, control_weights[name]) for name, weight in weights_in(control).items())
    other = run_in(tmp_path / "elsewhere", controls=[])
    work(other)
    assert (other.folder / "student" / "model" / "model.safetensors").read_bytes() == first


def test_a_local_student_is_named_as_base_and_not_copied(tmp_path: Path) -> None:
    made = load_student("scratch:tiny", tmp_path, scratch=Scratch(["Day 12?", "2021-05-12"], 300, 0))
    save_student(made, tmp_path / "mine")
    run = run_in(tmp_path, student="mine", lora={"rank": 2}, controls=[])
    work(run)
    base = run.folder / "student" / "base"
    assert [path.name for path in base.iterdir()] == ["base.json"]
    assert load_base(base, tmp_path).tokenizer.get_vocab() == made.tokenizer.get_vocab()


def test_a_changed_local_student_is_noticed_without_reading_large_files(tmp_path: Path) -> None:
    made = load_student("scratch:tiny", tmp_path, scratch=Scratch(["Day 12?", "2021-05-12"], 300, 0))
    save_student(made, tmp_path / "mine")
    with (tmp_path / "mine" / "model-00002.safetensors").open("wb") as large:
        large.truncate(40 * 2**20)
    names = {path.name for path in STAGE.files(run_in(tmp_path, student="mine"))}
    assert {"config.json", "tokenizer.json", "tokenizer_config.json", "chat_template.jinja"} <= names
    assert "model-00002.safetensors" not in names
    assert list(STAGE.files(run_in(tmp_path))) == []


def thinking_student(folder: Path) -> str:
    """A local student under a template that thinks unless told otherwise; returns that template."""
    made = load_student("scratch:tiny", folder, scratch=Scratch(["Day 12?", "2021-05-12"], 300, 0))
    made.tokenizer.add_special_tokens({"extra_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    made.tokenizer.chat_template = files("trl").joinpath("chat_templates", "qwen3.jinja").read_text(encoding="utf-8")
    made.model.resize_token_embeddings(len(made.tokenizer))
    save_student(made, folder)
    return str(made.tokenizer.chat_template)


def test_a_thinking_template_is_saved_as_it_was_trained(tmp_path: Path) -> None:
    given = thinking_student(tmp_path / "thinker")
    run = run_in(tmp_path, student="thinker", controls=[])
    work(run)
    saved = load_tokenizer(run.folder / "student" / "model")
    record = json.loads((run.folder / "student" / "training.json").read_text(encoding="utf-8"))
    assert saved.chat_template == NO_THINKING + given
    assert template_digest(saved) == record["arms"]["student"]["proof"]["template"]


@pytest.mark.parametrize("student", ["scratch:tiny", "thinker"])
def test_a_student_that_is_saved_with_another_template_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, student: str
) -> None:
    thinking_student(tmp_path / "thinker")

    def save_badly(saved: Student, folder: Path) -> None:
        save_student(saved, folder)
        template = folder / "chat_template.jinja"
        template.write_text(template.read_text(encoding="utf-8").removeprefix(NO_THINKING) + "\n", encoding="utf-8")

    run = run_in(tmp_path, student=student, controls=[], steps=1)
    monkeypatch.setattr(arms, "save_student", save_badly)
    with pytest.raises(BadStudent, match="a server would render what it never saw"):
        work(run)
    assert not (run.folder / "student" / "model").exists()


class Lines(PlainScreen):
    """Keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def line(self, text: str) -> None:
        self.said.append(text)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [("packing", True, "packing True → False"), ("trl", "0.1", "trl 0.1 → "), ("device", "GPU", "device GPU → CPU")],
)
def test_what_was_made_with_other_settings_starts_over(tmp_path: Path, name: str, value: object, said: str) -> None:
    run = run_in(tmp_path, controls=[])
    work(run)
    student = run.folder / "student"
    written = (student / "model" / "model.safetensors").stat().st_mtime_ns
    before = json.loads((student / "settled.json").read_text(encoding="utf-8"))
    (student / "settled.json").write_text(json.dumps(before | {name: value}), encoding="utf-8")
    stale = student / "checkpoints" / "student" / "checkpoint-1"
    stale.mkdir(parents=True)
    (stale / MARK).write_text('{"seconds": 1}', encoding="utf-8")  # to go on from it would fail: it is empty
    screen = Lines()
    work(replace(run, screen=screen))
    assert [said in line for line in screen.said if "starts over" in line] == [True]
    assert (student / "model" / "model.safetensors").stat().st_mtime_ns != written
    assert json.loads((student / "settled.json").read_text(encoding="utf-8")) == before


def test_a_fresh_training_does_not_say_that_it_starts_over(tmp_path: Path) -> None:
    screen = Lines()
    work(replace(run_in(tmp_path, controls=[], steps=1), screen=screen))
    assert not any("starts over" in line for line in screen.said)


def test_long_rows_are_listed(tmp_path: Path) -> None:
    run = run_in(tmp_path, [*KEPT, sample(77, "2021 " * 40)], max_length=60, controls=[])
    counts = work(run)
    assert (counts["rows"], counts["too_long"]) == (20, 1)
    listed = [json.loads(line) for line in (run.folder / "student" / "left_out.jsonl").read_text().splitlines()]
    assert [(one["arm"], one["id"], one["reason"]) for one in listed] == [("student", "c77", "too_long")]


def test_nothing_kept_says_where_to_look(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"no row was kept.*10 dropped rows \(dropped-"):
        work(run_in(tmp_path, []))


def test_nothing_that_fits_says_what_to_raise(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="max_length"):
        work(run_in(tmp_path, max_length=8))


def test_preflight_refuses_before_anything_is_asked(tmp_path: Path) -> None:
    with pytest.raises(BadStudent, match="known sizes"):
        STAGE.preflight(run_in(tmp_path, student="scratch:vast"))
    with pytest.raises(BadRecipe, match=r"train\.lora"):
        STAGE.preflight(run_in(tmp_path, lora={}))


def test_how_often_it_saves_is_no_reason_to_train_again(tmp_path: Path) -> None:
    often, seldom, other = (
        run_in(tmp_path, save_every=1).recipe,
        run_in(tmp_path).recipe,
        run_in(tmp_path, seed=1).recipe,
    )
    assert STAGE.settings(often) == STAGE.settings(seldom)
    assert STAGE.settings(other) != STAGE.settings(seldom)


def test_a_users_own_trl_script_takes_the_samples_as_they_are(tmp_path: Path) -> None:
    run = run_in(tmp_path)
    student = load_student("scratch:tiny", tmp_path, scratch=Scratch(["Day 12?", "2021-05-12"], 300, 0))
    tables = [str(path) for path in parts(run.folder / "samples", "train")]
    rows = load_dataset("parquet", data_files=tables, split="train", cache_dir=str(tmp_path / "cache"))
    trainer = SFTTrainer(
        model=student.model,
        args=SFTConfig(
            output_dir=str(tmp_path / "out"), max_steps=1, use_cpu=True, bf16=False, report_to=[], save_strategy="no"
        ),
        train_dataset=rows,  # pyright: ignore[reportArgumentType]: one split is a Dataset
        processing_class=student.tokenizer,
    )
    batch = next(iter(trainer.get_train_dataloader()))
    assert (batch["labels"] != -100).any(dim=1).all()
    assert (batch["labels"] == -100).any(dim=1).all()
    assert trainer.train().global_step == 1
