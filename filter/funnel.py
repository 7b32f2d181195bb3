"""The funnel: what each rule saw, dropped and could not judge, and why."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from ..store.rows import Sample
from .rule import Rule

REASONS_SHOWN = 20


@dataclass(slots=True)
class Step:
    """One rule's part of the funnel."""

    rule: str
    seen: int = 0
    dropped: int = 0
    unscored: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def counts(self) -> dict[str, Any]:
        """For the manifest."""
        reasons = dict(self.reasons.most_common(REASONS_SHOWN))
        rest = self.dropped - sum(reasons.values())
        shown = {**reasons, **({"other reasons": rest} if rest else {})}
        return {
            "rule": self.rule,
            "in": self.seen,
            "dropped": self.dropped,
            "unscored": self.unscored,
            "reasons": shown,
        }


class Funnel:
    """Rules in their order, and what they did."""

    def __init__(self, rules: Mapping[str, Rule]) -> None:
        self._rules = rules
        self.steps = {name: Step(name) for name in rules}

    def label(self, group: Sequence[Sample]) -> list[Sample]:
        """The answers of one prompt, each labelled by the first rule that drops it."""
        labelled = {sample.completion.id: sample for sample in group}
        for name, rule in self._rules.items():
            still_in = [sample for sample in labelled.values() if sample.kept]
            for sample in self._apply(self.steps[name], rule, still_in):
                labelled[sample.completion.id] = sample
        return list(labelled.values())

    def _apply(self, step: Step, rule: Rule, group: Sequence[Sample]) -> Iterable[Sample]:
        step.seen += len(group)
        for sample, ruling in zip(group, rule(group) if group else [], strict=True):
            step.unscored += ruling.unscored
            if ruling.reason:
                step.dropped += 1
                step.reasons[ruling.reason] += 1
                reason = f"{ruling.reason}: {ruling.detail}" if ruling.detail else ruling.reason
                yield replace(sample, rule=step.rule, reason=reason)
