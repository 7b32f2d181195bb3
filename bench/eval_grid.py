"""The worlds in which the bench simulates evaluations, and how many in each."""

from itertools import product

from .claims import Effort
from .eval_alike import EQUAL, UNEQUAL, Alike, Seeded
from .eval_worlds import FIVE_GRADES, World

RETAIN = 0.95
TEACHERS = (0.5, 0.8, 0.9, 0.95, 0.99, 0.995)
ITEMS = (50, 100, 200, 500, 1000)
CORRELATIONS = (0.0, 0.3, 0.6, 0.9)


def independent(effort: Effort) -> tuple[list[World], int]:
    """Items of their own, right or wrong; the student keeps 95% or all of the teacher's score."""
    items, correlations = (ITEMS[:2], CORRELATIONS[1:2]) if effort.quick else (ITEMS, CORRELATIONS)
    kept = (RETAIN, 1.0)
    return [World(*each) for each in product(items, TEACHERS, kept, correlations)], 1_000 if effort.quick else 10_000


def graded(effort: Effort) -> tuple[list[World], int]:
    """Five grades."""
    grid = product((50,) if effort.quick else (50, 200, 1000), (0.5, 0.8, 0.95, 0.99), (RETAIN, 1.0), (0.3, 0.9))
    return [World(*each, FIVE_GRADES) for each in grid], 500 if effort.quick else 10_000


def families(effort: Effort) -> tuple[list[Alike], int]:
    """Families of five, and of 1, 2, 4, 8 and 10, right or wrong; and of five with grades."""
    if effort.quick:
        return [Alike(World(50, 0.9, RETAIN, 0.3), sizes, 0.3) for sizes in (EQUAL, UNEQUAL)], 100
    found = [
        Alike(World(items, teacher, RETAIN, 0.3), sizes, likeness)
        for items, teacher, sizes, likeness in product(
            (50, 200, 1000), (0.8, 0.95, 0.99), (EQUAL, UNEQUAL), (0.0, 0.3, 0.8)
        )
    ]
    with_grades = [
        Alike(World(items, teacher, RETAIN, 0.3, FIVE_GRADES), EQUAL, 0.3)
        for items, teacher in product((50, 200), (0.8, 0.95))
    ]
    return found + with_grades, 2_000


def seeded(effort: Effort) -> tuple[list[Seeded], int]:
    """Two, three and five seeds that do not differ, differ a little, differ much."""
    if effort.quick:
        return [Seeded(World(50, 0.9, RETAIN, 0.6), 3, spread) for spread in (0.0, 0.3)], 30
    few, many = (
        product((50,), (0.8, 0.95), (3,), (0.0, 0.05, 0.3)),
        product((200,), (0.8, 0.95), (2, 3, 5), (0.0, 0.05, 0.3)),
    )
    return [
        Seeded(World(items, teacher, RETAIN, 0.6), seeds, spread) for items, teacher, seeds, spread in (*few, *many)
    ], 1_000
