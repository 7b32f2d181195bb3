"""`potstill plan`: what a run will cost, how long it takes and what its held-out set can tell, before anything is paid."""

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..planning.extrapolate import LEAST
from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, Overrides, RecipePath, RunsFolder, open_run
from .output import print_json

if TYPE_CHECKING:
    from ..planning.facts import Outlook
    from ..planning.pilot import Pilot

PilotSize = Annotated[
    int | None,
    typer.Option(
        "--pilot",
        metavar="N",
        min=LEAST,
        help="Ask N training prompts (20 to 50) and tell from their answers; this spends, and the run buys none again.",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", help="Spend what the pilot costs at most without being asked.")]


def plan(
    recipe: RecipePath = DEFAULT_RECIPE,
    set_: Overrides = None,
    runs: RunsFolder = DEFAULT_RUNS,
    pilot: PilotSize = None,
    yes: Yes = False,
    json: AsJson = False,
) -> None:
    """What a run will cost, low, likely and high, and what its held-out set can tell. Asks nobody unless --pilot is given.

    Kept as runs/<name>/plan.json, until the run buys by it.
    """
    from ..planning.facts import facts, look, recalled
    from .plan_words import lines

    job = open_run(recipe, set_, runs, quiet=json)
    outlook = look(job)
    if pilot is None:
        asked = recalled(outlook)
    else:
        asked = _ask(outlook, pilot, yes=yes)
        outlook = look(job)  # the pilot is bought now
    found = facts(outlook, asked)
    _keep(outlook, found)
    if json:
        print_json(found)
        return
    for line in lines(found, _command(recipe, set_, runs)):
        typer.echo(line)


def _keep(outlook: "Outlook", found: dict[str, Any]) -> None:
    """Keep the plan beside what will be made by it; a folder that cannot be written is no reason not to say it."""
    from ..planning.keeping import FILE, keep

    try:
        keep(outlook, found)
    except (PermissionError, FileExistsError, NotADirectoryError) as error:
        typer.echo(f"{outlook.run.folder / FILE}: the plan is not kept ({error.strerror})", err=True)


def _command(recipe: Path, set_: Sequence[str] | None, runs: Path) -> str:
    """What was typed, without what concerns a pilot."""
    words = ["potstill", "plan"] + ([str(recipe)] if recipe != DEFAULT_RECIPE else [])
    words += [word for override in set_ or () for word in ("--set", override)]
    words += ["--runs", str(runs)] if runs != DEFAULT_RUNS else []
    return shlex.join(words)


def _ask(outlook: "Outlook", count: int, *, yes: bool) -> "Pilot":
    """Ask the pilot's prompts, once everything holds and its price is agreed to."""
    from ..pipeline import stage_named
    from ..planning.pilot import ask_pilot, chosen

    prompts = chosen(outlook.train, count)
    _enough(len(prompts))
    for command in ("generate", "filter"):
        stage_named(command).preflight(outlook.run)
    _agree(outlook, [prompt.id for prompt in prompts], yes=yes)
    return ask_pilot(outlook.run, prompts)


def _enough(prompts: int) -> None:
    from ..errors import BadInput

    if prompts < LEAST:
        raise BadInput(
            f"there are {prompts} training prompts, too few for a pilot ({LEAST} at least); leave --pilot out"
        )


def _agree(outlook: "Outlook", chosen: list[str], *, yes: bool) -> None:
    """Have the pilot's price agreed to, unless it has none.

    Raises:
        BadInput: nobody said yes; nothing was sent.
    """
    from ..errors import BadInput
    from .plan_words import money_at_most

    most = outlook.pilot_at_most(set(chosen))
    if outlook.tariff.is_free or not most.usd:
        return
    told = (
        f"the pilot asks {len(chosen)} prompts for at most ${money_at_most(most.usd)} "
        f"({outlook.caps.worst}; requests that get lost on the way come on top)"
    )
    if not yes and sys.stdin.isatty():
        yes = typer.confirm(f"{told}. Spend it?", err=True)
    if not yes:
        raise BadInput(f"{told}; nothing was sent. Agree with --yes, or leave --pilot out and pay nothing")
