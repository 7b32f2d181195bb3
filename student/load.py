"""A student, ready to train or to answer: from a named size, a local folder, or the Hugging Face Hub."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import BadStudent
from .check import Kind, check_student, local_folder, no_template
from .quiet import without_bars
from .sizes import new_model, size_named
from .template import settle_thinking, stop_ids
from .tokenizer import train_tokenizer

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

BASE_FILE = "base.json"
"""Names the untrained start that is not copied: {"spec", "revision", "thinking"}."""


@dataclass(frozen=True, slots=True)
class Student:
    """A model with its tokenizer."""

    model: PreTrainedModel
    tokenizer: PreTrainedTokenizerBase
    kind: Kind
    origin: str
    """The size, the folder or the hub name that it came from."""
    revision: str = ""
    """The commit on the hub; empty otherwise."""
    stored_dtype: str = "float32"
    """The number format that its weights were stored in, and that it is saved in."""

    @property
    def context(self) -> int:
        """Tokens that it can read and write together."""
        config = self.model.config.get_text_config()
        read = getattr(config, "max_position_embeddings", None) or self.tokenizer.model_max_length
        return int(min(read, self.tokenizer.model_max_length))


@dataclass(frozen=True, slots=True)
class Scratch:
    """What a student from scratch is made of, beside its size."""

    texts: Sequence[str]
    """The corpus that its tokenizer is trained on."""
    vocab_size: int
    seed: int


def load_student(
    spec: str,
    home: Path,
    *,
    scratch: Scratch | None = None,
    thinking: bool | None = None,
    dtype: str = "float32",
    revision: str = "",
) -> Student:
    """The student that a recipe names, on the CPU.

    Args:
        spec: `scratch:<size>`, a folder relative to `home`, or a name on the hub.
        home: the recipe's folder.
        scratch: the corpus for a student from scratch.
        thinking: whether its answers are to show thinking (`settle_thinking`); None leaves its template as it is.
        dtype: the torch number format to hold the weights in.
        revision: a commit on the hub.

    Raises:
        MissingExtra: torch or transformers is not installed.
        BadStudent: it does not exist, cannot be loaded, or has no chat template.
    """
    kind = check_student(spec, home)
    if kind == "scratch":
        if scratch is None:
            raise BadStudent(
                f"student {spec!r} is made in training and is nowhere before; give the folder it was saved in"
            )
        size = size_named(spec)
        tokenizer = train_tokenizer(scratch.texts, scratch.vocab_size, size.context)
        return Student(new_model(size, tokenizer, scratch.seed), tokenizer, kind, spec)
    where = str(local_folder(spec, home)) if kind == "local" else spec
    return _pretrained(where, kind, spec, thinking, dtype, revision)


def load_base(folder: Path, home: Path, *, dtype: str = "float32") -> Student:
    """The untrained start that training wrote down in a folder: saved there, or named there."""
    named = folder / BASE_FILE
    if not named.is_file():
        return load_student(str(folder.resolve()), home, dtype=dtype)
    base = json.loads(named.read_bytes())
    return load_student(base["spec"], home, thinking=base["thinking"], dtype=dtype, revision=base["revision"])


def load_tokenizer(folder: Path) -> PreTrainedTokenizerBase:
    """The tokenizer of a saved student, as a server loads it."""
    from transformers import AutoTokenizer

    return AutoTokenizer.from_pretrained(str(folder))


def save_student(student: Student, folder: Path) -> None:
    """Write weights (safetensors), tokenizer and chat template; servers will stop at the template's end of turn."""
    import torch

    if student.model.generation_config is not None:
        student.model.generation_config.eos_token_id = stop_ids(student.model, student.tokenizer)
    # Trainers switch the cache off; a student that is served without one answers many times slower.
    student.model.config.use_cache = True
    student.model.to(getattr(torch, student.stored_dtype))
    with without_bars():
        student.model.save_pretrained(folder)
        student.tokenizer.save_pretrained(folder)


def _pretrained(where: str, kind: Kind, spec: str, thinking: bool | None, dtype: str, revision: str) -> Student:
    from safetensors import SafetensorError
    from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer

    which: dict[str, Any] = {"revision": revision} if revision else {}
    try:
        config = AutoConfig.from_pretrained(where, **which)
        tokenizer = AutoTokenizer.from_pretrained(where, **which)
        if not tokenizer.chat_template:
            raise no_template(where)
        with without_bars() if kind == "local" else nullcontext():
            model = AutoModelForCausalLM.from_pretrained(where, dtype=dtype, **which)
    except (OSError, ValueError, KeyError, ImportError, RuntimeError, SafetensorError) as error:
        raise BadStudent(_explain(where, kind, error)) from None
    if thinking is not None:
        settle_thinking(tokenizer, thinking)
    stored = str(getattr(config, "dtype", None) or "float32").removeprefix("torch.")
    return Student(model, tokenizer, kind, spec, getattr(config, "_commit_hash", None) or "", stored)


def _explain(where: str, kind: Kind, error: Exception) -> str:
    reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
    if kind == "local":
        return f"student {where} cannot be loaded: {reason}; save model and tokenizer there with save_pretrained"
    return (
        f"student {where!r} cannot be loaded from the Hugging Face Hub: {reason} Check its name and the network; "
        "a gated model needs HF_TOKEN in the environment; without a network, give a local folder"
    )
