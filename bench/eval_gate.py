"""How often the gate lets a student through that it should not.

Each simulated student keeps exactly the share of the teacher's score that the bar asks for: a hair less and it must not
pass. The gate passes it where the lower end of `retained` reaches the bar, 2.5% of the time if the intervals are what they say.
"""

import numpy as np

from .claims import Claim, Effort, at_most, print_table
from .eval_alike import of_families, of_seeds
from .eval_grid import families, graded, independent, seeded
from .eval_worlds import simulated


def measure(effort: Effort) -> list[Claim]:
    """The claims, after the tables they rest on."""
    return _false_passes(effort)


def _false_passes(effort: Effort) -> list[Claim]:
    """Over all worlds of the coverage bench, the bar being what the student truly keeps."""
    (plain, often), (with_grades, as_often), (alike, less), (trained, least) = (
        independent(effort),
        graded(effort),
        families(effort),
        seeded(effort),
    )
    found = {
        "right and wrong": [simulated(world, often)["retained"].passed for world in plain],
        "five grades": [simulated(world, as_often)["retained"].passed for world in with_grades],
        "items in families": [of_families(world, less)["retained"].passed for world in alike],
        "several seeds": [of_seeds(world, least)[0].passed for world in trained],
    }
    rows = [(kind, len(shares), float(np.mean(shares)), max(shares)) for kind, shares in found.items()]
    print_table("A student on the bar passes:", ("answers", "worlds", "mean", "worst world"), rows)
    shares = [share for each in found.values() for share in each]
    return [
        at_most("gate_false_pass", max(shares), 0.05),
        at_most("gate_false_pass_mean", float(np.mean(shares)), 0.025),
    ]
