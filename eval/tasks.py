"""Further tasks: prompts with references of the user's, held to a grader, or a task of lm-eval. They stand beside the verdict."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadPrompts
from ..graders.constraints import constraint_list
from ..graders.table import grader
from ..prompts.reading import Reader, merged, normalised
from ..prompts.sources import read_source
from ..recipe import GraderSection, PromptsSection, TaskSection
from ..store.rows import Prompt
from ..store.run import Run
from ..store.tables import read_table
from .arms import AskAll
from .items import Item, judge

if TYPE_CHECKING:
    from .harness import HarnessTask

NAMES, PARAMETERS = "instruction_id_list", "kwargs"
"""The columns of IFEval's data that say what an answer must keep to."""


@dataclass(frozen=True, slots=True)
class FileTask:
    """Prompts of a file, each with a reference."""

    name: str
    grader: GraderSection
    prompts: tuple[Prompt, ...]

    @property
    def marked_by(self) -> str:
        """What judges its answers."""
        return self.grader.kind

    def try_on(self, arm: str, ask: AskAll) -> list[Item]:
        """The arm's answers, judged."""
        said = ask([prompt.messages for prompt in self.prompts])
        grade = grader(self.grader, f"eval.tasks ({self.name}).grader")
        return [judge(prompt, arm, answer, grade) for prompt, answer in zip(self.prompts, said, strict=True)]


def read_any(section: TaskSection, home: Path) -> "FileTask | HarnessTask":
    """The task of a file or of lm-eval.

    Raises:
        BadInput: it cannot be read, or lm-eval has no such task.
    """
    if section.path is not None:
        return read_task(section, home)
    from .harness import read_harness_task

    return read_harness_task(section, home)


def read_task(section: TaskSection, home: Path) -> FileTask:
    """The task of a file.

    Raises:
        BadPrompts: it cannot be read, has no prompt, or a prompt without a reference.
    """
    where = section.path or ""
    asked = PromptsSection(path=where, columns=section.columns)
    reader, found = Reader(asked, where if "://" in where else Path(where).name), dict[str, Prompt]()
    for number, record in _first(read_source(where, home), section.limit):
        if NAMES in record and section.grader.kind != "constraints":
            raise BadPrompts(
                f"{where}, line {number}: it has the column {NAMES}, and the task {section.name!r} of eval.tasks is graded by "
                f"`{section.grader.kind}`: write `grader: {{kind: constraints}}`"
            )
        prompt = reader.read(number, _with_reference(record, f"{where}, line {number}"))
        if prompt.reference is None:
            raise BadPrompts(
                f"{where}, line {number}: no reference, and the task {section.name!r} of eval.tasks needs one for each prompt"
            )
        found[prompt.id] = merged(found[prompt.id], prompt) if prompt.id in found else prompt
    if not found:
        raise BadPrompts(f"{where}: there is no prompt in it (the task {section.name!r} of eval.tasks)")
    return FileTask(section.name, section.grader, tuple(prompt._replace(side="heldout") for prompt in found.values()))


def _first(rows: Iterator[Any], limit: int | None) -> Iterator[Any]:
    for place, row in enumerate(rows):
        if place == limit:
            return
        yield row


def _with_reference(record: Mapping[str, Any], where: str) -> Mapping[str, Any]:
    """IFEval's columns as a reference for the grader `constraints`."""
    if NAMES not in record or "reference" in record:
        return record
    try:
        return {**record, "reference": constraint_list(record[NAMES], record.get(PARAMETERS) or [])}
    except (TypeError, ValueError) as error:
        raise BadPrompts(f"{where}: {NAMES} and {PARAMETERS} do not fit one another: {error}") from None


def constraints_kept(items: Sequence[Item]) -> tuple[int, int] | None:
    """Of the grader `constraints`: how many constraints the answers kept, and of how many; None for any other."""
    from orjson import JSONDecodeError, loads

    kept = wanted = 0
    for item in items:
        if item.score is None or item.reference is None:
            continue
        try:
            listed = loads(item.reference)
        except JSONDecodeError:
            return None
        if not isinstance(listed, list):
            return None
        kept += round(item.score * len(listed))
        wanted += len(listed)
    return kept, wanted


def trained_on(run: Run, prompts: Sequence[Prompt]) -> int:
    """How many of a task's prompts the student was trained on, but for case, width and spacing. The filter holds training rows
    against held-out prompts and the files of `filter.leak.against`, and knows no task.
    """
    wanted = {normalised(prompt.messages) for prompt in prompts}
    rows = read_table(run.folder / "samples", "train", ("prompt",))
    return len({asked for row in rows if (asked := normalised(row["prompt"])) in wanted})
