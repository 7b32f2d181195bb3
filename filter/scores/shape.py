"""The score `shape`: whether an answer has one of the shapes that the recipe allows."""

import pyarrow as pa

from ...graders.shape import compile_shapes
from ...store.run import Run
from ..answers import Answers
from ..score import Score


def make(run: Run) -> Score | None:
    """1 for an answer that has a shape, 0 for one that has none, and for rules what is wrong with it.

    Raises:
        BadRecipe: a pattern or a schema that is none.
    """
    shapes = run.recipe.filter.format
    if not shapes:
        return None
    misfit = compile_shapes(shapes, run.home)

    def write(answers: Answers) -> list[pa.Array]:
        seen = [misfit(text.strip()) for text in answers.texts.to_pylist()]
        return [pa.array([float(one is None) for one in seen]), pa.array(seen, pa.string())]

    return Score({"shape": pa.float64(), "_misfit": pa.string()}, write)
