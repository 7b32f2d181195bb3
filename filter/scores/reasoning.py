"""The score `reasoning`: what is wrong with the reasoning that an answer marks off by <think>, <reasoning>, [THINK] and the like.

Tags that are spoken of, in quotation marks or as code, are none. A summary of the reasoning that poses as the reasoning itself,
which is what most closed teachers give, cannot be told from its text.
"""

import re

import numpy as np
import pyarrow as pa

from ...store.run import Run
from ...texts.arrow import pc
from ..answers import Answers
from ..score import Score

UNCLOSED = "its reasoning is not closed"
UNOPENED = "its reasoning is closed and was not opened"
TWICE = "it reasons twice"
NOTHING_AFTER = "nothing follows its reasoning"
NAMES = ("think", "thinking", "thought", "reasoning")

_ANY = r"(?i)</?(?:think|thinking|thought|reasoning)>|\[/?THINK\]|◁/?think▷"
_TAG = re.compile(
    rf"(?<![`'\"“‘(])(?:<(?P<close>/?)(?P<name>{'|'.join(NAMES)})>|\[(?P<close2>/?)THINK\]|◁(?P<close3>/?)think▷)(?![`'\"”’)])",
    re.IGNORECASE,
)
_CODE = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)


def make(run: Run) -> Score:
    """What is wrong with an answer's reasoning, empty for nothing or where it marks none off."""
    return Score({"reasoning": pa.string()}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    faults = [""] * len(answers)
    suspects = np.flatnonzero(np.asarray(pc.match_substring_regex(answers.texts, _ANY)))
    texts = answers.texts.take(pa.array(suspects)).to_pylist()
    prompts = answers.asked.take(pa.array(answers.of[suspects])).to_pylist()
    for place, text, prompt in zip(suspects.tolist(), texts, prompts, strict=True):
        faults[place] = fault(text, prompt)
    return [pa.array(faults, pa.string())]


def fault(text: str, prompt: str) -> str:
    """The first thing that is wrong with the tags of a text; a prompt with the tag in it may want it more than once."""
    tags = [
        (match, (match["name"] or "think").lower(), bool(match["close"] or match["close2"] or match["close3"]))
        for match in _TAG.finditer(_CODE.sub(lambda code: " " * len(code[0]), text))
    ]
    open_name = ""
    for _, name, closes in tags:
        if closes and not open_name:
            return UNOPENED
        if closes != bool(open_name) or (closes and name != open_name):
            return UNCLOSED
        open_name = "" if closes else name
    if open_name:
        return UNCLOSED
    if not tags:
        return ""
    asked = tags[0][0][0].lower() in prompt.lower()
    if len(tags) > 2 and not asked:
        return TWICE
    around = text[: tags[0][0].start()] + text[tags[-1][0].end() :]
    return "" if around.strip() else NOTHING_AFTER
