"""The stage `report`: a run's folder as one page, `report.html`, that needs no network and no script; and the cards of its
student and its rows, with the same figures.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..recipe import Recipe
from ..store.run import Run
from ..store.stage import Stage


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    """All of it: the page shows the resolved recipe."""
    return recipe.model_dump(mode="json")


def _files(run: Run) -> Sequence[Path]:
    from .bill import plan_of

    return [plan_of(run)]


def _work(run: Run, folder: Path) -> dict[str, Any]:
    from .cards import dataset_card, model_card
    from .gallery import draw_gallery
    from .page import render
    from .reading import read_facts

    facts = read_facts(run)
    gallery = draw_gallery(run, facts)
    page = render(facts, gallery)
    (folder / "report.html").write_text(page, encoding="utf-8")
    if facts.trained:
        (folder / "model_card.md").write_text(model_card(facts), encoding="utf-8")
    if "samples" in facts.done:
        (folder / "dataset_card.md").write_text(dataset_card(facts, run.folder / "samples"), encoding="utf-8")
    return {"bytes": len(page.encode()), "stages": len(facts.done), "rows_shown": gallery.shown()}


STAGE = Stage(
    command="report",
    writes="report",
    reads=("prompts", "completions", "samples", "student", "scorecard"),
    version=4,
    settings=_settings,
    work=_work,
    files=_files,
)
