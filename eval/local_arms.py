"""The local arms: the student, the student before training, and the control trained on unfiltered rows."""

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
    "control_unfiltered": "a student trained alike on as many rows drawn before filtering, asked as the student was",
}
"""One sentence for each local arm, in the order in which they are asked."""

_FOLDERS: Mapping[str, str] = {"student": "model", "base": "base", "control_unfiltered": "control_unfiltered"}


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
    found = {name: run.folder / "student" / _FOLDERS[name] for name in HOW}
    if not found["student"].is_dir():
        raise BadStudent(f"there is no trained student in {found['student']}: `potstill train` makes one")
    return {name: folder for name, folder in found.items() if folder.is_dir()}


def ask_local(run: Run, name: str, folder: Path, prompts: Sequence[Prompt]) -> LocalAnswers:
    """Load the model in a folder and let it answer every prompt once, greedily, under the teacher's output cap.

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
            recipe.generate.max_tokens,
            recipe.eval.batch_size,
            track.advance,
        )
    answers = tuple(
        Answer(
            text=one.text,
            status="ok" if one.finish_reason == "stop" else "truncated",
            finish_reason=one.finish_reason,
            input_tokens=0,
            output_tokens=one.output_tokens,
            seconds=one.seconds,
        )
        for one in said
    )
    seconds = time.monotonic() - began
    return LocalAnswers(answers, parameters(student.model), bytes_on_disk(folder), _device(), seconds)


def _device() -> str:
    """What the models answered on."""
    import torch

    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {count(torch.get_num_threads(), 'thread')}"
