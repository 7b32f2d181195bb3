"""The rule `gopher`: the bounds of Gopher's filters of web text (Rae et al. 2021, arXiv 2112.11446, appendix A.1.1 and table A1).

They are meant for pages of English prose. Code, lists, verse, tables and every answer of fewer than 50 words fall foul of them,
so that the rule is used only where a recipe lists it.
"""

from collections.abc import Mapping

import numpy as np

from ...recipe import FilterSection
from ..rule import Mask, Rule, Ruling
from ..scored import Scored

LEAST: Mapping[str, tuple[float, str]] = {
    "words": (50, "fewer than 50 words"),
    "mean_word_length": (3, "words shorter than 3 characters in the mean"),
    "letter_words": (0.8, "less than 80% of words have a letter"),
    "stop_words": (2, "fewer than 2 stop words"),
}
MOST: Mapping[str, tuple[float, str]] = {
    "words": (100_000, "more than 100,000 words"),
    "mean_word_length": (10, "words longer than 10 characters in the mean"),
    "symbols": (0.1, "more than one # or … for ten words"),
    "bullet_lines": (0.9, "more than 90% of lines begin with a bullet"),
    "ellipsis_lines": (0.3, "more than 30% of lines end with an ellipsis"),
    "same_lines": (0.3, "more than 30% of lines repeat"),
    "same_line_chars": (0.2, "more than 20% of characters in lines that repeat"),
    "same_paragraphs": (0.3, "more than 30% of paragraphs repeat"),
    "same_paragraph_chars": (0.2, "more than 20% of characters in paragraphs that repeat"),
    "top_2gram": (0.2, "more than 20% of characters in the most frequent 2-gram"),
    "top_3gram": (0.18, "more than 18% of characters in the most frequent 3-gram"),
    "top_4gram": (0.16, "more than 16% of characters in the most frequent 4-gram"),
    "same_5gram": (0.15, "more than 15% of characters in 5-grams that repeat"),
    "same_6gram": (0.14, "more than 14% of characters in 6-grams that repeat"),
    "same_7gram": (0.13, "more than 13% of characters in 7-grams that repeat"),
    "same_8gram": (0.12, "more than 12% of characters in 8-grams that repeat"),
    "same_9gram": (0.11, "more than 11% of characters in 9-grams that repeat"),
    "same_10gram": (0.1, "more than 10% of characters in 10-grams that repeat"),
}


def make(section: FilterSection) -> Rule:
    """Drop answers outside any of the bounds; the reason is the first that is broken."""
    return Rule(_look)


def _look(scored: Scored, still_in: Mask) -> Ruling:
    broken = [(name, reason, scored.number(name) < bound) for name, (bound, reason) in LEAST.items()]
    broken += [(name, reason, scored.number(name) > bound) for name, (bound, reason) in MOST.items()]

    def why(row: int) -> tuple[str, str]:
        name, reason, _ = next(bound for bound in broken if bound[2][row])
        return reason, f"{scored.number(name)[row]:.3g}"

    return Ruling(np.any([outside for _, _, outside in broken], axis=0), np.isnan(scored.number("words")), why)
