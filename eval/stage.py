"""The stage `eval`: teacher, student, base and controls answer the same held-out prompts, and are held side by side."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..graders.structured import schema_files
from ..graders.table import grader
from ..prompts.templates import template_files
from ..recipe import Recipe
from ..store.rows import HELDOUT, Prompt
from ..store.run import Run
from ..store.schemas import read_prompts
from ..store.stage import Stage
from ..store.tables import write_table
from ..student.check import PACKAGES
from ..teacher.identity import recordings

if TYPE_CHECKING:
    from .circumstances import Circumstances
    from .items import Answer, Item
    from .local_arms import LocalAnswers
    from .teacher_arm import TeacherAnswers


def settings(recipe: Recipe) -> dict[str, Any]:
    """How the teacher is asked, how long an answer may be, and how it is judged."""
    return {
        "eval": recipe.eval.model_dump(mode="json"),
        "generate": recipe.generate.model_dump(mode="json", exclude={"method", "draws"}),
        "teacher": recipe.teacher.model_dump(mode="json", include={"base_url", "model", "name", "seeds", "output_cap"}),
    }


def preflight(run: Run) -> None:
    """The grader compiles.

    Raises:
        BadRecipe: its pattern is not a regular expression.
    """
    grader(run.recipe.eval.grader)


def files(run: Run) -> Sequence[Path]:
    """Files of the user's that shape what the teacher is asked and what it answers."""
    generate = run.recipe.generate
    schemas = schema_files(generate, run.home)
    return [*template_files(generate.template, run.home), *schemas, *recordings(run.recipe.teacher, run.home)]


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Ask every arm, judge every answer, and write `items-*.parquet` and `scorecard.json`."""
    from .local_arms import ask_local, local_folders
    from .teacher_arm import ask_teacher

    prompts = list(read_prompts(run.folder / "samples", "heldout"))
    folders = local_folders(run)
    # An answer that nothing can be held against is not worth its price.
    asked = [prompt for prompt in prompts if prompt.reference is not None]
    # The teacher first: what it answers is kept in the ledger, whatever becomes of the local arms.
    teacher = ask_teacher(run, asked)
    local = {name: ask_local(run, name, where, asked) for name, where in folders.items()} if asked else {}
    said = {name: local[name].answers if local else () for name in folders}
    items = judge_all(run.recipe, asked, {"teacher": teacher.answers, **said})
    write_items(folder, items)
    card = whole_scorecard(run, prompts, items, teacher, local)
    (folder / "scorecard.json").write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return {"items": len(asked), "arms": len(items), **teacher.counts, "verdict": card["verdict"]["sentence"]}


def judge_all(
    recipe: Recipe, prompts: Sequence[Prompt], answers: Mapping[str, Sequence["Answer"]]
) -> dict[str, list["Item"]]:
    """Each arm's answers, one for each prompt in their order, with what the recipe's grader says of them."""
    from .items import judge

    ask = grader(recipe.eval.grader)
    return {
        arm: [judge(prompt, arm, answer, ask) for prompt, answer in zip(prompts, given, strict=True)]
        for arm, given in answers.items()
    }


def write_items(folder: Path, items: Mapping[str, Sequence["Item"]]) -> None:
    """The table of items, prompt by prompt, each prompt's arms side by side."""
    from .items import ITEMS, item_columns

    rows = (item_columns(item) for row in zip(*items.values(), strict=True) for item in row)
    write_table(folder, "items", ITEMS, rows)


def whole_scorecard(
    run: Run,
    prompts: Sequence[Prompt],
    items: Mapping[str, Sequence["Item"]],
    teacher: "TeacherAnswers",
    local: Mapping[str, "LocalAnswers"],
) -> dict[str, Any]:
    """What `scorecard.json` holds."""
    from .circumstances import circumstances
    from .efficiency import efficiency
    from .findings import find
    from .items import paired
    from .local_arms import HOW
    from .scorecard import scorecard
    from .teacher_arm import bought_for_training

    recipe, bought = run.recipe, bought_for_training(run.folder / "completions")
    found = find(paired(items), recipe.eval.retain, recipe.eval.confidence)
    around = circumstances(recipe, prompts, items, bought.snapshots, _leaked(run))
    return {
        **scorecard(items, {"teacher": _how_teacher(recipe, around), **HOW}, found, around),
        "efficiency": efficiency(recipe, local.get("student"), teacher.replies),
        "costs": {
            "distillation_usd": bought.usd + teacher.usd + _judged_usd(run),
            "paid_by_this_run": teacher.paid_by_this_run,
        },
    }


def _leaked(run: Run) -> int:
    """Training rows that repeat a held-out prompt, because the recipe lets them."""
    samples = run.finished("samples")
    return samples.counts.get("leaks_kept", {}).get(HELDOUT, 0) if samples else 0


def _judged_usd(run: Run) -> float:
    """What the filter's judge cost, whenever it was paid."""
    samples = run.finished("samples")
    return samples.counts.get("judge", {}).get("cost_usd", 0.0) if samples else 0.0


def _how_teacher(recipe: Recipe, around: "Circumstances") -> str:
    sampling = around.sampling or "at temperature 0"
    template = recipe.generate.template
    return f"{around.teacher}, asked as for the training rows: template `{template}`, one answer {sampling}"


STAGE = Stage(
    command="eval",
    writes="scorecard",
    reads=("completions", "samples", "student"),
    extra="train,eval",
    packages=(*PACKAGES, "scipy"),
    version=3,
    settings=settings,
    work=work,
    files=files,
    preflight=preflight,
)
