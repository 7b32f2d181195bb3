"""The funnel in one line a rule: what went in, what was dropped, what was kept."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..store.run import Run


def funnel_lines(job: "Run") -> Iterator[str]:
    """The counts of the samples, nothing where there are none."""
    manifest = job.finished("samples")
    if manifest is None:
        return
    counts = manifest.counts
    steps = [step for step in counts["funnel"] if step["dropped"] or step["unscored"]]
    yield f"answers: {counts['rows']:,}"
    for step in steps:
        unjudged = f", {step['unscored']:,} could not be judged" if step["unscored"] else ""
        yield f"  {step['rule']:<10} {-step['dropped']:>8,}{unjudged}"
    yield f"  {'kept':<10} {counts['kept']:>8,}   in {job.folder / 'samples'}"
    for name, rows in counts.get("leaks_kept", {}).items():
        yield f"leaks: {rows:,} kept rows repeat {name} (filter.leak.drop is false)"
    if not counts["kept"]:
        yield "nothing is kept: `potstill filter --ablate` says which rule drops what"
    if "judge" in counts:
        yield _judged(counts["judge"])


def _judged(counts: Mapping[str, Any]) -> str:
    silent = "".join(f", {outcome} {count:,}" for outcome, count in counts["no_verdict"].items())
    return (
        f"judge: {counts['verdicts']:,} verdicts on {counts['rows']:,} answers{silent}; {counts['sent']:,} sent, "
        f"{counts['reused']:,} reused, ${counts['cost_usd']:,.4f} in all"
    )
