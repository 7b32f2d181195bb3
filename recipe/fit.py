"""Student-aware fit: how answers are held against the student that is to learn them."""

from pydantic import Field

from .section import Section


class FitSection(Section):
    """The score `fit`: rank-surprisal ratio (arXiv 2601.14249), lower is better. It needs the packages that training needs."""

    student: str | None = None
    """The model that answers are held against, named as `train.student` is; `train.student` if not given."""

    warm_rows: int = Field(default=4_000, ge=1)
    """Rows, drawn by chance, that a student from scratch is warmed up on; a pretrained one is asked as it is."""

    warm_steps: int = Field(default=60, ge=1)
    """Steps of the warm-up, of 64 rows each: about one pass over 4,000 rows."""

    seed: int = 0
    """Seed of the draw and of the warm-up."""
