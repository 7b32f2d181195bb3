"""Scores that cost something: a judge's grades, the fit to the student. Only what the other rules keep is scored."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from ..recipe import FilterSection
from ..recipe.fit import FitSection
from ..recipe.judge import JudgeSection
from ..store.manifest import NOT_COMPUTED
from ..store.rows import conversation
from ..store.run import Run
from ..student.check import kind_of
from .answers import Answers, read_answers
from .earlier import earlier_fits
from .labelling import label_all, with_columns
from .rule import Mask
from .rules.table import PAID, rules_of
from .scored import FIT, JUDGE
from .scores.fit import FitRow, fit_rows, opinion_of, random_slice, student_of, why_not
from .scoring import read_scored

ASKED = frozenset({"sent", "reused", "failed", "limited", "usd", "input_tokens", "output_tokens", "owed", "rejected"})


@dataclass(frozen=True, slots=True)
class Late:
    """What the late scores came to."""

    columns: Mapping[str, pa.Array] = field(default_factory=dict)
    """A value or null for every answer."""
    counts: Mapping[str, Any] = field(default_factory=dict)
    """For the manifest: what was asked of the judge, and what became of it."""


def late_columns(section: FilterSection) -> dict[str, pa.DataType]:
    """The columns that a recipe's late scores write, with their types."""
    return {**(JUDGE if section.judge else {}), **(FIT if section.fit else {})}


def score_late(run: Run, path: Path) -> Late:
    """Judge and fit what the other rules keep.

    Args:
        run: whose answers they are.
        path: the free scores.

    Raises:
        BrokenWorld: the judge cannot be asked, or says nothing usable.
        BudgetReached: the next question to the judge does not fit under the cap.
        BadStudent: the student cannot be loaded.
    """
    section = run.recipe.filter
    # The fit goes first: it costs no money, and what `bounds` drops by it is not judged.
    fit = _fit(run, section.fit, _kept(path, {}, section)) if section.fit else Late()
    if section.judge is None:
        return fit
    judged = _judge(run, section.judge, _kept(path, fit.columns, section))
    return Late({**fit.columns, **judged.columns}, {**fit.counts, **judged.counts})


def _kept(path: Path, columns: Mapping[str, pa.Array], section: FilterSection) -> Mask:
    """What the rules keep that cost nothing."""
    rules = {name: rule for name, rule in rules_of(section).items() if name not in PAID}
    return label_all(with_columns(read_scored(path), columns), rules, section.model_copy(update={"select": None})).kept


def _judge(run: Run, section: JudgeSection, kept: Mask) -> Late:
    from ..graders.judge import OUTCOMES
    from .scores.judge import JudgeRow, judge_rows

    def row_of(answers: Answers, row: int) -> JudgeRow:
        place = int(answers.of[row])
        asked, reference = (answers.prompts.column(name)[place].as_py() for name in ("messages", "reference"))
        return JudgeRow(asked, answers.texts[row].as_py(), reference)

    found = judge_rows(run, section, _each(run, kept, row_of), int(kept.sum()))
    grades = np.full(len(kept), np.nan)
    grades[kept] = found.scores
    outcomes = np.full(len(kept), -1)
    outcomes[kept] = found.codes
    columns = {
        "judge": pa.array(grades, mask=np.isnan(grades)),
        "judge_outcome": pa.array(OUTCOMES).take(pa.array(outcomes, mask=outcomes < 0)),
    }
    # Beside the stage's own counts as well, where whoever adds up requests and money looks for them.
    asked = {name: count for name, count in found.counts.items() if name in ASKED}
    return Late(columns, {"judge": found.counts, **asked})


def _fit(run: Run, section: FitSection, kept: Mask) -> Late:
    if why := why_not(run, section):
        run.screen.line(f"filter: fit is not computed: {why}")
        return Late(counts={"fit": {"not_computed": why}, NOT_COMPUTED: 1})
    places = np.flatnonzero(kept)
    drawn = random_slice(_each(run, kept, _fit_row), section.warm_rows, section.seed)
    opinion = opinion_of(run, section, drawn)
    values = np.full((len(FIT), len(kept)), np.nan)
    values[:, places] = earlier_fits(run, opinion, _each(run, kept, _fit_row), len(places))
    new = kept & np.isnan(values[0])
    if new.any() and kind_of(student_of(run.recipe, section), run.home) == "scratch":
        new = kept  # warmed up once more it may be another one
    if reused := int((kept & ~new).sum()):
        run.screen.line(f"fit: {reused:,} of {len(places):,} rows are known from the last run")
    if new.any():
        fits = fit_rows(run, section, drawn, _each(run, new, _fit_row), int(new.sum()))
        for place, fit in zip(np.flatnonzero(new), fits, strict=True):
            if fit is not None:
                values[:, place] = fit.ratio, fit.surprisal, fit.rank
    columns = {name: pa.array(row, mask=np.isnan(row)) for name, row in zip(FIT, values, strict=True)}
    without = int(np.isnan(values[0][places]).sum())
    return Late(columns, {"fit": {"rows": len(places), "reused": reused, "without": without, "opinion": opinion}})


def _each(run: Run, kept: Mask, row_of: Callable[[Answers, int], Any]) -> Iterator[Any]:
    """One row after another of those that are kept."""
    at = 0
    for answers in read_answers(run.folder):
        for row in map(int, np.flatnonzero(kept[at : at + len(answers)])):
            yield row_of(answers, row)
        at += len(answers)


def _fit_row(answers: Answers, row: int) -> FitRow:
    asked = answers.prompts.column("messages")[int(answers.of[row])].as_py()
    said = conversation(("assistant", answers.texts[row].as_py()))
    return FitRow(answers.rows.column("id")[row].as_py(), asked, said)
