"""A local model answers: greedy generation in batches or alone, with the template that trained it."""

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
    from transformers import GenerationConfig, PreTrainedConfig, PreTrainedModel, PreTrainedTokenizerBase


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
    voice = voice_of(model, tokenizer)
    asked = prompt_ids(tokenizer, conversations)
    answers: dict[int, LocalAnswer] = {}
    dues = [_due(voice, ids, max_new_tokens) for ids in asked]
    for due, batch in _batches([len(ids) for ids in asked], dues, batch_size):
        began = time.monotonic()
        written = _generate(voice, [asked[index] for index in batch], due) if due else [[] for _ in batch]
        share = (time.monotonic() - began) / len(batch)
        for index, ids in zip(batch, written, strict=True):
            answers[index] = _answer(voice, ids, share)
        on_done(len(batch))
    return [answers[index] for index in range(len(asked))]


def answer_alone(
    voice: Voice, messages: Sequence[Message], max_new_tokens: int, on_token: Callable[[], None]
) -> LocalAnswer:
    """One greedy answer to one conversation, which shares no batch; `on_token` is called as each new id is chosen."""
    began = time.monotonic()
    [ids] = prompt_ids(voice.tokenizer, [messages])
    due = _due(voice, ids, max_new_tokens)
    [written] = _generate(voice, [ids], due, _Listener(on_token)) if due else [[]]
    return _answer(voice, written, time.monotonic() - began)


@dataclass(frozen=True, slots=True)
class Voice:
    """A model on its device, and what its answers need whatever the prompt."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    stops: tuple[int, ...]
    """The tokens that end an answer."""
    pad: int


def voice_of(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> Voice:
    """A model, ready to answer: on the GPU where there is one."""
    import torch

    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model.to(device).eval()  # pyright: ignore[reportArgumentType]: torch hides the overload behind a decorator
    stops = stop_ids(model, tokenizer)
    pad = tokenizer.pad_token_id if isinstance(tokenizer.pad_token_id, int) else stops[0]
    return Voice(model, tokenizer, tuple(stops), pad)


class _Listener:
    """What `generate` hands each step's ids to; the first are those of the prompt (transformers' `BaseStreamer`)."""

    def __init__(self, on_token: Callable[[], None]) -> None:
        self._on_token = on_token
        self._prompt_is_due = True

    def put(self, _: Tensor) -> None:
        if not self._prompt_is_due:
            self._on_token()
        self._prompt_is_due = False

    def end(self) -> None:
        pass


def _batches(lengths: Sequence[int], dues: Sequence[int], batch_size: int) -> Iterator[tuple[int, list[int]]]:
    """The tokens that each of a batch may write, and the prompts in it, longest first; all of a batch have the same due."""
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    for due, alike in groupby(order, key=lambda index: dues[index]):
        group = list(alike)
        for at in range(0, len(group), batch_size):
            yield due, group[at : at + batch_size]


def _due(voice: Voice, ids: Sequence[int], max_new_tokens: int) -> int:
    """The tokens that an answer may have: under the cap, and the model's context must hold the prompt as well."""
    return max(0, min(max_new_tokens, context_of(voice.model.config) - len(ids)))


def context_of(config: PreTrainedConfig) -> int:
    """Tokens of prompt and answer together that a model can read; very many where it does not say."""
    return int(getattr(config.get_text_config(), "max_position_embeddings", None) or 2**31)


def _greedy(voice: Voice, max_new_tokens: int) -> GenerationConfig:
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
        pad_token_id=voice.pad,
        eos_token_id=list(voice.stops),
    )


def _generate(
    voice: Voice, prompts: Sequence[Sequence[int]], max_new_tokens: int, listener: _Listener | None = None
) -> list[list[int]]:
    """The new ids for each prompt. Padding is on the left, where an answer does not continue from it."""
    import torch

    width, device = max(len(ids) for ids in prompts), voice.model.device
    ids = torch.tensor([[voice.pad] * (width - len(row)) + list(row) for row in prompts], device=device)
    mask = torch.tensor([[0] * (width - len(row)) + [1] * len(row) for row in prompts], device=device)
    with torch.inference_mode():
        whole: Tensor = voice.model.generate(  # pyright: ignore[reportCallIssue, reportAssignmentType]: a mixin's method
            input_ids=ids,
            attention_mask=mask,
            generation_config=_greedy(voice, max_new_tokens),
            streamer=listener,
        )
    return whole[:, width:].tolist()


def _answer(voice: Voice, ids: Sequence[int], seconds: float) -> LocalAnswer:
    stop = next((place for place, token in enumerate(ids) if token in voice.stops), None)
    said = list(ids) if stop is None else list(ids[:stop])
    text = str(voice.tokenizer.decode(said, skip_special_tokens=True))
    return LocalAnswer(text, len(said) + (stop is not None), "length" if stop is None else "stop", seconds)
