"""The stage `filter`: every answer is labelled, kept or dropped with a reason, and none is deleted."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..errors import BadRecipe
from ..recipe import Recipe
from ..store.own_code import split_name
from ..store.run import Run
from ..store.stage import Stage
from ..student.check import model_files
from .scores.fit import fit_settings, student_of, why_not

FOLDER = "samples"
WHO = {"base_url", "model", "name", "price", "terms", "seeds", "output_cap"}
"""What of a judge's section its grades and their price depend on."""


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    section, settings = recipe.filter, recipe.filter.model_dump(mode="json")
    if section.judge is not None:
        settings["judge"]["teacher"] = (section.judge.teacher or recipe.teacher).model_dump(mode="json", include=WHO)
    if section.fit is not None:
        settings["fit"] = fit_settings(recipe, section.fit)
    return settings


def _files(run: Run) -> list[Path]:
    section = run.recipe.filter
    schemas = [run.path(shape.json_schema) for shape in section.format if isinstance(shape.json_schema, str)]
    own = [split[0] for given in section.scores.values() if (split := split_name(given, run.home))]
    files = [*schemas, *own, *(run.path(path) for path in section.leak.against)]
    if section.fit is not None:
        files += model_files(student_of(run.recipe, section.fit), run.home)
    if section.judge is not None:
        from ..graders.judge import judge_files

        files += judge_files(run, section.judge)
    return files


def _preflight(run: Run) -> None:
    from .late import late_columns
    from .names import check_names
    from .rules.table import rules_of
    from .scores import leak
    from .scoring import columns_of, scores_of

    section = run.recipe.filter
    rules_of(section)
    if section.judge is not None:
        from ..graders.judge import preflight_judge

        preflight_judge(run, section.judge, "filter.judge")
    check_names(section, {**columns_of(scores_of(run)), **leak.COLUMNS, **late_columns(section)})
    why_no_fit = why_not(run, section.fit) if section.fit is not None else None
    if why_no_fit and section.select is not None and section.select.by in late_columns(section):
        raise BadRecipe(f"'filter.select.by' is {section.select.by!r}, which cannot be computed here: {why_no_fit}")


def _work(run: Run, folder: Path) -> dict[str, Any]:
    from .work import work  # scores and rules are not needed to say whether there is anything to do

    return work(run, folder)


STAGE = Stage(
    command="filter",
    writes=FOLDER,
    reads=("prompts", "completions"),
    version=3,
    settings=_settings,
    work=_work,
    files=_files,
    preflight=_preflight,
)
