"""Several students of one training, and the control that learns from the references alone."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
import torch

from potstill.errors import BadRecipe
from potstill.pipeline import run_stage
from potstill.recipe import Recipe
from potstill.store.manifest import Manifest, digests_below
from potstill.store.run import Run
from potstill.store.screen import Track
from potstill.store.tables import write_table
from potstill.student.load import Scratch, load_student, save_student
from potstill.train.names import UNFILTERED, seed_arms
from potstill.train.stage import STAGE

from .sampling import Sample
from .test_train_stage import DROPPED, KEPT, Lines, run_in, sample, weights_in, work

Weights = dict[str, torch.Tensor]


def student_in(run: Run) -> Path:
    return run.folder / "student"


def training_of(run: Run) -> dict[str, Any]:
    return json.loads((student_in(run) / "training.json").read_bytes())


def same(one: Weights, other: Weights) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


def unmoved(before: Weights, after: Weights) -> list[str]:
    return [name for name in before if torch.equal(before[name], after[name])]


def local_student(home: Path) -> None:
    made = load_student("scratch:tiny", home, scratch=Scratch(["Day 12?", "2021-05-12"], 300, 0))
    save_student(made, home / "mine")


@pytest.fixture(scope="module")
def alone(tmp_path_factory: pytest.TempPathFactory) -> list[Run]:
    """A training of one student with seed 0, and one with seed 1."""
    runs = [run_in(tmp_path_factory.mktemp("alone"), controls=[], seed=seed) for seed in (0, 1)]
    for run in runs:
        work(run)
    return runs


def test_each_student_is_the_one_that_its_seed_gives_alone(tmp_path: Path, alone: list[Run]) -> None:
    run = run_in(tmp_path, seeds=2)
    counts = work(run)
    arms = training_of(run)["arms"]
    assert list(arms) == counts["arms"] == [*seed_arms(2), UNFILTERED] == ["student", "student_2", UNFILTERED]
    assert [arms[name]["seed"] for name in arms] == [0, 1, 0]
    assert [arms[name]["settings"]["seed"] for name in arms] == [0, 1, 0]
    assert arms["student_2"]["proof"]["batches"]["rows"] == arms["student_2"]["rows"] == 20
    assert counts["train_seconds"] == pytest.approx(sum(arm["seconds"] for arm in arms.values()), abs=0.01)
    first, second = weights_in(student_in(run) / "model"), weights_in(student_in(run) / "student_2")
    assert same(first, weights_in(student_in(alone[0]) / "model"))
    assert same(second, weights_in(student_in(alone[1]) / "model"))
    assert same(weights_in(student_in(run) / "base"), weights_in(student_in(alone[0]) / "base"))
    assert unmoved(weights_in(student_in(alone[0]) / "base"), first) == []
    assert unmoved(weights_in(student_in(alone[1]) / "base"), second) == []
    assert unmoved(first, second) == []


def test_adapters_have_their_seed_too(tmp_path: Path) -> None:
    local_student(tmp_path)
    local_student(tmp_path / "alone")
    asked: dict[str, Any] = {"student": "mine", "lora": {"rank": 2}, "controls": []}
    run, alone = run_in(tmp_path, seeds=2, **asked), run_in(tmp_path / "alone", seed=1, **asked)
    work(run)
    work(alone)
    first, second = weights_in(student_in(run) / "model"), weights_in(student_in(run) / "student_2")
    assert not same(first, second)
    assert same(second, weights_in(student_in(alone) / "model"))


class Killed(Lines):
    """A screen that dies when a piece of work begins."""

    def __init__(self, at: str) -> None:
        super().__init__()
        self.at = at

    @contextmanager
    def track(self, label: str, total: int, unit: str = "rows") -> Iterator[Track]:
        if label == self.at:
            raise KeyboardInterrupt
        with super().track(label, total, unit) as track:
            yield track


def trained(screen: Lines) -> list[str]:
    return [line.removeprefix("train ").partition(":")[0] for line in screen.said if line.startswith("train ")]


def test_a_kill_between_two_students_costs_neither(tmp_path: Path, alone: list[Run]) -> None:
    run = run_in(tmp_path, seeds=2, controls=[])
    with pytest.raises(KeyboardInterrupt):
        work(replace(run, screen=Killed("train student_2")))
    again = Lines()
    work(replace(run, screen=again))
    assert trained(again) == ["student_2"]
    for name, other in (("model", alone[0]), ("student_2", alone[1])):
        assert same(weights_in(student_in(run) / name), weights_in(student_in(other) / "model"))


def referring(one: Sample, reference: str | None, status: str = "ok") -> Sample:
    """A sample whose prompt has a reference."""
    return replace(
        one, prompt=one.prompt._replace(reference=reference), completion=replace(one.completion, status=status)
    )


def reference(at: int) -> str:
    return f"the {at}th"


def test_seeds_only_learns_the_references_and_nothing_of_the_teachers(tmp_path: Path) -> None:
    """It is, weight for weight, the student of a teacher who answers with the references."""
    train: dict[str, Any] = {"student": "mine", "steps": 3, "micro_batch": 8}
    kept = [referring(sample(at, f"2021-05-{at:02d}"), reference(at)) for at in range(10, 30) if at != 15]
    dropped = [
        referring(sample(15, "15 May", "format"), reference(15)),
        referring(sample(16, "another draw", "select"), reference(16)),
        referring(sample(40, "2021", "leak"), reference(40)),
        referring(sample(41, "", "status"), reference(41), "truncated"),
        sample(42, "no reference", "format"),
        referring(sample(43, "blank", "format"), " "),
    ]
    local_student(tmp_path)
    run = run_in(tmp_path, kept, dropped, controls=["seeds_only"], **train)
    assert work(run)["arms"] == ["student", "seeds_only"]
    local_student(tmp_path / "told")
    told = run_in(tmp_path / "told", [sample(at, reference(at)) for at in range(10, 30)], DROPPED, controls=[], **train)
    work(told)
    training = training_of(run)
    arm = training["arms"]["seeds_only"]
    assert (training["references"], arm["rows"], arm["distinct_prompts"], arm["steps"]) == (20, 20, 20, 3)
    assert arm["proof"]["batches"]["rows"] == 20
    assert "⟦the 10th<|end|>⟧" in arm["proof"]["example"]
    weights = weights_in(student_in(run) / "seeds_only")
    assert same(weights, weights_in(student_in(told) / "model"))
    assert unmoved(weights_in(tmp_path / "mine"), weights) == []
    assert not same(weights, weights_in(student_in(run) / "model"))


def test_references_that_do_not_fit_are_listed_by_their_prompts(tmp_path: Path) -> None:
    kept = [*(referring(one, "2021") for one in KEPT), referring(sample(77, "short"), "2021 " * 40)]
    run = run_in(tmp_path, kept, max_length=60, controls=["seeds_only"], steps=1)
    work(run)
    listed = [json.loads(line) for line in (student_in(run) / "left_out.jsonl").read_text().splitlines()]
    assert [(one["arm"], one["id"], one["reason"]) for one in listed] == [("seeds_only", "p77", "too_long")]


@pytest.mark.parametrize(
    ("given", "count", "said"),
    [
        (None, 0, "no training prompt has a reference"),
        ("2021 " * 300, 20, "none of the 20 references fits"),
    ],
)
def test_without_a_reference_there_is_no_such_control(tmp_path: Path, given: str | None, count: int, said: str) -> None:
    screen = Lines()
    run = run_in(tmp_path, [referring(one, given) for one in KEPT], controls=["seeds_only"], steps=1)
    assert work(replace(run, screen=screen))["arms"] == ["student"]
    assert [said in line for line in screen.said if line.startswith("seeds_only")] == [True]
    assert training_of(run)["references"] == count


def test_references_are_counted_without_reading_answers(tmp_path: Path) -> None:
    """Where nothing needs the dropped answers, their texts are not read, nor those of the references' prompts."""
    local_student(tmp_path)
    run = run_in(tmp_path, [referring(one, "2021") for one in KEPT], student="mine", controls=[], steps=1)
    known = [("prompt_id", pa.string()), ("reference", pa.string()), ("status", pa.string()), ("rule", pa.string())]
    row = {"prompt_id": "p50", "reference": "2022", "status": "ok", "rule": "format"}
    write_table(run.folder / "samples", "dropped", pa.schema(known), [row])
    assert work(run)["references"] == 21
    assert training_of(run)["arms"].keys() == {"student"}


def test_lists_of_constraints_are_no_answers_to_learn() -> None:
    home = Path("nowhere")
    values: dict[str, Any] = {
        "name": "days",
        "teacher": {"base_url": "practice://skills", "model": "m"},
        "prompts": {"path": "days.jsonl"},
        "train": {"student": "scratch:tiny", "controls": ["seeds_only"]},
        "eval": {"grader": {"kind": "constraints"}},
    }
    run = Run(Recipe.model_validate(values), home, home, Lines())
    with pytest.raises(BadRecipe, match=r"seeds_only.*constraints"):
        STAGE.preflight(run)
    STAGE.preflight(replace(run, recipe=Recipe.model_validate(values | {"eval": {"grader": {"kind": "exact"}}})))


def with_samples(run: Run) -> Run:
    """A run whose samples have their manifest, as the pipeline reads it."""
    folder = run.folder / "samples"
    manifest = Manifest(
        stage="filter",
        fingerprint="",
        stage_version=1,
        recipe="",
        inputs={},
        settings={},
        outputs=digests_below(folder),
    )
    manifest.write(folder)
    return replace(run, screen=Lines())


def train_in(home: Path, kept: list[Sample] = KEPT, **train: Any) -> list[str]:
    """Train as the command does, and return the arms that were trained now."""
    run = with_samples(run_in(home, kept, **{"controls": [], **train}))
    run_stage(run, STAGE)
    assert isinstance(run.screen, Lines)
    return trained(run.screen)


def test_more_students_and_other_controls_leave_trained_arms_as_they_are(tmp_path: Path, alone: list[Run]) -> None:
    student = tmp_path / "runs" / "days" / "student"
    assert train_in(tmp_path) == ["student"]
    before = (student / "model" / "training.json").read_bytes()
    assert train_in(tmp_path, seeds=2) == ["student_2"]
    assert train_in(tmp_path, controls=["unfiltered"]) == ["control_unfiltered"]
    assert (student / "model" / "training.json").read_bytes() == before
    assert sorted(path.name for path in student.iterdir() if path.is_dir()) == ["base", "control_unfiltered", "model"]
    assert same(weights_in(student / "model"), weights_in(student_in(alone[0]) / "model"))


@pytest.mark.parametrize("change", ["rows", "settings", "packages", "version", "model", "base"])
def test_what_another_training_made_is_not_taken_over(tmp_path: Path, change: str) -> None:
    student = tmp_path / "runs" / "days" / "student"
    train_in(tmp_path, steps=1)
    if change == "packages":
        rewrite_settled(student)
    if change == "version" and (done := Manifest.read(student)):
        done.model_copy(update={"stage_version": STAGE.version - 1}).write(student)
    if change in ("model", "base"):
        (student / change / "model.safetensors").write_bytes(b"of another program")
    kept = [*KEPT[:-1], sample(29, "2021-06-29")] if change == "rows" else KEPT
    now = train_in(tmp_path, kept, seeds=2, steps=1, vocab_size=320 if change == "settings" else 300)
    assert now == ["student", "student_2"]
    assert weights_in(student / "model")


def rewrite_settled(student: Path) -> None:
    """As another version of a package would have left it."""
    settled = json.loads((student / "settled.json").read_bytes())
    (student / "settled.json").write_text(json.dumps(settled | {"trl": "0.1"}), encoding="utf-8")
