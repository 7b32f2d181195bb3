"""The work of the stage `eval`: ask every arm, mark every answer, count, and write it down."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..recipe import TaskSection
from ..store.rows import HELDOUT, Prompt
from ..store.run import Run
from ..store.schemas import read_prompts
from ..store.tables import write_table
from .arms import Arm
from .break_even import break_even
from .circumstances import circumstances
from .costs import costs
from .earlier import recalling
from .efficiency import efficiency, student_price, teacher_price, time_kept_student
from .findings import CHANCE, Way, find, retained_by_bootstrap
from .items import ITEMS, Answer, Item, item_columns
from .local_arms import local_arms
from .marking import Marking, mark, to_ask, wanted, way_of
from .marks import is_student, marks_of
from .scorecard import numbers, scorecard, told_share
from .slices import slices_of
from .tasks import FileTask, constraints_kept, read_any, trained_on
from .teacher_arm import AGAIN, TEACHER, Asked, bought_for_training, teacher_arm

if TYPE_CHECKING:
    from .harness import HarnessTask


_CHANCE = "the teacher's second answers to other prompts, held against its first ones to these: agreement by chance"


@dataclass(slots=True)
class _Tried:
    """A further task and what each arm made of it."""

    section: TaskSection
    task: "FileTask | HarnessTask"
    items: dict[str, list[Item]] = field(default_factory=dict)


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Ask every arm, mark every answer, and write `items-*.parquet`, one table for each task, and `scorecard.json`."""
    heldout = list(read_prompts(run.folder / "samples", "heldout"))
    way = way_of(run.recipe.eval, heldout)
    asked, teacher = to_ask(way, heldout), Asked()
    tasks = [_Tried(section, read_any(section, run.home)) for section in run.recipe.eval.tasks]
    arms = _arms(run, teacher)
    answers = _ask(run, way, arms, asked, tasks)
    marking = mark(run, way, asked, answers)
    _write(folder, "items", marking.items)
    for one in tasks:
        _write(folder, f"task-{one.task.name}", one.items)
    card = _card(run, heldout, marking, arms, tasks, teacher)
    card |= _money(run, asked, teacher, marking)
    (folder / "scorecard.json").write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    judged = {"judge": {**marking.judged["counts"], **_without_counts(marking.judged)}} if marking.judged else {}
    owing = {name: teacher.counts[name] + judged.get("judge", {}).get(name, 0) for name in ("owed", "rejected")}
    counts = {**teacher.counts, **owing, **judged}
    return {"items": len(asked), "arms": len(answers), **counts, "verdict": card["verdict"]["sentence"]}


def _arms(run: Run, asked: Asked) -> list[Arm]:
    """The teacher first: what it answers is kept in the ledger, whatever becomes of the local arms."""
    local = recalling(run, local_arms(run))
    asking = run.recipe.generate
    how = f"asked as for the training rows: template `{asking.template}`, one answer {_sampling(asking.temperature)}"
    return [
        teacher_arm(run, TEACHER, f"the teacher, {how}", asked),
        teacher_arm(run, AGAIN, f"the teacher once more, a fresh sample, {how}", asked),
        *local,
    ]


def _sampling(temperature: float | None) -> str:
    return "at its own temperature" if temperature is None else f"at temperature {temperature:g}"


def _ask(
    run: Run, way: Way | None, arms: Sequence[Arm], prompts: Sequence[Prompt], tasks: Sequence[_Tried]
) -> dict[str, Sequence[Answer]]:
    """The answers to the held-out prompts of every arm that is wanted; what it makes of the tasks is put down with them."""
    answers: dict[str, Sequence[Answer]] = {}
    for arm in arms:
        for_it = [one for one in tasks if _tries(arm.name, one.section)]
        heldout = wanted(run.recipe.eval, way, arm.name)
        if heldout:
            answers[arm.name] = ()
        if not for_it and not (heldout and prompts):
            continue
        with arm.opened() as ask:
            if heldout and prompts:
                answers[arm.name] = ask([prompt.messages for prompt in prompts])
            for one in for_it:
                one.items[arm.name] = one.task.try_on(arm.name, ask)
    return answers


def _tries(arm: str, section: TaskSection) -> bool:
    """Teacher, student and base are tried on a task; controls and the teacher's second answers say nothing there."""
    return (arm == TEACHER and section.teacher) or arm == "base" or is_student(arm)


def _card(
    run: Run,
    heldout: Sequence[Prompt],
    marking: Marking,
    arms: Sequence[Arm],
    tasks: Sequence[_Tried],
    teacher: Asked,
) -> dict[str, Any]:
    section = run.recipe.eval
    bought = bought_for_training(run.folder / "completions")
    way, marks = marking.way, marking.marks
    found = find(marks, way, section.retain, section.confidence) if marks is not None and way is not None else None
    around = circumstances(
        run.recipe, heldout, marking.items, bought.snapshots, _leaked(run), way=way, judge=marking.judge
    )
    how = {arm.name: arm.how.replace("the teacher", around.teacher, 1) for arm in arms} | {CHANCE: _CHANCE}
    card = scorecard(marking.items, how, found, around)
    if marking.judged:
        card["judge"] |= _without_counts(marking.judged) | {"how": section.judge.how if section.judge else ""}
    if marks is not None and way is not None and len(marks):
        card["retained_bootstrap"] = told_share(retained_by_bootstrap(marks, way, section.confidence))
    sliced = slices_of(marks, way, section.retain, section.confidence) if marks is not None and way is not None else []
    left = max(0, len(set(marks.slices)) - len(sliced)) if sliced and marks is not None else 0
    return {**card, "slices": sliced, "slices_left": left, "tasks": [_told_task(run, one, how) for one in tasks]}


def _without_counts(judged: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in judged.items() if name != "counts"}


def _told_task(run: Run, tried: _Tried, how: Mapping[str, str]) -> dict[str, Any]:
    section, items = run.recipe.eval, tried.items
    # Without the teacher the student is held against what it was before: what it has forgotten.
    ceiling = TEACHER if TEACHER in items else "base"
    found = find(marks_of(items, ceiling), "reference", section.retain, section.confidence, ceiling)
    told = numbers(items, how, found, len(tried.task.prompts))
    seen = trained_on(run, tried.task.prompts)
    kept = {name: constraints_kept(arm) for name, arm in items.items()} if tried.task.marked_by == "constraints" else {}
    for name, share in kept.items():
        told["arms"][name]["constraints"] = share
    return {
        "name": tried.task.name,
        "marked_by": tried.task.marked_by,
        "prompts": len(tried.task.prompts),
        **told,
        "trained_on": seen,
    }


def _money(run: Run, asked: Sequence[Prompt], teacher: Asked, marking: Marking) -> dict[str, Any]:
    """Speeds, prices, and when it pays."""
    recipe, replies = run.recipe, teacher.rounds[TEACHER][0] if asked else ()
    speed = time_kept_student(run, asked)
    spent = costs(run, teacher, marking.judged)
    pays = break_even(
        spent["distillation_usd"],
        teacher_price(recipe, replies),
        student_price(recipe, speed),
        recipe.eval.machine_usd_per_hour,
    )
    return {"efficiency": efficiency(recipe, speed, replies), "costs": spent, "break_even": asdict(pays)}


def _write(folder: Path, name: str, items: Mapping[str, Sequence[Item]]) -> None:
    """A table of items, prompt by prompt, each prompt's arms side by side."""
    rows = (item_columns(item) for row in zip(*items.values(), strict=True) for item in row)
    write_table(folder, name, ITEMS, rows)


def _leaked(run: Run) -> int:
    """Training rows that repeat a held-out prompt, because the recipe lets them."""
    samples = run.finished("samples")
    return samples.counts.get("leaks_kept", {}).get(HELDOUT, 0) if samples else 0
