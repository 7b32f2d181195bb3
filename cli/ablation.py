"""What each rule changes in the kept set: `potstill filter --ablate`."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

import typer

from .output import print_table

if TYPE_CHECKING:
    from ..store.run import Run

COLUMNS = ("without", "kept", "more", "fewer", "alone", "shares with")
EXAMPLES = 2
LETTERS = 100


def print_ablation(job: "Run") -> None:
    """One line for each rule that dropped something: what would be kept if it were left out."""
    manifest = job.finished("samples")
    if manifest is None:
        return
    counts = manifest.counts
    kept = counts["kept"]
    steps = [step for step in counts["funnel"] if step["alone"] and step["rule"] != "status"]
    typer.echo(f"kept by all rules: {kept:,} of {counts['rows']:,} answers")
    if not steps:
        typer.echo("no rule but `status` drops anything: leaving one out changes nothing")
        return
    print_table(COLUMNS, [_line(step, kept) for step in steps])
    typer.echo(
        "more, fewer: rows that come in and go out when the rule is left out; alone: whole answers that it would drop by"
    )
    typer.echo("itself; shares with: how many of those other rules would drop as well.")
    if {"judge", "fit"} & counts.keys():
        typer.echo(
            "Rows that come in are counted unseen by judge and fit, which look only at what the other rules keep."
        )
    for line in _examples(job, {step["rule"] for step in steps}):
        typer.echo(line)


def _line(step: Mapping[str, Any], kept: int) -> tuple[str, ...]:
    shared = ", ".join(f"{rule} {count:,}" for rule, count in list(step["shared"].items())[:3])
    without = kept + step["only"] - step["instead"]
    return (
        step["rule"],
        f"{without:,}",
        f"+{step['only']:,}",
        f"-{step['instead']:,}",
        f"{step['alone']:,}",
        shared or "–",
    )


def _examples(job: "Run", rules: set[str]) -> Iterator[str]:
    """Some dropped rows of each rule, drawn at random."""
    import orjson

    shown = orjson.loads((job.folder / "samples" / "funnel.json").read_bytes())
    for rule, rows in shown.items():
        if rule in rules:
            yield f"\n{rule}: of what it dropped, at random"
            for row in rows[:EXAMPLES]:
                yield f"  {row['reason']}"
                yield f"    asked  {_cut(row['asked'])}"
                yield f"    answer {_cut(row['answer'])}"


def _cut(text: str) -> str:
    line = " ".join(text.split())
    return line if len(line) <= LETTERS else line[: LETTERS - 1] + "…"
