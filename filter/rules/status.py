"""The rule `status`: only whole answers stay. A cut-off answer teaches the student to stop in the middle."""

from pathlib import Path

from ...recipe import FilterSection
from ...store.rows import Sample
from ..rule import KEEP, Rule, Ruling, row_by_row


def make(section: FilterSection, home: Path) -> Rule:
    """Drop every row whose status is not `ok`; the reason is the status."""
    return row_by_row(_look)


def _look(sample: Sample) -> Ruling:
    row = sample.completion
    return KEEP if row.status == "ok" else Ruling(row.status, row.error)
