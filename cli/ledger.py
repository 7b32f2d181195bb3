"""`potstill ledger stats | verify | export`: look into the ledger; `reconcile` has a file of its own."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from .ledger_reading import looked_into
from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, open_run
from .output import print_json, print_table

if TYPE_CHECKING:
    from ..ledger.stats import Line
    from ..ledger.verification import Finding

OfRecipe = Annotated[Path, typer.Option("--recipe", metavar="RECIPE", help="The ledger of this recipe's project.")]
At = Annotated[
    Path | None, typer.Option("--ledger", metavar="FILE", help="A ledger that lies elsewhere; no recipe is read.")
]
OfRun = Annotated[str | None, typer.Option("--run", metavar="NAME", help="Only this run; all if not given.")]


def existing_ledger(recipe: Path, ledger: Path | None) -> Path:
    """The ledger that is meant; none is made.

    Raises:
        BadInput: there is none.
    """
    from ..errors import BadInput

    path = (ledger or open_run(recipe, None, DEFAULT_RUNS, quiet=True).ledger).resolve()
    if not path.is_file():
        raise BadInput(f"{path}: there is no ledger: nothing was bought yet, or it lies elsewhere (--ledger FILE)")
    return path


def stats(recipe: OfRecipe = DEFAULT_RECIPE, ledger: At = None, json: AsJson = False) -> None:
    """What the ledger holds, and what every run, stage and teacher came to."""
    from dataclasses import asdict

    from ..ledger.stats import stats as count

    path = existing_ledger(recipe, ledger)
    with looked_into(path) as read:
        found = count(path, read)
    if json:
        print_json({"ledger": str(path), **asdict(found)})
        return
    typer.echo(f"ledger: {path} ({found.bytes / 1e6:,.1f} MB)")
    typer.echo(f"replies: {found.replies:,}, {found.shared:,} of them fill several draws")
    typer.echo(f"draws: {found.draws:,}; rejected for good: {found.rejections:,}; open attempts: {found.open:,}")
    if found.unused:
        typer.echo(f"replies that fill no draw, bought by two at once: {found.unused:,} (${found.unused_usd:,.4f})")
    if found.lines:
        typer.echo("")
        print_table(_COLUMNS, list(map(_row, found.lines)))
    if any(line.unsettled > line.open for line in found.lines):
        typer.echo("\nunsettled: charged at the worst case; `potstill ledger reconcile` sets it right from a bill")


_COLUMNS = [
    "run / stage / teacher",
    "sent",
    "ok",
    "open",
    "failed",
    "tokens in",
    "out",
    "$",
    "$ unsettled",
    "failed by",
]


def _row(line: "Line") -> list[str]:
    failed = sum(line.failed.values())
    return [
        f"{line.run} / {line.stage} / {line.teacher}",
        *(f"{number:,}" for number in (line.sent, line.ok, line.open, failed, line.input_tokens, line.output_tokens)),
        f"{line.usd:,.4f}",
        f"{line.unsettled_usd:,.4f}",
        ", ".join(f"{outcome} {count:,}" for outcome, count in line.failed.items()),
    ]


def verify(recipe: OfRecipe = DEFAULT_RECIPE, ledger: At = None, json: AsJson = False) -> None:
    """Look through the whole ledger for damage, changing nothing; ends with exit code 5 if there is any."""
    from dataclasses import asdict

    from ..errors import BrokenWorld
    from ..ledger.verification import reading, rows, verify
    from .screen import screen_for_this_terminal

    path = existing_ledger(recipe, ledger)
    screen = screen_for_this_terminal(quiet=json)
    with reading(path) as read, screen.track("verify", rows(read, "replies"), "replies") as track:
        found = verify(read, track)
    well = not found.findings
    if json:
        print_json({"ledger": str(path), "ok": well, **asdict(found)})
    else:
        for finding in found.findings:
            _tell(finding)
        counted = ", ".join(f"{name} {count:,}" for name, count in found.counts.items())
        typer.echo(f"{path}: {'well' if well else 'DAMAGED'} ({counted})")
    if not well:
        raise typer.Exit(BrokenWorld.exit_code)


def _tell(finding: "Finding") -> None:
    typer.echo(f"{finding.count:,} × {finding.says}")
    for where in finding.where:
        typer.echo(f"    {where}")
    if finding.count > len(finding.where):
        typer.echo(f"    and {finding.count - len(finding.where):,} more")
    typer.echo(f"  what to do: {finding.do}")


def export(
    recipe: OfRecipe = DEFAULT_RECIPE,
    ledger: At = None,
    run: OfRun = None,
    logprobs: Annotated[
        bool, typer.Option("--logprobs", help="Put the log-probabilities back into the bodies.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="FILE", help="Where to write; standard output if not given.")
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="With --out, say in one JSON object what was written.")] = False,
) -> None:
    """Write every draw as a JSON line: its key, who bought it when and for how much, and the reply."""
    from ..ledger.exporting import Selection, lines, select
    from .screen import screen_for_this_terminal
    from .writing import write_lines

    path = existing_ledger(recipe, ledger)
    selection = Selection(run, logprobs)
    with looked_into(path) as read:
        draws = select(read, selection)
        write_lines(out, lines(read, selection))
    if out is not None and json:
        print_json({"ledger": str(path), "out": str(out), "draws": draws})
    elif out is not None:
        screen_for_this_terminal().line(f"{draws:,} draws in {out}")
