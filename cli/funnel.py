"""The funnel in one line a rule: what went in, what was dropped, what was kept."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

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
