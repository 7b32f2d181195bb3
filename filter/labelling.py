"""The second pass: the rules look at the scores, and what they keep is selected from."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ..errors import BrokenWorld
from ..recipe import FilterSection, SelectSection
from ..store.rows import SELECT
from .funnel import Funnel, Step
from .rule import Mask, Rule
from .scored import Scored
from .selection import select


@dataclass(frozen=True, slots=True)
class Labelled:
    """What became of every answer; some 20 bytes for each."""

    names: Sequence[str]
    """The rules in their order, `select` at the end where something was selected."""
    rule: NDArray[np.uint8]
    """The place, from 1, of the rule that drops each; 0 for a kept one; shape (answers,)."""
    reasons: pa.ChunkedArray
    """Why; empty for a kept one; shape (answers,)."""
    steps: Sequence[Step]

    @property
    def kept(self) -> Mask:
        """Whom every rule let pass; shape (answers,)."""
        return self.rule == 0


def label_all(batches: Iterable[Scored], rules: Mapping[str, Rule], section: FilterSection) -> Labelled:
    """Label every answer.

    Raises:
        BrokenWorld: there is no score at all to select by.
    """
    funnel, ranked = Funnel(rules), []
    places, reasons, without = [], [], []
    for scored in batches:
        labels = funnel.label(scored)
        places.append(labels.rule)
        reasons.append(pa.array(labels.reasons, pa.string()))
        without.append(labels.kept_without)
        if section.select is not None:
            ranked.append(_ranking(scored, section.select))
    labelled = Labelled(
        names=list(rules),
        rule=np.concatenate([np.empty(0, np.uint8), *places]),
        reasons=pa.chunked_array(reasons, pa.string()),
        steps=list(funnel.steps.values()),
    )
    if section.select is None:
        return labelled
    kept_without = np.concatenate([np.empty(0, np.uint32), *without])
    return _selected(labelled, kept_without, _together(ranked), section.select)


@dataclass(frozen=True, slots=True)
class _Ranking:
    """What selection goes by."""

    values: NDArray[np.float64]
    """(answers,) the score, NaN where there is none."""
    usd: NDArray[np.float64]
    """(answers,) what each cost."""
    kinds: pa.Array
    """(answers,) the kind of each, for the quota; null where it is not known, and where there is no quota."""

    def numbered(self) -> NDArray[np.int64]:
        """(answers,) a number for each kind; a row of which the kind is not known is of a kind of its own."""
        codes = self.kinds.dictionary_encode().indices
        own = len(codes) + np.arange(len(codes))
        return np.where(np.asarray(codes.is_null()), own, np.asarray(codes.fill_null(0), dtype=np.int64))


def _ranking(scored: Scored, section: SelectSection) -> _Ranking:
    kinds = pa.nulls(len(scored), pa.string())
    if section.quota is not None:
        column = f"_kind_{section.quota.by}"
        kinds = scored.column(column if scored.has(column) else section.quota.by, pa.string()).cast(pa.string())
    return _Ranking(scored.number(section.by), scored.number("_usd"), kinds)


def _together(parts: Sequence[_Ranking]) -> _Ranking:
    return _Ranking(
        np.concatenate([np.empty(0), *(part.values for part in parts)]),
        np.concatenate([np.empty(0), *(part.usd for part in parts)]),
        pa.concat_arrays([pa.array([], pa.string()), *(part.kinds for part in parts)]),
    )


def _selected(
    labelled: Labelled, kept_without: NDArray[np.uint32], ranking: _Ranking, section: SelectSection
) -> Labelled:
    """The selection as one more rule; what the others change is seen behind it."""
    pool, values, kinds = labelled.kept, ranking.values, ranking.numbered()
    if pool.any() and np.isnan(values[pool]).all():
        raise BrokenWorld(
            f"filter.select.by: the score {section.by!r} was computed for none of the {int(pool.sum()):,} rows that "
            "the rules keep, so there is no telling which are best; mend what keeps it from being computed (said above), or "
            "take `select` out of the recipe"
        )
    taken = select(pool, values, kinds, section)
    for bit, earlier in enumerate(labelled.steps):
        left = select((kept_without >> np.uint32(bit)) & np.uint32(1) == 1, values, kinds, section)
        earlier.only, earlier.instead = int((left & ~taken).sum()), int((taken & ~left).sum())
    out, reason = pool & ~taken, _why(section)
    dropped = int(out.sum())
    step = Step(SELECT, seen=int(pool.sum()), dropped=dropped, unscored=int((np.isnan(values) & taken).sum()))
    step.usd, step.only, step.alone = float(ranking.usd[out].sum()), dropped, dropped
    if dropped:
        step.reasons[reason] = dropped
    rule = labelled.rule.copy()
    rule[out] = len(labelled.names) + 1
    return Labelled(
        names=[*labelled.names, SELECT],
        rule=rule,
        reasons=_with_reasons(labelled.reasons, out, values, reason),
        steps=[*labelled.steps, step],
    )


def _why(section: SelectSection) -> str:
    best = f"not among the {section.best} by {section.by}"
    quota = f"of its {section.quota.by}" if section.quota else ""
    return best if not quota else f"{best} {quota}" if section.top is None else f"{best}, or {quota}"


def _with_reasons(reasons: pa.ChunkedArray, out: Mask, values: NDArray[np.float64], reason: str) -> pa.ChunkedArray:
    chunks, at = [], 0
    for chunk in reasons.chunks:
        told = chunk.to_pylist()
        for row in np.flatnonzero(out[at : at + len(told)]):
            told[row] = f"{reason}: {values[at + row]:.4g}"
        chunks.append(pa.array(told, pa.string()))
        at += len(told)
    return pa.chunked_array(chunks, pa.string())


def with_columns(batches: Iterable[Scored], columns: Mapping[str, pa.Array]) -> Iterator[Scored]:
    """The batches with further columns, given for all rows at once."""
    at = 0
    for scored in batches:
        batch = scored.batch
        for name, values in columns.items():
            batch = batch.append_column(name, values.slice(at, len(scored)))
        at += len(scored)
        yield Scored(batch) if columns else scored
