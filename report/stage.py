"""The stage `report`: a run's folder as one page, `report.html`, that needs no network and no script."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..recipe import Recipe
from ..store.run import Run
from ..store.stage import Stage


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    """All of it: the page shows the resolved recipe."""
    return recipe.model_dump(mode="json")


def _work(run: Run, folder: Path) -> dict[str, Any]:
    from .gallery import draw_gallery
    from .page import render
    from .reading import read_facts

    facts = read_facts(run)
    gallery = draw_gallery(run, facts.done)
    page = render(facts, gallery)
    (folder / "report.html").write_text(page, encoding="utf-8")
    return {"bytes": len(page.encode()), "stages": len(facts.done), "rows_shown": gallery.shown()}


STAGE = Stage(
    command="report",
    writes="report",
    reads=("prompts", "completions", "samples", "student", "scorecard"),
    version=3,
    settings=_settings,
    work=_work,
)
