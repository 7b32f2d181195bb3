"""The funnel: what each rule saw, dropped and could not judge, and what would be kept without it."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .rule import Mask, Rule, Ruling
from .scored import Scored

REASONS_SHOWN = 20
NEVER_LEFT_OUT = "status"
"""What is not a whole answer is never trained on, whatever else is tried."""


@dataclass(slots=True)
class Step:
    """One rule's part of the funnel."""

    rule: str
    seen: int = 0
    """Answers that every rule before it had kept."""
    dropped: int = 0
    unscored: int = 0
    usd: float = 0.0
    """What the dropped answers cost."""
    alone: int = 0
    """Whole answers that it would drop if it were the only rule."""
    shared: Counter[str] = field(default_factory=Counter)
    """Of those, how many each other rule would drop by itself as well."""
    only: int = 0
    """Answers that would be kept without it."""
    instead: int = 0
    """Answers that are kept and would not be without it: of two that are alike the other one would stay."""
    reasons: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, Any]:
        """For the manifest."""
        reasons = dict(self.reasons.most_common(REASONS_SHOWN))
        rest = self.dropped - sum(reasons.values())
        return {
            "rule": self.rule,
            "in": self.seen,
            "dropped": self.dropped,
            "unscored": self.unscored,
            "usd": self.usd,
            "alone": self.alone,
            "shared": dict(self.shared.most_common()),
            "only": self.only,
            "instead": self.instead,
            "reasons": {**reasons, **({"other reasons": rest} if rest else {})},
        }


@dataclass(frozen=True, slots=True)
class Labels:
    """What the rules say of a batch of answers."""

    rule: NDArray[np.uint8]
    """The place, from 1, of the rule that drops each; 0 for a kept one."""
    reasons: Sequence[str]
    """Why; empty for a kept one."""
    kept_without: NDArray[np.uint32]
    """Bit i is set where an answer is kept if rule i, from 0, is left out."""


class Funnel:
    """Rules in their order, and what they did."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self.steps = {name: Step(name) for name in rules}

    def label(self, scored: Scored) -> Labels:
        """Each answer labelled by the first rule that drops it; `scored` holds whole prompts."""
        everyone = np.ones(len(scored), bool)
        fixed = {name: rule.look(scored, everyone) for name, rule in self._rules.items() if not rule.among}
        place, reasons = np.zeros(len(scored), np.uint8), [""] * len(scored)
        kept = everyone
        for number, (name, ruling, still_in) in enumerate(self._one_after_another(scored, fixed), start=1):
            hit = ruling.dropped & still_in
            place[hit] = number
            self._count(self.steps[name], scored, ruling, still_in, hit, reasons)
            kept = still_in & ~hit
        self._compare(scored, fixed)
        without = self._without_each(scored, fixed, kept)
        for bit, step in enumerate(self.steps.values()):
            saved = (without >> np.uint32(bit)) & np.uint32(1) == 1
            step.only += int((saved & ~kept).sum())
            step.instead += int((kept & ~saved).sum())
        return Labels(place, reasons, without)

    def _one_after_another(
        self, scored: Scored, fixed: Mapping[str, Ruling], without: str = ""
    ) -> Iterator[tuple[str, Ruling, Mask]]:
        """Each rule, its ruling, and who was still in when it looked."""
        still_in = np.ones(len(scored), bool)
        for name, rule in self._rules.items():
            if name != without:
                ruling = fixed[name] if name in fixed else rule.look(scored, still_in)
                yield name, ruling, still_in
                still_in = still_in & ~ruling.dropped

    def _count(self, step: Step, scored: Scored, ruling: Ruling, still_in: Mask, hit: Mask, reasons: list[str]) -> None:
        step.seen += int(still_in.sum())
        step.dropped += int(hit.sum())
        step.unscored += int((ruling.unscored & still_in & ~hit).sum())
        step.usd += float(scored.number("_usd")[hit].sum())
        for row in map(int, np.flatnonzero(hit)):
            reason, detail = ruling.why(row)
            step.reasons[reason] += 1
            reasons[row] = f"{reason}: {detail}" if detail else reason

    def _compare(self, scored: Scored, fixed: Mapping[str, Ruling]) -> None:
        """What each rule would drop of the whole answers by itself, and how much of that others would drop as well."""
        whole = ~fixed[NEVER_LEFT_OUT].dropped
        alone: dict[str, Mask] = {}
        for name, rule in self._rules.items():
            ruling = fixed[name] if name in fixed else rule.look(scored, whole)
            alone[name] = ruling.dropped & (whole | (name == NEVER_LEFT_OUT))
        for name, mine in alone.items():
            step, count = self.steps[name], int(mine.sum())
            step.alone += count
            for other, theirs in alone.items() if count else ():
                if other != name and (both := int((mine & theirs).sum())):
                    step.shared[other] += both

    def _without_each(self, scored: Scored, fixed: Mapping[str, Ruling], kept: Mask) -> NDArray[np.uint32]:
        """Who would be kept without each rule, as bits."""
        bits = np.zeros(len(scored), np.uint32)
        for bit, name in enumerate(self._rules):
            left = kept
            if name != NEVER_LEFT_OUT:
                left = np.ones(len(scored), bool)
                for _, ruling, still_in in self._one_after_another(scored, fixed, without=name):
                    left = still_in & ~ruling.dropped
            bits |= left.astype(np.uint32) << np.uint32(bit)
        return bits
