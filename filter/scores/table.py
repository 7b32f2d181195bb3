"""The scores: each writes columns `score_<name>`. To add one: a file beside this and a line here."""

from collections.abc import Mapping

from ..score import MakeScore
from . import (
    agreement,
    grade,
    instructions,
    kind,
    language,
    leak,
    loops,
    near,
    own,
    reasoning,
    refusal,
    repetitions,
    residue,
    scripts,
    shape,
    short,
    statistics,
)

SCORES: Mapping[str, MakeScore] = {
    "statistics": statistics.make,
    "repetitions": repetitions.make,
    "refusal": refusal.make,
    "residue": residue.make,
    "instructions": instructions.make,
    "scripts": scripts.make,
    "reasoning": reasoning.make,
    "loops": loops.make,
    "language": language.make,
    "shape": shape.make,
    "grade": grade.make,
    "leak": leak.make,
    "agreement": agreement.make,
    "near": near.make,
    "short": short.make,
    "own": own.make,
    "kind": kind.make,
}
"""Those that cost nothing; a judge and the fit to the student are in `late.py`."""
