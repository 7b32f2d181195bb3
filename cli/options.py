"""The options that every command on a recipe has, and the run that they name."""

import os
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from ..store.run import Run


class Again(StrEnum):
    """What is asked again although the answer to it is known."""

    REJECTED = "rejected"


RecipePath = Annotated[Path, typer.Argument(metavar="RECIPE", help="The recipe, a YAML file.")]
Overrides = Annotated[
    list[str] | None, typer.Option("--set", metavar="A.B=C", help="Override a value of the recipe; may be repeated.")
]
RunsFolder = Annotated[Path, typer.Option("--runs", metavar="DIR", help="Where runs are kept.")]
Retry = Annotated[
    Again | None,
    typer.Option("--retry", help="Ask again what the teacher rejected for good (4xx): its cause is mended."),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output, and nothing else.")]

DEFAULT_RECIPE = Path("recipe.yaml")
DEFAULT_RUNS = Path("runs")


def open_run(
    recipe: Path, overrides: list[str] | None, runs: Path, *, quiet: bool = False, retry: Again | None = None
) -> "Run":
    """The run of a recipe, which need not exist yet.

    Raises:
        BadRecipe: the recipe does not hold.
    """
    from ..recipe import load_recipe
    from ..store.run import Run
    from .screen import screen_for_this_terminal

    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")  # tokenizers warn about every fork of a data loader
    loaded = load_recipe(recipe, overrides or ())
    screen = screen_for_this_terminal(quiet=quiet)
    home, folder = recipe.resolve().parent, runs / loaded.name
    return Run(loaded, home, folder, screen, retry_rejected=retry is Again.REJECTED)
