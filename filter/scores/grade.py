"""The score `grade`: an answer held against the reference of its prompt."""

import pyarrow as pa

from ...graders.table import grader
from ...store.run import Run
from ..answers import Answers
from ..score import Score


def make(run: Run) -> Score | None:
    """From 0 to 1; null without a reference, or where the grader cannot tell; for rules what it saw.

    Raises:
        BadRecipe: the grader's pattern is not a regular expression.
    """
    section = run.recipe.filter.grader
    if section is None:
        return None
    judge = grader(section, "filter.grader")

    def write(answers: Answers) -> list[pa.Array]:
        references = answers.prompts.column("reference").take(pa.array(answers.of)).to_pylist()
        found = [judge(text, given) for text, given in zip(answers.texts.to_pylist(), references, strict=True)]
        scores = pa.array([one.score for one in found], pa.float64())
        return [scores, pa.array([one.reason for one in found], pa.string())]

    return Score({"grade": pa.float64(), "_grade": pa.string()}, write)
