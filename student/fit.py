"""How well answers fit a student that has not learnt them yet: the rank-surprisal ratio (arXiv 2601.14249).

Over the tokens of an answer, its end of turn included: Σ min(rank, 100) ÷ Σ surprisal, where the rank of a token is one more
than the number of tokens that the student held more likely, and its surprisal is −ln of its probability. Lower is better: the
student finds such an answer surprising, and would still have nearly said it.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any

from ..errors import BadStudent
from ..store.rows import Message
from .encode import Conversation, Encoded, encode_all
from .load import Student
from .template import control_texts, turn_end

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

WORST_RANK = 100
"""Ranks beyond it count as it, as in the paper: far down the list they are noise."""

LEAST_SURPRISAL = 1e-7
"""Nats of a token at least: 32-bit numbers do not tell less from none, and an answer known by heart still has a ratio."""

LOOK_AHEAD = 512
"""Rows among which those of like length share a batch."""

LOGITS_AT_ONCE = 2**26
"""Logits that are looked at together: 256 MiB as 32-bit numbers, whatever the vocabulary."""

TOO_LONG, FORGED, NOT_RENDERED = (
    "longer than the student's context", "holds a control token", "the student's chat template does not take it"
)  # fmt: skip
"""Why a row has no fit."""


@dataclass(frozen=True, slots=True)
class Fit:
    """What a student makes of one answer."""

    ratio: float
    """Rank over surprisal; the lower, the better it fits."""
    surprisal: float
    """Mean over its tokens, in nats."""
    rank: float
    """Mean over its tokens, each at most 100."""
    tokens: int
    """Of the answer, its end of turn included."""


def fit_all(
    student: Student,
    rows: Iterable[Conversation],
    *,
    tokens_at_once: int,
    on_done: Callable[[int], None] = lambda count: None,
    on_left_out: Callable[[str], None] = lambda why: None,
) -> Iterator[Fit | None]:
    """The fit of each conversation's answer, in the order of the rows, which are read 512 ahead.

    Runs on the GPU where there is one. None for a row that cannot be judged: one that is longer than the student's context,
    that holds one of its control tokens (training leaves both out), or that its template does not take.

    Args:
        student: as it is before it learns them.
        rows: prompts and completions.
        tokens_at_once: tokens of a forward pass, padding included; a longer row goes alone.
        on_done: told after each pass how many rows are done.
        on_left_out: told why, for each row without a fit.

    Raises:
        BadStudent: its template ends no answer at all.
    """
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    student.model.to(device).eval()  # pyright: ignore[reportArgumentType]: torch hides the overload behind a decorator
    turn_end(student.tokenizer)
    see = _Sight(student.model)
    read = iter(rows)
    while ahead := list(islice(read, LOOK_AHEAD)):
        encoded = readable(student, ahead, on_left_out)
        fits: dict[int, Fit] = {}
        on_done(len(ahead) - len(encoded))
        for batch in _batches(encoded, see.room(tokens_at_once)):
            fits |= zip(batch, see.fits([encoded[place] for place in batch]), strict=True)
            on_done(len(batch))
        yield from map(fits.get, range(len(ahead)))


def readable(
    student: Student, rows: Sequence[Conversation], on_left_out: Callable[[str], None] = lambda why: None
) -> dict[int, Encoded]:
    """The rows that the student can judge, encoded, by their places; it is said of each other one why not."""
    forged = re.compile("|".join(map(re.escape, control_texts(student.tokenizer))))
    clean = {
        place: row for place, row in enumerate(rows) if not any(forged.search(turn["content"]) for turn in _turns(row))
    }
    whole = _rendered(student, clean)
    short = {place: one for place, one in whole.items() if len(one.input_ids) <= student.context}
    left = {FORGED: len(rows) - len(clean), NOT_RENDERED: len(clean) - len(whole), TOO_LONG: len(whole) - len(short)}
    for why, count in left.items():
        for _ in range(count):
            on_left_out(why)
    return short


def _turns(row: Conversation) -> list[Message]:
    return [*row[0], *row[1]]


def _rendered(student: Student, rows: Mapping[int, Conversation]) -> dict[int, Encoded]:
    """All in one go, or one by one where the template does not take them all."""
    try:
        return dict(zip(rows, encode_all(student.tokenizer, list(rows.values())), strict=True))
    except BadStudent:
        if len(rows) == 1:
            return {}
        return {place: one for at in rows for place, one in _rendered(student, {at: rows[at]}).items()}


def _batches(rows: Mapping[int, Encoded], tokens: int) -> Iterator[list[int]]:
    """Rows of like length by their places, longest first, so that the first pass shows whether memory will do."""
    batch: list[int] = []
    for place in sorted(rows, key=lambda place: -len(rows[place].input_ids)):
        if batch and (len(batch) + 1) * len(rows[batch[0]].input_ids) > tokens:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch


class _Sight:
    """What a model sees in rows: ranks and surprisals of their answers' tokens, its logits a slice at a time.

    Most models make their logits by their head alone, and the head can be given a slice. Where a model does more (scales them,
    caps them), which a probe tells, all logits of a batch are made at once and batches are smaller.
    """

    def __init__(self, model: PreTrainedModel) -> None:
        self._model: Any = model
        self._head: Any = model.get_output_embeddings()
        self._vocabulary = int(model.config.get_text_config().vocab_size)
        self._slices = self._head is not None and model.base_model is not model and self._head_is_all()

    def room(self, tokens: int) -> int:
        """How many of so many tokens a batch may have."""
        return tokens if self._slices else max(1, min(tokens, LOGITS_AT_ONCE // self._vocabulary))

    def _head_is_all(self) -> bool:
        import torch

        ids = torch.arange(min(8, self._vocabulary), device=self._model.device)[None]
        with torch.inference_mode():
            whole, head = self._model(ids, use_cache=False).logits, self._head(self._hidden(ids))
        # The same numbers go the same way: a difference of one bit is something that the model does beside.
        return whole.shape == head.shape and bool((whole.float() == head.float()).all())

    def _hidden(self, ids: Tensor) -> Tensor:
        return self._model.base_model(input_ids=ids, use_cache=False).last_hidden_state

    def fits(self, rows: Sequence[Encoded]) -> list[Fit]:
        """One for each row; no row is changed by those beside it."""
        import torch

        width = max(len(row.input_ids) for row in rows)
        # Padding stands behind a row, where nothing before it looks, so that no mask is needed.
        padded = [row.input_ids.tolist() + [0] * (width - len(row.input_ids)) for row in rows]
        spans = [range(row.start, row.stop) for row in rows]
        at = torch.tensor([index for index, span in enumerate(spans) for _ in span])
        place = torch.tensor([token for span in spans for token in span])
        with torch.inference_mode():
            ids = torch.tensor(padded, device=self._model.device)
            targets = ids[at, place]
            ranks, surprisals = self._look(ids, at, place - 1, targets)
        sizes = [len(span) for span in spans]
        return [_fit(one, other) for one, other in zip(ranks.split(sizes), surprisals.split(sizes), strict=True)]

    def _look(self, ids: Tensor, at: Tensor, before: Tensor, targets: Tensor) -> tuple[Tensor, Tensor]:
        """Clipped rank and surprisal of each target, in 64 bits on the CPU."""
        import torch

        step = max(1, LOGITS_AT_ONCE // self._vocabulary)
        seen = self._hidden(ids) if self._slices else self._model(ids, use_cache=False).logits
        wanted = seen[at, before]
        ranks, surprisals = [], []
        for part, target in zip(wanted.split(step), targets.split(step), strict=True):
            logits = (self._head(part) if self._slices else part).float()
            own = logits.gather(1, target[:, None])
            ranks.append((logits > own).sum(1).add(1).clamp(max=WORST_RANK).double().cpu())
            surprisals.append((logits.logsumexp(1) - own[:, 0]).clamp(min=LEAST_SURPRISAL).double().cpu())
        return torch.cat(ranks), torch.cat(surprisals)


def _fit(ranks: Tensor, surprisals: Tensor) -> Fit:
    rank, surprisal = float(ranks.mean()), float(surprisals.mean())
    return Fit(ratio=rank / surprisal, surprisal=surprisal, rank=rank, tokens=len(ranks))
