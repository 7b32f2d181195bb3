"""The scores `same_lines`, `top_2gram`, `same_5gram`, …: how much of an answer repeats, as Gopher's filters count it."""

import pyarrow as pa

from ...store.run import Run
from ...texts.statistics import LINES, SAME, TOP, repetitions
from ..answers import Answers
from ..score import Score

_NAMES = LINES + TOP + SAME


def make(run: Run) -> Score | None:
    """Shares of lines, paragraphs and characters that stood in the answer before; only where the recipe asks for one of them."""
    section = run.recipe.filter
    selected = (section.select.by,) if section.select else ()
    if "gopher" in section.rules or {*section.bounds, *selected} & {*_NAMES}:
        return Score(dict.fromkeys(_NAMES, pa.float64()), _write)
    return None


def _write(answers: Answers) -> list[pa.Array]:
    counted = repetitions(answers.texts)
    return [pa.array(counted[name]) for name in _NAMES]
