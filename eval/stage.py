"""The stage `eval`: teacher, student, base and control answer the same held-out prompts, and are held side by side."""

from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from ..errors import MissingExtra
from ..graders.table import grader
from ..recipe import Recipe
from ..store.rows import Prompt
from ..store.run import Run
from ..store.schemas import read_prompt
from ..store.stage import Stage
from ..store.tables import read_table, write_table

if TYPE_CHECKING:
    from .items import Answer, Item
    from .local_arms import LocalAnswers
    from .teacher_arm import TeacherAnswers


def settings(recipe: Recipe) -> dict[str, Any]:
    """How the teacher is asked, how long an answer may be, and how it is judged."""
    return {
        "eval": recipe.eval.model_dump(mode="json"),
        "generate": recipe.generate.model_dump(
            mode="json", include={"template", "max_tokens", "temperature", "top_p", "seed", "extra", "failed_share"}
        ),
        "teacher": recipe.teacher.model_dump(mode="json", include={"base_url", "model", "name"}),
    }


def preflight(run: Run) -> None:
    """The grader compiles, and the extras are installed.

    Raises:
        BadRecipe: the grader's pattern is not a regular expression.
        MissingExtra: scipy, statsmodels, torch or transformers is not installed.
    """
    grader(run.recipe.eval.grader)
    for extra, packages in (("eval", ("scipy", "statsmodels")), ("train", ("torch", "transformers"))):
        if any(find_spec(package) is None for package in packages):
            raise MissingExtra(extra, "eval")


def files(run: Run) -> Sequence[Path]:
    """The user's own prompt template, if there is one: another wording is another question."""
    template = run.recipe.generate.template
    return (run.path(template),) if template.endswith(".md") else ()


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Ask every arm, judge every answer, and write `items-*.parquet` and `scorecard.json`."""
    from .local_arms import ask_local, local_folders
    from .teacher_arm import ask_teacher

    prompts = [read_prompt(row) for row in read_table(run.folder / "samples", "heldout")]
    folders = local_folders(run)
    # The teacher first: what it answers is kept in the ledger, whatever becomes of the local arms.
    teacher = ask_teacher(run, prompts)
    local = {name: ask_local(run, name, where, prompts) for name, where in folders.items()}
    answers = {"teacher": teacher.answers, **{name: one.answers for name, one in local.items()}}
    items = judge_all(run.recipe, prompts, answers)
    write_items(folder, items)
    card = _scorecard(run.recipe, prompts, items, teacher, local)
    (folder / "scorecard.json").write_bytes(orjson.dumps(card, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
    return {"items": len(prompts), "arms": len(items), **teacher.counts, "verdict": card["verdict"]["sentence"]}


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


def _scorecard(
    recipe: Recipe,
    prompts: Sequence[Prompt],
    items: Mapping[str, Sequence["Item"]],
    teacher: "TeacherAnswers",
    local: Mapping[str, "LocalAnswers"],
) -> dict[str, Any]:
    from .circumstances import circumstances
    from .efficiency import efficiency
    from .findings import find
    from .items import paired
    from .local_arms import HOW
    from .scorecard import scorecard

    found = find(paired(items), recipe.eval.retain, recipe.eval.confidence)
    around = circumstances(recipe, items, [prompt.source for prompt in prompts])
    return {
        **scorecard(items, {"teacher": _how_teacher(recipe, around.teacher), **HOW}, found, around),
        "efficiency": efficiency(recipe, local["student"], teacher.replies),
        "costs": {"distillation_usd": teacher.distillation_usd},
    }


def _how_teacher(recipe: Recipe, teacher: str) -> str:
    sampling = (
        "at its own temperature"
        if recipe.generate.temperature is None
        else f"at temperature {recipe.generate.temperature:g}"
    )
    return f"{teacher}, asked as for the training rows: template `{recipe.generate.template}`, one answer {sampling}"


STAGE = Stage(
    command="eval",
    writes="scorecard",
    reads=("samples", "student"),
    version=1,
    settings=settings,
    work=work,
    files=files,
    preflight=preflight,
)
