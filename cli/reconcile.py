"""`potstill ledger reconcile`: settle what is charged at its worst, from what the provider says it billed."""

import sys
from collections.abc import Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, Annotated, Any

import typer

from .ledger import At, OfRecipe, OfRun, existing_ledger
from .options import DEFAULT_RECIPE, AsJson
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..ledger.reconciliation import Owed

MOST_USD = 1e9


def reconcile(
    recipe: OfRecipe = DEFAULT_RECIPE,
    ledger: At = None,
    run: OfRun = None,
    teacher: Annotated[
        str | None, typer.Option("--teacher", metavar="NAME", help="Only this teacher, as `ledger stats` names it.")
    ] = None,
    billed: Annotated[
        float | None,
        typer.Option(
            "--billed",
            min=0,
            max=MOST_USD,
            metavar="USD",
            help="The whole bill of these requests, settled ones included.",
        ),
    ] = None,
    as_nothing: Annotated[
        bool, typer.Option("--as-nothing", help="The provider billed none of the unsettled requests.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    json: AsJson = False,
) -> None:
    """Settle requests that ended without a usage, which are charged at their worst. Without a bill: show them."""
    from ..errors import BadInput
    from ..ledger.ledger import Ledger
    from ..ledger.reconciliation import Which, owed, part_billed, shares
    from ..ledger.reconciliation import reconcile as settle
    from .ledger_reading import in_words

    if billed is not None and as_nothing:
        raise BadInput("--billed and --as-nothing say two things: give one of them")
    path, which = existing_ledger(recipe, ledger), Which(run, teacher)
    with in_words(path), Ledger(path) as opened:
        found = owed(opened.reader, which)
        if not found and (run or teacher):
            raise BadInput(
                f"{path}: there is no request{_of(run, teacher)}; `potstill ledger stats` names what there is"
            )
        part = Fraction(0) if as_nothing else Fraction(1) if billed is None else part_billed(found, billed)
        after = shares(found, part)
        owing = any(one.attempts for one in found)
        to_do = owing and (as_nothing or billed is not None)
        if not json:
            _show(found, after)
        if to_do:
            _confirm(yes=yes)
            with opened.transaction() as write:
                settle(write, which, found, part)
    if json:
        print_json({"ledger": str(path), "reconciled": to_do, "runs": _facts(found, after)})
    else:
        _conclude(owing=owing, done=to_do)


def _of(run: str | None, teacher: str | None) -> str:
    return (f" of run {run!r}" if run else "") + (f" to teacher {teacher!r}" if teacher else "")


def _facts(found: "Sequence[Owed]", after: Sequence[int]) -> list[dict[str, Any]]:
    from ..ledger.funds import NANO

    return [
        {
            "run": one.run,
            "attempts": one.attempts,
            "open": one.open,
            "settled_usd": one.settled_nanousd / NANO,
            "before_usd": one.nanousd / NANO,
            "after_usd": share / NANO,
        }
        for one, share in zip(found, after, strict=True)
    ]


def _show(found: "Sequence[Owed]", after: Sequence[int]) -> None:
    rows = [
        [
            fact["run"],
            *(f"{fact[name]:,}" for name in ("open", "attempts")),
            *(f"{fact[name]:,.6f}" for name in ("settled_usd", "before_usd", "after_usd")),
        ]
        for fact in _facts(found, after)
    ]
    print_table(["run", "in flight", "unsettled", "$ settled", "$ unsettled now", "$ after"], rows)


def _confirm(*, yes: bool) -> None:
    from ..errors import BadInput

    if yes:
        return
    if not sys.stdin.isatty():
        raise BadInput("nothing was changed: give --yes, there is no terminal to ask")
    typer.confirm("settle these requests so?", abort=True, err=True)


def _conclude(*, owing: bool, done: bool) -> None:
    if done:
        typer.echo("settled; the budget counts it so from now on")
    elif owing:
        typer.echo(
            "unsettled requests are charged at their worst. If the provider billed none of them: --as-nothing. "
            "If you know its bill for all requests of these runs: --billed USD"
        )
    else:
        typer.echo("nothing to reconcile")
