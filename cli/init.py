"""`potstill init`: write a short recipe that runs."""

from pathlib import Path
from typing import Annotated

import typer

from .options import DEFAULT_RECIPE


def init(
    teacher: Annotated[str, typer.Option("--teacher", metavar="KIND", help="openai, vllm or practice (simulated).")],
    prompts: Annotated[
        str | None,
        typer.Option("--prompts", metavar="FILE", help="Your prompts: .jsonl, .csv, .parquet, a saved dataset."),
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="FILE", help="The recipe to write.")] = DEFAULT_RECIPE,
    force: Annotated[bool, typer.Option("--force", help="Replace a recipe that is there.")] = False,
) -> None:
    """Write a short recipe that runs, each line with what it means."""
    from ..errors import BadInput
    from ..recipe.recipe import run_name
    from ..recipe.starter import TEACHERS, starter_recipe

    if teacher not in TEACHERS:
        raise BadInput(f"--teacher {teacher}: there is {', '.join(TEACHERS)}")
    if prompts is None and teacher != "practice":
        raise BadInput("--prompts: name your file of prompts (.jsonl, .csv, .parquet)")
    if out.exists() and not force:
        raise BadInput(f"{out} is there already; --force replaces it, --out writes another")
    path = prompts or "practice://skills?rows=2000"
    if prompts is not None:
        path = _path_from_recipe(prompts, out)
    name = run_name(Path(prompts).stem if prompts else "practice")
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(starter_recipe(teacher, path, name), encoding="utf-8")
    typer.echo(f"wrote {out}\nnext: potstill check {out}, potstill plan {out} (what it will cost), potstill run {out}")


def _path_from_recipe(prompts: str, out: Path) -> str:
    """The path of the prompts as the recipe, which looks from its own folder, has to say it."""
    import os

    from ..errors import BadPrompts

    if "://" in prompts:
        return prompts
    if not Path(prompts).exists():
        raise BadPrompts(f"{prompts}: there is no such file")
    return os.path.relpath(prompts, out.parent)
