"""Named sizes of students that are made from nothing: Llama-style, small enough to learn one skill on a CPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from ..errors import BadStudent
from .tokenizer import END, PAD

if TYPE_CHECKING:
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast

PREFIX = "scratch:"
"""What a recipe writes before the name of a size."""


@dataclass(frozen=True, slots=True)
class Size:
    """The shape of a student. Widths are multiples of 128 because quantisers ask for it."""

    hidden: int
    layers: int
    heads: int
    kv_heads: int
    feed_forward: int
    context: int
    """Tokens of prompt and answer together at most."""


SIZES: Mapping[str, Size] = {
    "tiny": Size(hidden=128, layers=4, heads=4, kv_heads=2, feed_forward=384, context=1024),
    "small": Size(hidden=256, layers=6, heads=8, kv_heads=4, feed_forward=768, context=2048),
}

INITIALIZER_RANGE = 0.06
"""Three times the usual: with 0.02 a model this narrow learns or fails by luck, and arms would compare luck."""


def size_named(spec: str) -> Size:
    """The size behind `scratch:<name>`.

    Raises:
        BadStudent: no such size; names those that exist.
    """
    name = spec.removeprefix(PREFIX)
    if name not in SIZES:
        known = ", ".join(PREFIX + known for known in SIZES)
        raise BadStudent(f"train.student is {spec!r}: there is no size {name!r}; known sizes: {known}")
    return SIZES[name]


def new_model(size: Size, tokenizer: PreTrainedTokenizerFast, seed: int) -> LlamaForCausalLM:
    """A model with random weights; the same seed gives the same weights."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    vocabulary = tokenizer.get_vocab()
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.hidden,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        num_key_value_heads=size.kv_heads,
        max_position_embeddings=size.context,
        tie_word_embeddings=True,
        initializer_range=INITIALIZER_RANGE,
        bos_token_id=None,
        eos_token_id=vocabulary[END],
        pad_token_id=vocabulary[PAD],
    )
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return LlamaForCausalLM(config)
