"""A local model answers: batches of greedy generation, with the template that trained it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Literal

from ..store.rows import Message
from .template import prompt_ids, stop_ids

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import GenerationConfig, PreTrainedModel, PreTrainedTokenizerBase


@dataclass(frozen=True, slots=True)
class LocalAnswer:
    """What a local model said."""

    text: str
    """Without control tokens."""
    output_tokens: int
    """Its end of turn included."""
    finish_reason: Literal["stop", "length"]
    seconds: float
    """Its share of the time that its batch took."""


def answer_all(
    model: PreTrainedModel,
    tokenizer: PreTrainedTokenizerBase,
    conversations: Sequence[Sequence[Message]],
    max_new_tokens: int,
    batch_size: int,
    on_done: Callable[[int], None],
) -> list[LocalAnswer]:
    """One greedy answer for each conversation, in the order of the conversations.

    Runs on the GPU where there is one. Prompts of like length share a batch, longest first; a long one never shortens
    the answers of others. `on_done` is told how many answers a batch brought. A prompt that leaves no room in the
    model's context gets an empty answer with `length`.
    """
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()  # pyright: ignore[reportArgumentType]: torch hides the overload behind a decorator
    asked = prompt_ids(tokenizer, conversations)
    stops = stop_ids(model, tokenizer)
    pad = tokenizer.pad_token_id if isinstance(tokenizer.pad_token_id, int) else stops[0]
    answers: dict[int, LocalAnswer] = {}
    dues = [max(0, min(max_new_tokens, _context(model) - len(ids))) for ids in asked]
    for due, batch in _batches([len(ids) for ids in asked], dues, batch_size):
        began = time.monotonic()
        written = (
            _generate(model, [asked[index] for index in batch], _greedy(due, pad, stops))
            if due
            else [[] for _ in batch]
        )
        share = (time.monotonic() - began) / len(batch)
        for index, ids in zip(batch, written, strict=True):
            answers[index] = _answer(tokenizer, ids, stops, share)
        on_done(len(batch))
    return [answers[index] for index in range(len(asked))]


def _batches(lengths: Sequence[int], dues: Sequence[int], batch_size: int) -> Iterator[tuple[int, list[int]]]:
    """The tokens that each of a batch may write, and the prompts in it, longest first; all of a batch have the same due."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    for due, alike in groupby(order, key=lambda index: dues[index]):
        group = list(alike)
        for at in range(0, len(group), batch_size):
            yield due, group[at : at + batch_size]


def _context(model: PreTrainedModel) -> int:
    return int(getattr(model.config.get_text_config(), "max_position_embeddings", None) or 2**31)


def _greedy(max_new_tokens: int, pad: int, stops: Sequence[int]) -> GenerationConfig:
    """Plain greedy decoding: every field that a model's own generation config might bend is said."""
    from transformers import GenerationConfig

    return GenerationConfig(
        max_new_tokens=max_new_tokens,
        do_sample=False,
        num_beams=1,
        temperature=1.0,
        top_p=1.0,
        top_k=50,
        repetition_penalty=1.0,
        no_repeat_ngram_size=0,
        pad_token_id=pad,
        eos_token_id=list(stops),
    )


def _generate(model: PreTrainedModel, prompts: Sequence[Sequence[int]], how: GenerationConfig) -> list[list[int]]:
    """The new ids for each prompt. Padding is on the left, where an answer does not continue from it."""
    import torch

    width = max(len(ids) for ids in prompts)
    pad = int(how.pad_token_id)  # pyright: ignore[reportArgumentType]: set above
    ids = torch.tensor([[pad] * (width - len(row)) + list(row) for row in prompts], device=model.device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=model.device)
    with torch.inference_mode():
        whole: Tensor = model.generate(  # pyright: ignore[reportCallIssue, reportAssignmentType]: a mixin's method
            input_ids=ids, attention_mask=mask, generation_config=how
        )
    return whole[:, width:].tolist()


def _answer(
    tokenizer: PreTrainedTokenizerBase, ids: Sequence[int], stops: Sequence[int], seconds: float
) -> LocalAnswer:
    stop = next((place for place, token in enumerate(ids) if token in stops), None)
    said = list(ids) if stop is None else list(ids[:stop])
    text = str(tokenizer.decode(said, skip_special_tokens=True))
    return LocalAnswer(text, len(said) + (stop is not None), "length" if stop is None else "stop", seconds)
