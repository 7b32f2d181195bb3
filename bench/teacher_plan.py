"""What `potstill plan --pilot` foretells, held against simulated corpora: bench/plan_coverage.py, as claims."""

from .plan_coverage import claims
from .teacher_claims import Claim, Effort


def measure(effort: Effort) -> list[Claim]:
    """All claims about plans."""
    return claims(effort.quick)
