"""The leak report: what was dropped as a leak, with the texts side by side, and what such a search cannot see."""

import hashlib
import re
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from difflib import SequenceMatcher
from typing import Any

import numpy as np
import pyarrow as pa

from ..store.run import Run
from ..texts.characters import ALONE, PART, plain, tables
from ..texts.fuzzy import SHORT
from ..texts.overlap import COPIED
from ..texts.words import words_of
from .answers import Answers
from .leak_templates import FEWEST, LINES, SHARE
from .rule import Mask
from .scored import Scored
from .scores.leak import ANSWER, ANSWER_NUMBERS, KINDS
from .targets import HELDOUT, Target, read_targets, texts_of

EXAMPLES = 20
"""Of each file, drawn at random."""
_LONGEST = 2_000
"""Characters of a text that are shown."""
_WORD = re.compile("a|p+")
_NUMBERS = (KINDS[-1], ANSWER_NUMBERS)


@dataclass(slots=True)
class _File:
    """What was found of one file."""

    texts: int = 0
    dropped: Counter[str] = field(default_factory=Counter)
    kept: int = 0
    """Rows with the words of a target and other numbers."""
    trained_on: int = 0
    """Leaks that are kept, because the recipe says so."""
    seen: list[tuple[bytes, dict[str, Any]]] = field(default_factory=list)


class Leaks:
    """Sees every row with its label, then tells."""

    def __init__(self, run: Run) -> None:
        """Read the targets again.

        Raises:
            BadInput: a benchmark file cannot be read.
        """
        targets = read_targets(run)
        self._files = {name: _File() for name in (HELDOUT, *run.recipe.filter.leak.against)}
        self._by_name: dict[str, list[Target]] = defaultdict(list)
        for target in targets:
            self._files[target.file].texts += 1
            self._by_name[target.name].append(target)
        lengths = np.diff(words_of(texts_of(targets)).ends)
        self._targets = len(targets)
        self._short, self._wordless = int(((lengths > 0) & (lengths < SHORT)).sum()), int((lengths == 0).sum())
        self._rows = self._short_rows = 0
        self._settings = run.recipe.filter.leak

    def see(self, answers: Answers, scored: Scored, dropped: Mask, kept: Mask) -> None:
        """Count a batch.

        Args:
            answers: the rows.
            scored: their scores, those of `scores/leak.py` among them.
            dropped: which rows the rule `leak` has dropped; shape (rows,).
            kept: which rows every rule let pass; shape (rows,).
        """
        kinds = scored.column("_leak_kind", pa.string()).to_pylist()
        self._rows += len(scored)
        self._short_rows += int((~np.isnan(scored.number("leak_fuzzy"))).sum())
        for row, kind in enumerate(kinds):
            if not kind:
                continue
            name = scored.text("_leak_target", row)
            file = self._files[self._by_name[name][0].file]
            if kind in _NUMBERS:
                file.kept += 1
            elif dropped[row]:
                file.dropped[kind] += 1
            elif kept[row]:
                file.trained_on += 1
            if kind in _NUMBERS or dropped[row] or kept[row]:
                self._draw(file, answers, row, kind, name)

    def report(self) -> dict[str, Any]:
        """For `leaks.json`."""
        return {
            "targets": self._targets,
            "rows": self._rows,
            "dropped": sum(sum(file.dropped.values()) for file in self._files.values()),
            "trained_on": sum(file.trained_on for file in self._files.values()),
            "files": {
                name: {
                    "texts": file.texts,
                    "dropped": dict(sorted(file.dropped.items())),
                    "kept_for_other_numbers": file.kept,
                    "trained_on": file.trained_on,
                    "examples": [example for _, example in sorted(file.seen, key=lambda drawn: drawn[0])],
                }
                for name, file in self._files.items()
            },
            "blind_spots": self._blind_spots(),
        }

    def _draw(self, file: _File, answers: Answers, row: int, kind: str, name: str) -> None:
        """Hold on to a random few: those with the lowest hashes of their ids, whatever the order of the rows."""
        identity = answers.rows.column("id")[row].as_py()
        lot = hashlib.blake2b(identity.encode(), digest_size=16).digest()
        if len(file.seen) == EXAMPLES and lot > file.seen[-1][0]:
            return
        column, place = (
            (answers.texts, row) if kind in (ANSWER, ANSWER_NUMBERS) else (answers.asked, int(answers.of[row]))
        )
        text = column[place].as_py()
        common, target = max(
            ((common_run(text, target.text), target.text) for target in self._by_name[name]),
            key=lambda pair: len(pair[0]),
        )
        example = {"row": identity, "kind": kind, "target": name, "text": text[:_LONGEST]}
        file.seen.append((lot, example | {"target_text": target[:_LONGEST], "in_common": common[:_LONGEST]}))
        file.seen.sort(key=lambda drawn: drawn[0])
        del file.seen[EXAMPLES:]

    def _blind_spots(self) -> list[str]:
        kept = sum(file.kept for file in self._files.values())
        ngram, coverage = self._settings.ngram, self._settings.coverage
        sentences = [
            "Words are compared: a paraphrase, a translation or a retelling of a target is not seen.",
            f"A prompt that shares fewer than {ngram} words in a row with a target, and less than {coverage:.0%} of its words, "
            f"is kept; an answer that shares fewer than {ngram} words in a row is kept.",
            f"{self._short:,} of {self._targets:,} targets have fewer than {SHORT} words and were only compared as wholes, as "
            f"were {self._short_rows:,} of {self._rows:,} rows whose prompts do; likeness is a score (leak_fuzzy), no reason "
            "to drop.",
            f"What more than {FEWEST} training prompts and more than {SHARE:.1%} of them say is taken for a template where a "
            f"held-out prompt says it, or {LINES} lines of one file: a target copied so often is then only found where it stands "
            "from end to end. What one line of a file alone says is found however often it was copied, if half of that text or "
            f"{COPIED} words in a row are there; less of it is found in up to so many prompts.",
            f"{kept:,} rows share words enough with a target, but each has a number that the other lacks; they were kept as "
            "other problems. A problem turned round, with the old answer given and an old number asked, is one of them.",
        ]
        if self._wordless:
            sentences.append(
                f"{self._wordless:,} targets have no word at all, only punctuation, and could not be compared."
            )
        return sentences


def common_run(text: str, target: str) -> str:
    """The longest run of words of the text that stands in the target too, as the text writes it after NFKC."""
    text, target = (plain(each[: 4 * _LONGEST]) for each in (text, target))
    words, others = _words(text), _words(target)
    left, right = (
        [each[begin:end].casefold() for begin, end in spans] for each, spans in ((text, words), (target, others))
    )
    found = SequenceMatcher(None, left, right, autojunk=False).find_longest_match()
    return text[words[found.a][0] : words[found.a + found.size - 1][1]] if found.size else ""


def _words(text: str) -> list[tuple[int, int]]:
    """Where each word of a text after NFKC begins and ends: the words that the search compares."""
    flags = tables()[0].take(np.frombuffer(text.encode("utf-32-le"), np.uint32))
    kinds = np.where(flags & ALONE, "a", np.where(flags & PART, "p", " "))
    return [word.span() for word in _WORD.finditer("".join(kinds.tolist()))]
