"""The local arms: the student, the student before training, and the controls trained on unfiltered and on random rows."""

import json
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadStudent
from ..store.rows import Prompt
from ..store.run import Run
from .items import Answer
from .words import count

HOW: Mapping[str, str] = {
    "student": "the trained student, asked the plain prompts with its own chat template, greedy",
    "base": "the student before training, asked the plain prompts with its chat template, greedy",
    "control_unfiltered": "a student trained alike on as many rows, drawn from all whole answers, repeats included, "
    "and asked as the student was",
    "control_random": "a student trained alike on as many rows, drawn by chance from those that the filter's rule `select` "
    "chose among, and asked as the student was",
}
"""One sentence for each local arm, in the order in which they are asked."""

_FOLDERS: Mapping[str, str] = {"student": "model"}
"""Where an arm lies below `student/`, if not in a folder of its name."""


@dataclass(frozen=True, slots=True)
class LocalAnswers:
    """What a local model said, and what it took to say it."""

    answers: tuple[Answer, ...]
    parameters: int
    bytes: int
    """Of its folder: weights, tokenizer, template."""
    device: str
    seconds: float
    """For all answers, loading not counted."""


def local_folders(run: Run) -> dict[str, Path]:
    """The folders of the local arms that training has left, by arm.

    Raises:
        BadStudent: the student is not among them.
    """
    found = {name: run.folder / "student" / _FOLDERS.get(name, name) for name in HOW}
    if not found["student"].is_dir():
        raise BadStudent(f"there is no trained student in {found['student']}: `potstill train` makes one")
    return {name: folder for name, folder in found.items() if folder.is_dir()}


def ask_local(run: Run, name: str, folder: Path, prompts: Sequence[Prompt]) -> LocalAnswers:
    """Load the model in a folder and let it answer every prompt once, greedily, under `longest_answer`.

    Raises:
        BadStudent: the folder does not hold a model that can answer.
    """
    import torch

    from ..student.answer import answer_all
    from ..student.load import load_base
    from ..student.measure import bytes_on_disk, parameters

    recipe = run.recipe
    # As stored where it will be served; on a CPU 32 bits, which hold the same weights and are quicker there.
    student = load_base(folder, run.home, dtype="auto" if torch.cuda.is_available() else "float32")
    began = time.monotonic()
    with run.screen.track(f"asking {name.replace('_', ' ')}", len(prompts), "prompts") as track:
        said = answer_all(
            student.model,
            student.tokenizer,
            [prompt.messages for prompt in prompts],
            longest_answer(run),
            recipe.eval.batch_size,
            track.advance,
        )
    answers = tuple(
        Answer(
            text=one.text,
            status=answer_status(one.text, one.finish_reason),
            finish_reason=one.finish_reason,
            output_tokens=one.output_tokens,
            seconds=one.seconds,
        )
        for one in said
    )
    seconds = time.monotonic() - began
    return LocalAnswers(answers, parameters(student.model), bytes_on_disk(folder), _device(), seconds)


def longest_answer(run: Run) -> int:
    """The cap on a local answer, in the student's own tokens: the teacher's cap, or more if longer answers were trained.

    `generate.max_tokens` counts the teacher's tokens; a student of a coarser vocabulary needs more for the same text.
    """
    record = run.folder / "student" / "training.json"
    arms = json.loads(record.read_bytes())["arms"] if record.exists() else {}
    return max(run.recipe.generate.max_tokens, *(arm.get("longest_answer", 0) for arm in arms.values()), 0)


def answer_status(text: str, finish_reason: str) -> str:
    """The status of an answer that ended so, as `teacher.reading` gives it to the teacher's."""
    if finish_reason != "stop":
        return "truncated"
    return "ok" if text.strip() else "unparsable"


def _device() -> str:
    """What the models answered on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {count(torch.get_num_threads(), 'thread')}"
