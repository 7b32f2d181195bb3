"""What the evaluation will ask, whom and of what, known before there is an answer: the teacher, once or twice, and a judge."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadPrompts
from ..eval.findings import Way
from ..eval.marking import to_ask, wanted, way_of
from ..eval.tasks import read_task
from ..eval.teacher_arm import AGAIN
from ..recipe import EvalJudgeSection, GraderSection, Recipe, TaskSection
from ..store.rows import Prompt
from ..store.run import Run
from ..train.names import BASE, RANDOM, SEEDS_ONLY, wanted_arms


@dataclass(frozen=True, slots=True)
class Evaluation:
    """Who will be asked what."""

    way: Way | None
    """What the verdict rests on; None: there will be none."""
    heldout: tuple[Prompt, ...]
    asked: tuple[Prompt, ...]
    """The held-out prompts that are worth asking."""
    again: bool
    """The teacher is asked them a second time."""
    tasks: Mapping[str, tuple[Prompt, ...]]
    """The further tasks of which the teacher is asked, by name."""
    judge: EvalJudgeSection | None
    """None where nobody is asked to judge."""
    judged: tuple[str, ...]
    """The arms that the judge is asked about beside the teacher, as far as is known before there is one of them."""


def evaluation_of(run: Run, train: Sequence[Prompt], heldout: Sequence[Prompt]) -> Evaluation:
    """What a recipe's evaluation will ask.

    Raises:
        BadInput: a task cannot be read.
    """
    recipe = run.recipe
    way = way_of(recipe.eval, heldout)
    judge = recipe.eval.judge if way in ("pairs", "grades") else None
    referenced = any(prompt.reference is not None for prompt in train)
    return Evaluation(
        way=way,
        heldout=tuple(heldout),
        asked=tuple(to_ask(way, heldout)),
        again=wanted(recipe.eval, way, AGAIN),
        tasks={task.name: prompts_of(task, run.home) for task in recipe.eval.tasks if task.teacher},
        judge=judge,
        judged=tuple(_judged(recipe, way, referenced=referenced)) if judge is not None else (),
    )


def prompts_of(task: TaskSection, home: Path) -> tuple[Prompt, ...]:
    """The prompts of a task; a reference that is no answer (a list of constraints) is left out.

    Raises:
        BadInput: they cannot be read.
    """
    if task.path is None:
        from ..eval.harness import read_harness_task

        return read_harness_task(task, home).prompts
    try:
        return with_answers(task.grader, read_task(task, home).prompts)
    except BadPrompts as error:
        raise BadPrompts(f"the task {task.name!r} of eval.tasks: {error}") from None


def with_answers(grader: GraderSection, prompts: Sequence[Prompt]) -> tuple[Prompt, ...]:
    """The prompts without references that say nothing of how long an answer is, as those do that list constraints."""
    if grader.kind != "constraints":
        return tuple(prompts)
    return tuple(prompt._replace(reference=None) for prompt in prompts)


def asked_of_tasks(evaluation: Evaluation) -> dict[str, list[Prompt]]:
    """By task the prompts that the teacher is asked for it; what it is asked anyway, it is not asked anew."""
    known, found = {prompt.id for prompt in evaluation.asked}, dict[str, list[Prompt]]()
    for name, prompts in evaluation.tasks.items():
        new = {prompt.id: prompt for prompt in prompts if prompt.id not in known}
        known |= new.keys()
        found[name] = list(new.values())
    return found


def _judged(recipe: Recipe, way: Way | None, *, referenced: bool) -> Iterator[str]:
    """The arms whose answers are judged. A control for which there are no rows is not trained."""
    never = {RANDOM: recipe.filter.select is None, SEEDS_ONLY: not referenced}
    for arm in (*wanted_arms(recipe.train), BASE, AGAIN):
        if wanted(recipe.eval, way, arm) and not never.get(arm, False):
            yield arm
