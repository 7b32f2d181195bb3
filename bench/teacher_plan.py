"""What `potstill plan --pilot` foretells: over simulated lengths, and with pilots that are really asked."""

from . import plan_coverage, plan_pilots
from .claims import Claim, Effort


def measure(effort: Effort) -> list[Claim]:
    """All claims about plans."""
    return [*plan_coverage.claims(effort.quick), *plan_pilots.claims(effort.quick)]
