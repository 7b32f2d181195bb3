"""The score `instructions`: how many words in a row an answer has of the instructions in its system message.

Only sentences that tell the model what it is or must do are held against it: facts, documents and phrases in quotation
marks stand in a system message in order to be used. What the user says too does not count.
"""

import re
from collections.abc import Sequence

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

from ...store.run import Run
from ...texts.arrow import pc
from ...texts.turns import under
from ...texts.words import Words, ngrams, words_of
from ..answers import Answers
from ..score import Score

RUN = 13
"""Words in a row, by GPT-3's measure no coincidence (Brown et al. 2020, appendix C); of a shorter sentence all of them."""
SHORTEST = 6
"""Words of a sentence at least."""

_QUOTED = re.compile(r"```.*?(?:```|\Z)|\"[^\"\n]*\"|“[^”\n]*”|«[^»\n]*»|「[^」\n]*」", re.DOTALL)
_SENTENCE = re.compile(r"[^.!?。！？\n]+")
_INSTRUCTS = re.compile(
    r"\s*(?:[-*•\d.)\s]*)(?:you (?:are|were|will|must|should|have|can|may|need|act|never|always)|you[’']re"
    r"|your (?:task|job|role|goal|name|purpose|answers?|responses?)|act as|behave as|never (?:reveal|mention|disclose|say)"
    r"|do not (?:reveal|mention|disclose|say)|du (?:bist|sollst|musst|wirst)|sie (?:sind|sollen|müssen) |tu es"
    r"|vous (?:êtes|devez)|eres|usted es|tu és|você é|sei un|ты|вы —|你(?:是|需要|必须|的)|您是|あなたは|당신은)",
    re.IGNORECASE,
)


def make(run: Run) -> Score:
    """The longest run of such words that counts, in words; 0 for none, or where there is no system message."""
    return Score({"instructions": pa.int64(), "_instructions_seen": pa.string()}, _write)


def _write(answers: Answers) -> list[pa.Array]:
    longest, seen = np.zeros(len(answers), np.int64), [""] * len(answers)
    systems = under(answers.prompts.column("messages"))
    if pc.max(pc.binary_length(systems)).as_py():
        _compare(answers, systems.dictionary_encode(), longest, seen)
    return [pa.array(longest), pa.array(seen, pa.string())]


def _compare(answers: Answers, systems: pa.DictionaryArray, longest: NDArray[np.int64], seen: list[str]) -> None:
    sentences, owners = _instructions(systems.dictionary.to_pylist())
    said = words_of(pa.array(sentences, pa.string()))
    system = np.asarray(systems.indices)[answers.of]
    user = words_of(answers.asked)
    sizes = np.minimum(np.diff(said.ends), RUN)
    for size in range(SHORTEST, RUN + 1):
        which = np.flatnonzero(sizes == size)
        if not len(which):
            continue
        told = _pairs(said, size, owners, np.isin(np.arange(len(sizes)), which))
        known = _pairs(user, size, np.arange(len(answers.prompts)), np.ones(len(answers.prompts), bool))
        hits = _hits(answers, size, system, told, known)
        longest[hits] = size
        for row in hits.tolist():
            seen[row] = f"{size} words in a row of the system message"


def _instructions(systems: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    """The sentences of all system messages that instruct the model, and whose each is."""
    found = [
        (sentence, owner)
        for owner, system in enumerate(systems)
        for sentence in _SENTENCE.findall(_QUOTED.sub(" ", system))
        if _INSTRUCTS.match(sentence)
    ]
    return [sentence for sentence, _ in found], np.array([owner for _, owner in found], np.int64)


def _pairs(words: Words, n: int, owners: NDArray[np.int64], which: NDArray[np.bool_]) -> NDArray[np.uint64]:
    """A key for each (owner, n-gram) of these texts."""
    grams, ends = ngrams(words, n)
    text = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    chosen = which[text] if len(text) else np.zeros(0, bool)
    return _key(grams[chosen], owners[text[chosen]] if len(text) else text)


def _key(grams: NDArray[np.uint64], owners: NDArray[np.int64]) -> NDArray[np.uint64]:
    return grams ^ ((owners.astype(np.uint64) + np.uint64(1)) * np.uint64(0x9E3779B97F4A7C15))


def _hits(
    answers: Answers, n: int, system: NDArray[np.int64], told: NDArray[np.uint64], known: NDArray[np.uint64]
) -> NDArray[np.int64]:
    """The answers with an n-gram of their system message that is not in what the user says."""
    grams, ends = ngrams(answers.words, n)
    text = np.repeat(np.arange(len(ends) - 1), np.diff(ends))
    hit = np.flatnonzero(np.isin(_key(grams, system[text]), told))
    hit = hit[~np.isin(_key(grams[hit], answers.of[text[hit]]), known)]
    return np.unique(text[hit])
