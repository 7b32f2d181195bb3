"""The command `potstill`: assembles the commands, and turns errors into words and exit codes."""

import errno
import sys
from typing import Annotated

import typer

from ..errors import BrokenWorld, PotstillError
from . import check, explain, export, init, ledger, plan, reconcile, run, stages, status, teacher

INTERRUPTED = 130
BROKEN_DISK = {
    errno.ENOSPC: "the disk is full",
    errno.EDQUOT: "your quota on the disk is used up",
    errno.EIO: "the disk fails",
}

app = typer.Typer(
    name="potstill",
    help="Distil a large language model into a small open one through its answers.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from importlib.metadata import version

        typer.echo(f"potstill {version('potstill')}")
        raise typer.Exit


@app.callback()
def _common(
    version: Annotated[
        bool, typer.Option("--version", is_eager=True, callback=_print_version, help="Print the version and exit.")
    ] = False,
) -> None:
    pass


app.command("init")(init.init)
app.command("check")(check.check)
app.command("plan")(plan.plan)
app.command("run")(run.run)
for name, command in stages.COMMANDS.items():
    app.command(name, help=command.__doc__)(command)
app.command("status")(status.status)
app.command("explain")(explain.explain)
app.command("export")(export.export)
app.command("teacher")(teacher.teacher)

of_ledger = typer.Typer(
    help="Look into the ledger of everything that was ever paid for, and settle what it owes.",
    no_args_is_help=True,
    rich_markup_mode=None,
)
of_ledger.command("stats")(ledger.stats)
of_ledger.command("verify")(ledger.verify)
of_ledger.command("export")(ledger.export)
of_ledger.command("reconcile")(reconcile.reconcile)
app.add_typer(of_ledger, name="ledger")


def main() -> None:
    """Run the command line and exit: 0 done, 2 bad input, 3 budget, 4 gate, 5 broken world, 130 interrupted."""
    try:
        app(prog_name="potstill")
    except PotstillError as error:
        typer.echo(f"potstill: {error}", err=True)
        sys.exit(error.exit_code)
    except OSError as error:
        if error.errno not in BROKEN_DISK:
            raise
        where = f" ({error.filename})" if error.filename else ""
        typer.echo(
            f"potstill: {BROKEN_DISK[error.errno]}{where}: make room and run again; what was answered is in the ledger",
            err=True,
        )
        sys.exit(BrokenWorld.exit_code)
    except SystemExit as end:
        if end.code == INTERRUPTED:  # typer's answer to Ctrl-C
            typer.echo(
                "\npotstill: interrupted. Give the same command again to go on: what was answered is kept.", err=True
            )
        raise
