"""From the prompts to the rows that were kept, as the stages' own files tell it."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .facts import Example, Harvest, LeakedFile, Leaks, Step
from .values import read_json, tally

PROMPTS = ("rows", "merged", "near", "train", "heldout")
EXAMPLES = 2
"""Dropped rows of each rule that are shown."""


def read_harvest(counts: Mapping[str, Mapping[str, Any]], samples: Path) -> Harvest:
    """The harvest of a run.

    Args:
        counts: those of the finished stages, by folder.
        samples: the folder that the filter writes.
    """
    read, asked, sifted = (counts.get(stage) for stage in ("prompts", "completions", "samples"))
    harvest = Harvest(
        prompts={name: read[name] for name in PROMPTS} if read else {},
        answers=asked["rows"] if asked else None,
        statuses=tally(asked["status"]) if asked else (),
    )
    return harvest if sifted is None else _sifted(harvest, sifted, samples)


def _sifted(harvest: Harvest, counts: Mapping[str, Any], samples: Path) -> Harvest:
    shown = read_json(samples / "funnel.json")
    acted = [step for step in counts["funnel"] if step["dropped"] or step["unscored"]]
    return Harvest(
        prompts=harvest.prompts,
        answers=harvest.answers,
        statuses=harvest.statuses,
        filtered=True,
        funnel=tuple(_step(step, shown.get(step["rule"], ())) for step in acted),
        let_all_pass=tuple(step["rule"] for step in counts["funnel"] if step not in acted),
        kept=counts["kept"],
        late=bool({"judge", "fit"} & counts.keys()),
        leaks=_leaks(read_json(samples / "leaks.json")),
    )


def _step(values: Mapping[str, Any], shown: Any) -> Step:
    return Step(
        rule=values["rule"],
        rows_in=values["in"],
        dropped=values["dropped"],
        unscored=values["unscored"],
        reasons=tally(values["reasons"]),
        usd=values["usd"],
        only=values["only"],
        shared=tally(values["shared"]),
        examples=tuple(Example(row["reason"], row["asked"], row["answer"]) for row in shown[:EXAMPLES]),
    )


def _leaks(told: Mapping[str, Any]) -> Leaks:
    files = tuple(
        LeakedFile(
            name, file["texts"], sum(file["dropped"].values()), file["kept_for_other_numbers"], file["trained_on"]
        )
        for name, file in told["files"].items()
    )
    return Leaks(files, tuple(told["blind_spots"]))
