"""Which rows each arm takes: the students the kept ones, each control its draw, `seeds_only` the references."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

from ..errors import BadInput
from ..recipe import TrainSection
from ..store.run import Run
from ..store.tables import count_rows
from ..student.check import kind_of
from ..student.load import Student
from .names import RANDOM, SEEDS_ONLY, UNFILTERED, seed_arms
from .references import prompts_with_reference, reference_rows
from .rows import SELECT, ArmRows, Row, dropped_answers, encode_rows, kept_rows, random_order, unfiltered_order


@dataclass(frozen=True, slots=True)
class Pools:
    """What there is to train on."""

    kept: Sequence[Row]
    dropped: Sequence[Row]
    """The dropped answers that are read: all by the unfiltered control and by the tokenizer of a student from scratch."""
    references: Sequence[Row]
    """Only where `seeds_only` is trained."""
    referenced: int
    """Training prompts that have a reference, whether or not an arm is trained on them."""


@dataclass(frozen=True, slots=True)
class Arm:
    """One student to train."""

    name: str
    seed: int
    rows: ArmRows


def read_pools(run: Run) -> Pools:
    """Read from `samples/` what the arms of this recipe need.

    Raises:
        BadInput: no row was kept.
    """
    section, samples = run.recipe.train, run.folder / "samples"
    kept = kept_rows(samples)
    if not kept:
        raise BadInput(
            f"{samples}: no row was kept, so there is nothing to train on; look at the funnel (`potstill report`, "
            f"report.html) and at the reasons of the {count_rows(samples, 'dropped'):,} dropped rows (dropped-*.parquet)"
        )
    prompts = prompts_with_reference(samples)
    references = reference_rows(samples, prompts) if SEEDS_ONLY in section.controls else []
    return Pools(kept, _dropped(run), references, len(prompts))


def arms_of(run: Run, student: Student, pools: Pools) -> list[Arm]:
    """The arms in the order in which they are trained, the student first; none without rows.

    The controls have the first student's seed: they differ from it by their rows alone.

    Raises:
        BadInput: no kept row fits the student.
    """
    section = run.recipe.train
    encode = partial(encode_rows, student.tokenizer, max_length=longest_row(section, student))
    own = encode(pools.kept)
    if not own.rows:
        raise BadInput(
            f"{run.folder / 'samples'}: none of the {len(pools.kept):,} kept rows fits the student; raise train.max_length"
        )
    arms = [Arm(name, section.seed + place, own) for place, name in enumerate(seed_arms(section.seeds))]
    if "unfiltered" in section.controls:
        drawn = encode(unfiltered_order(pools.kept, pools.dropped), wanted=len(own.rows))
        arms.append(Arm(UNFILTERED, section.seed, drawn))
    if "random" in section.controls and (pool := random_order(pools.kept, pools.dropped)):
        arms.append(Arm(RANDOM, section.seed, encode(pool, wanted=len(own.rows))))
    if SEEDS_ONLY in section.controls:
        rows = encode(pools.references)
        if rows.rows:
            arms.append(Arm(SEEDS_ONLY, section.seed, rows))
        else:
            run.screen.line(f"{SEEDS_ONLY} is not trained: {_why_not(pools)}")
    return arms


def longest_row(section: TrainSection, student: Student) -> int:
    """Tokens of a row at most."""
    return min(section.max_length or student.context, student.context)


def _dropped(run: Run) -> list[Row]:
    section, samples = run.recipe.train, run.folder / "samples"
    # Never by which controls there are for a student from scratch: its tokenizer would change with them.
    if "unfiltered" in section.controls or kind_of(section.student, run.home) == "scratch":
        return dropped_answers(samples)
    return dropped_answers(samples, SELECT) if "random" in section.controls else []


def _why_not(pools: Pools) -> str:
    if not pools.references:
        return "no training prompt has a reference; name their column in prompts.columns.reference"
    return f"none of the {len(pools.references):,} references fits the student; raise train.max_length"
