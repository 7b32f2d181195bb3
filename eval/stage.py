"""The stage `eval`: teacher, student, base and controls answer the same held-out prompts, and are held side by side."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..errors import BadPrompts
from ..graders.judge import judge_files, preflight_judge
from ..graders.pair import pair_judge_of
from ..graders.structured import schema_files
from ..graders.table import grader
from ..prompts.templates import template_files
from ..recipe import Recipe, TaskSection
from ..store.run import Run
from ..store.stage import Stage
from ..student.check import PACKAGES
from ..teacher.identity import recordings


def settings(recipe: Recipe) -> dict[str, Any]:
    """How the teacher is asked, how long an answer may be, and how it is judged."""
    return {
        "eval": recipe.eval.model_dump(mode="json"),
        "generate": recipe.generate.model_dump(mode="json", exclude={"method", "draws"}),
        "teacher": recipe.teacher.model_dump(mode="json", include={"base_url", "model", "name", "seeds", "output_cap"}),
    }


def preflight(run: Run) -> None:
    """Grader, judge and tasks hold.

    Raises:
        BadInput: a pattern is not a regular expression, the judge cannot be asked, a task's file is not there.
    """
    section = run.recipe.eval
    grader(section.grader)
    if section.judge is not None:
        preflight_judge(run, section.judge, "eval.judge")
        pair_judge_of(run, section.judge)
    for task in section.tasks:
        _preflight_task(run, task)


def _preflight_task(run: Run, task: TaskSection) -> None:
    if task.path is None:
        from .harness import preflight_harness

        preflight_harness(task, run.home)
        return
    from .tasks import read_task

    grader(task.grader, f"eval.tasks ({task.name}).grader")
    try:
        read_task(task, run.home)
    except BadPrompts as error:
        raise BadPrompts(f"the task {task.name!r} of eval.tasks: {error}") from None


def files(run: Run) -> Sequence[Path]:
    """Files of the user's that shape what is asked, what it answers, and how that is judged."""
    generate, section = run.recipe.generate, run.recipe.eval
    schemas = schema_files(generate, run.home)
    found = [*template_files(generate.template, run.home), *schemas, *recordings(run.recipe.teacher, run.home)]
    if section.judge is not None:
        found += [*judge_files(run, section.judge), *template_files(section.judge.pairs_rubric, run.home)]
    return [*found, *(path for task in section.tasks for path in _task_files(run, task))]


def _task_files(run: Run, task: TaskSection) -> Sequence[Path]:
    if task.path is None:
        from .harness_files import harness_files

        return harness_files(task, run.home)
    path = run.path(task.path)
    return [] if "://" in task.path or not path.is_file() else [path]


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Ask every arm, judge every answer, and write `items-*.parquet` and `scorecard.json`."""
    from .work import work as do

    return do(run, folder)


STAGE = Stage(
    command="eval",
    writes="scorecard",
    reads=("completions", "samples", "student"),
    extra="train,eval",
    packages=(*PACKAGES, "scipy"),
    version=4,
    settings=settings,
    work=work,
    files=files,
    preflight=preflight,
)
