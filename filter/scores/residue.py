"""The score `residue`: words of a model about itself in the answer, and marks of its template.

Each pattern is run over all answers at once. Where it hits, the prompt is looked at: who asks a model who it is, or for a robot's
monologue, gets a right answer in such words.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...store.run import Run
from ...texts.arrow import pc
from ..answers import Answers
from ..score import Score
from . import phrases

Spared = Callable[[str, str], bool]
"""Prompt and what was found → whether the prompt accounts for it."""


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of residue."""

    reason: str
    quick: str
    """For RE2, over a whole column."""
    pattern: re.Pattern[str]
    """The same for `re`, which tells where."""
    spared: Spared


def _has(text: str, pattern: str) -> bool:
    return re.search(pattern, text, re.IGNORECASE) is not None


def _of_models(prompt: str, found: str) -> bool:
    """The prompt says the same, asks a model about itself, or has a machine speak in something to be written."""
    same = found.strip(" ,.;").lower()[:20] in prompt.lower()
    return (
        same or _has(prompt, phrases.WHO_ARE_YOU) or (_has(prompt, phrases.ABOUT_MODELS) and _has(prompt, phrases.PLAY))
    )


def _named(prompt: str, found: str) -> bool:
    """The prompt has the name that the answer goes by, or asks for it."""
    names = re.findall(rf"{phrases.NAMES}|{phrases.MAKERS}", found, re.IGNORECASE)
    return any(name.lower() in prompt.lower() for name in names) or _of_models(prompt, found)


def _of_templates(prompt: str, found: str) -> bool:
    return found.strip() in prompt or _has(prompt, phrases.TEMPLATES)


def _of_dialogue(prompt: str, found: str) -> bool:
    label = re.search(r"[A-Za-z][A-Za-z ]*", found)
    return _has(prompt, phrases.DIALOGUE) or (label is not None and f"{label[0]}:" in prompt)


def _kind(reason: str, pattern: str, spared: Spared, flags: str = "(?im)") -> Kind:
    # RE2 takes a gap of any length in its stride; `re` would try every length at every place.
    bounded = pattern.replace("*?", "{0,200}?")
    return Kind(reason, flags + pattern.replace(r"\Z", r"\z"), re.compile(flags + bounded), spared)


KINDS: Sequence[Kind] = (
    _kind("speaks as a language model", phrases.AS_A_MODEL, _of_models),
    _kind("says which model it is", phrases.WHICH_MODEL, _named),
    _kind("speaks of its knowledge cut-off", phrases.CUT_OFF, _of_models),
    _kind("holds a mark of a chat template", phrases.TEMPLATE_MARK, _of_templates, "(?m)"),
    _kind("goes on with a turn of its own", phrases.OWN_TURN, _of_dialogue, "(?m)"),
)
"""In this order; of an answer with several the first is told."""


def make(run: Run) -> Score:
    """The first kind of residue that an answer shows, empty for none."""
    return Score({"residue": pa.string(), "_residue_seen": pa.string()}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    kinds, seen = [""] * len(answers), [""] * len(answers)
    for kind in reversed(KINDS):
        suspects = np.flatnonzero(np.asarray(pc.match_substring_regex(answers.texts, kind.quick)))
        texts = answers.texts.take(pa.array(suspects)).to_pylist()
        for place, text, prompt in zip(suspects.tolist(), texts, _prompts(answers, suspects), strict=True):
            if found := _first(kind, prompt, text):
                kinds[place], seen[place] = kind.reason, found
    return [pa.array(kinds, pa.string()), pa.array(seen, pa.string())]


def _prompts(answers: Answers, places: NDArray[np.int64]) -> list[str]:
    """What each of these answers was asked, system messages with it: who is told to be Claude may say so."""
    turns = answers.prompts.column("messages").take(pa.array(answers.of[places]))
    return ["\n".join(turn["content"] for turn in said) for said in turns.to_pylist()]


def _first(kind: Kind, prompt: str, text: str) -> str:
    """The first words of this kind that the prompt does not account for, empty for none."""
    found = (found[0] for found in kind.pattern.finditer(text))
    return next((" ".join(words.split())[:200] for words in found if not kind.spared(prompt, words)), "")
