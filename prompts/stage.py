"""The stage `prompts`: read, merge duplicates and near duplicates before they are bought, split, write `prompts/`."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadPrompts
from ..recipe import Recipe
from ..store.rows import Prompt, Side
from ..store.run import Run
from ..store.schemas import PROMPTS, prompt_columns
from ..store.stage import Stage
from ..store.tables import read_table, write_table
from .reading import Reader, merged
from .sources import read_source
from .split import sides

if TYPE_CHECKING:
    from .near import Twin

FOLDER = "prompts"


@dataclass(frozen=True, slots=True)
class Loaded:
    """The distinct prompts of a source, each on its side of the split."""

    prompts: list[Prompt]
    rows: int
    """Rows read, duplicates counted."""
    merged: int
    """Rows that ask what another one asks, word for word."""
    twins: list["Twin"]
    """Prompts that are not asked, for they nearly repeat another."""


def work(run: Run, folder: Path) -> dict[str, Any]:
    """Write the table `prompts` and return how many there were of what."""
    loaded = load(run)
    from .near import NEAR

    prompts = loaded.prompts
    heldout = sum(prompt.side == "heldout" for prompt in prompts)
    write_table(folder, "prompts", PROMPTS, map(prompt_columns, prompts))
    write_table(folder, "near", NEAR, map(_twin_columns, loaded.twins))
    return {
        "rows": loaded.rows,
        "merged": loaded.merged,
        "near": len(loaded.twins),
        "train": len(prompts) - heldout,
        "heldout": heldout,
        "families": len({prompt.family for prompt in prompts}),
        "references": sum(prompt.reference is not None for prompt in prompts),
    }


def load(run: Run) -> Loaded:
    """Read, merge and split.

    Raises:
        BadPrompts: a row cannot be read, there is none, or they cannot be split.
    """
    distinct, rows = _distinct(run)
    placed = _placed_before(run)
    twins = _twins(run, distinct)
    gone = {twin.prompt.id for twin in twins}
    prompts = [prompt for prompt in distinct if prompt.id not in gone]
    side = sides(prompts, placed, run.recipe.prompts.heldout)
    if "heldout" not in side.values():
        raise BadPrompts(
            f"{run.recipe.prompts.path}: {len(prompts)} distinct prompts in {len(side)} families cannot be split into "
            "training and held-out ones; give more prompts, or a family column that tells them apart"
        )
    placed_now = [prompt._replace(side=side[prompt.family]) for prompt in prompts]
    return Loaded(placed_now, rows, rows - len(distinct), twins)


def _distinct(run: Run) -> tuple[list[Prompt], int]:
    """The prompts in order, those that ask the same merged into the first, and the number of rows read."""
    section = run.recipe.prompts
    reader = Reader(section, section.path if "://" in section.path else Path(section.path).name)
    prompts: dict[str, Prompt] = {}
    rows = 0
    for number, record in read_source(section.path, run.home):
        if rows == section.limit:
            break
        rows += 1
        prompt = reader.read(number, record)
        prompts[prompt.id] = merged(prompts[prompt.id], prompt) if prompt.id in prompts else prompt
    if not prompts:
        raise BadPrompts(f"{section.path}: there is no prompt in it")
    return list(prompts.values()), rows


def _twins(run: Run, prompts: list[Prompt]) -> list["Twin"]:
    """The prompts that nearly repeat another. Those of an earlier load stay, even beside one another: neither new prompts nor
    other settings move them, and their answers may be paid.
    """
    similarity = run.recipe.prompts.near
    if similarity is None:
        return []
    from .near import near

    earlier = {row["id"] for row in read_table(run.folder / FOLDER, "prompts", ("id",))}
    twins, staying = near(prompts, earlier, similarity)
    if staying:
        run.screen.line(
            f"prompts: {staying:,} prompts of an earlier load nearly repeat others and stay, for their answers may be paid; "
            f"without {run.folder / FOLDER} all are looked at anew"
        )
    return twins


def _twin_columns(twin: "Twin") -> dict[str, Any]:
    return {**prompt_columns(twin.prompt), "mate": twin.mate.id, "similarity": twin.similarity}


def _placed_before(run: Run) -> Mapping[str, Side]:
    """The sides of an earlier load under the same held-out settings."""
    earlier = run.finished(FOLDER)
    if earlier is None or earlier.settings.get("heldout") != run.recipe.prompts.heldout.model_dump(mode="json"):
        return {}
    return {row["family"]: row["side"] for row in read_table(run.folder / FOLDER, "prompts")}


def _settings(recipe: Recipe) -> Mapping[str, Any]:
    return recipe.prompts.model_dump(mode="json")


def _files(run: Run) -> Sequence[Path]:
    path = run.recipe.prompts.path
    file = run.path(path)
    return () if "://" in path or not file.exists() else (file,)


def _preflight(run: Run) -> None:
    read_source(run.recipe.prompts.path, run.home)


STAGE = Stage(
    command="prompts",
    writes=FOLDER,
    reads=(),
    version=3,
    settings=_settings,
    work=work,
    files=_files,
    preflight=_preflight,
)
