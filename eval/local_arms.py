"""The local arms: the student, the student before training, and the controls trained on other rows."""

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from ..errors import BadStudent
from ..store.rows import Message
from ..store.run import Run
from ..student.answer import LocalAnswer
from .arms import Arm, AskAll
from .items import Answer
from .marks import STUDENT

HOW: Mapping[str, str] = {
    STUDENT: "the trained student, asked the plain prompts with its own chat template, greedy",
    "base": "the student before training, asked the plain prompts with its chat template, greedy",
    "control_unfiltered": "a student trained alike on as many rows, drawn from all whole answers, repeats included, "
    "and asked as the student was",
    "control_random": "a student trained alike on as many rows, drawn by chance from those that the filter's rule `select` "
    "chose among, and asked as the student was",
    "seeds_only": "a student trained alike on the training prompts' own references, without any answer of the teacher's, "
    "and asked as the student was",
}
"""One sentence for each local arm, in the order in which they are asked."""

_ANOTHER_SEED = "the student trained once more with another seed, asked as the first"


def student_folder(run: Run) -> Path:
    """Where the student that is kept lies."""
    return run.folder / "student" / "model"


def local_folders(run: Run) -> dict[str, Path]:
    """The folders of the local arms that training has left, by arm; the students first.

    Raises:
        BadStudent: the student is not among them.
    """
    if not student_folder(run).is_dir():
        raise BadStudent(f"there is no trained student in {student_folder(run)}: `potstill train` makes one")
    further = sorted(
        (path for path in (run.folder / "student").glob(f"{STUDENT}_[0-9]*")),
        key=lambda path: int(path.name.rpartition("_")[2]),
    )
    found = {STUDENT: student_folder(run), **{path.name: path for path in further}}
    found |= {name: run.folder / "student" / name for name in HOW if name != STUDENT}
    return {name: folder for name, folder in found.items() if folder.is_dir()}


def local_arms(run: Run) -> list[Arm]:
    """The local arms; each is loaded when it is opened, and answers every prompt once, greedily, under `longest_answer`.

    Raises:
        BadStudent: there is no student, or the engine that the recipe names is not there.
    """
    from ..student.served import engine_of

    opened = {"vllm": _served, "transformers": _loaded}[engine_of(run.recipe.eval.engine)]
    return [
        Arm(name, HOW.get(name, _ANOTHER_SEED), partial(opened, run, name, folder))
        for name, folder in local_folders(run).items()
    ]


@contextmanager
def _loaded(run: Run, name: str, folder: Path) -> Iterator[AskAll]:
    """In this process, in batches, by transformers."""
    import torch

    from ..student.answer import answer_all
    from ..student.load import load_base

    # As stored where it will be served; on a CPU 32 bits, which hold the same weights and are quicker there.
    student = load_base(folder, run.home, dtype="auto" if torch.cuda.is_available() else "float32")

    def ask(conversations: Sequence[Sequence[Message]]) -> list[Answer]:
        cap, batch = longest_answer(run), run.recipe.eval.batch_size
        with run.screen.track(_label(name), len(conversations), "prompts") as track:
            said = answer_all(student.model, student.tokenizer, conversations, cap, batch, track.advance)
        return [_answer(one) for one in said]

    yield ask


@contextmanager
def _served(run: Run, name: str, folder: Path) -> Iterator[AskAll]:
    """By a vLLM server on this machine, for as long as it is asked."""
    from ..student.served import answer_all_served, serve

    with TemporaryDirectory() as scratch, serve(_servable(folder, run.home, Path(scratch))) as server:

        def ask(conversations: Sequence[Sequence[Message]]) -> list[Answer]:
            with run.screen.track(_label(name), len(conversations), "prompts") as track:
                said = answer_all_served(
                    server, conversations, longest_answer(run), run.recipe.eval.batch_size, track.advance
                )
            return [_answer(one) for one in said]

        yield ask


def _servable(folder: Path, home: Path, scratch: Path) -> Path:
    """A folder with a whole model in it: an untrained start that training only named is saved there first."""
    from ..student.load import BASE_FILE, load_base, save_student

    if not (folder / BASE_FILE).is_file():
        return folder
    save_student(load_base(folder, home, dtype="auto"), scratch)
    return scratch


def _label(name: str) -> str:
    return f"asking {name.replace('_', ' ')}"


def _answer(one: LocalAnswer) -> Answer:
    return Answer(
        text=one.text,
        status=answer_status(one.text, one.finish_reason),
        finish_reason=one.finish_reason,
        output_tokens=one.output_tokens,
        seconds=one.seconds,
    )


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
