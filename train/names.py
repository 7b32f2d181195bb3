"""The names of the arms, and where each lies below `student/`. Evaluation knows the same names and finds the folders by them."""

from collections.abc import Mapping

from ..recipe import TrainSection

STUDENT, UNFILTERED, RANDOM, SEEDS_ONLY = "student", "control_unfiltered", "control_random", "seeds_only"

CONTROLS: Mapping[str, str] = {"unfiltered": UNFILTERED, "random": RANDOM, "seeds_only": SEEDS_ONLY}
"""The arm behind each of `train.controls`, in the order in which they are trained."""

RECORD = "training.json"
"""Beside each model: how it was trained. The stage's own file of this name holds them all."""

BASE = "base"
"""The folder of what all of them were before training."""


def seed_arms(seeds: int) -> list[str]:
    """`student`, `student_2`, …: the students that differ by their seeds alone."""
    return [STUDENT, *(f"{STUDENT}_{number}" for number in range(2, seeds + 1))]


def wanted_arms(section: TrainSection) -> list[str]:
    """Every arm that a recipe asks for, whether or not there are rows for it."""
    return [*seed_arms(section.seeds), *(arm for name, arm in CONTROLS.items() if name in section.controls)]


def folder_of(arm: str) -> str:
    """The folder of an arm below `student/`."""
    return "model" if arm == STUDENT else arm
