"""`potstill explain ROW`: one row's ancestry, from where it was read to how it was judged."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, Overrides, RecipePath, RunsFolder, open_run
from .output import print_json

if TYPE_CHECKING:
    from ..store.ancestry import Ancestry
    from ..store.run import Run

Row = Annotated[
    str,
    typer.Argument(
        metavar="ROW",
        help="The id of a prompt or an answer, or at least 4 digits of its beginning; the ledger key of an answer; "
        "FILE:LINE or :LINE of the prompts' source.",
    ),
]
Full = Annotated[bool, typer.Option("--full", help="Print long texts whole; --json always does.")]


def explain(
    row: Row,
    recipe: RecipePath = DEFAULT_RECIPE,
    full: Full = False,
    set_: Overrides = None,
    runs: RunsFolder = DEFAULT_RUNS,
    json: AsJson = False,
) -> None:
    """Where a row came from, what it cost, why it was kept or dropped, what was trained on it, how it was judged."""
    from ..errors import BadInput
    from ..store.ancestry import read_ancestry
    from ..store.lookup import find_row
    from .explain_words import lines

    job = open_run(recipe, set_, runs, quiet=True)
    if job.finished("prompts") is None:
        raise BadInput(f"{job.folder / 'prompts'} is not there: run `potstill prompts` first, or `potstill run`")
    facts = _facts(job, read_ancestry(job, find_row(job.folder, row)))
    if json:
        print_json(facts)
        return
    for line in lines(facts, full=full):
        typer.secho(line, bold=not line.startswith(" "))


def _facts(job: "Run", ancestry: "Ancestry") -> dict[str, Any]:

    found = ancestry.found
    trained = job.finished("student")
    return {
        "row": {"kind": found.kind, "id": found.id, "prompt_id": found.prompt},
        "run": str(job.folder),
        "ledger": str(job.ledger),
        "stages": ancestry.states,
        "outdated": ancestry.outdated,
        "prompt": ancestry.prompt,
        "salt": ancestry.salt,
        "near_duplicates": ancestry.twins,
        "answers": _answers(job, ancestry),
        "other_answers": ancestry.others,
        "student": trained.settings.get("student") if trained else None,
        "items": ancestry.items,
        "verdict": ancestry.verdict,
    }


def _answers(job: "Run", ancestry: "Ancestry") -> list[dict[str, Any]]:
    """Every answer with what each later stage made of it."""
    from dataclasses import asdict

    labelled = [answer.row["id"] for answer in ancestry.answers if answer.label]
    trained: Mapping[str, Mapping[str, Any]] = {}
    if labelled and ancestry.states["student"] == "done":
        from ..train.membership import memberships

        trained = memberships(job, labelled)
    bought = _bought(job, [answer.row["key"] for answer in ancestry.answers])
    return [
        {
            **answer.row,
            "ledger": bought.get(answer.row["key"]),
            "filter": asdict(answer.label) if answer.label else None,
            "training": {arm: asdict(one) for arm, one in trained.get(answer.row["id"], {}).items()},
        }
        for answer in ancestry.answers
    ]


def _bought(job: "Run", keys: Sequence[str]) -> dict[str, dict[str, Any]]:
    """By key what the ledger has, as far as it is here and has it."""
    from dataclasses import asdict

    from ..ledger.purchase import purchase
    from .ledger_reading import looked_into

    if not keys or not job.ledger.is_file():
        return {}
    with looked_into(job.ledger) as read:
        found = {key: purchase(read, key) for key in keys if key}
    return {key: asdict(one) for key, one in found.items() if one}
