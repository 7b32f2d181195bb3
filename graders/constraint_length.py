"""Constraints on the length of an answer: its words, sentences and paragraphs.

Each takes the answer and its parameters, under the names that IFEval's data has, and gives a `Finding`.
"""

import re

from .constraint_parameters import QUOTED, Count, Finding, Phrase, Place, Relation, amount, exactly
from .constraint_sentences import count_sentences


def number_words(answer: str, /, *, num_words: Count, relation: Relation) -> Finding:
    """Runs of letters, digits and underscores: `don't` is two words."""
    return amount(len(re.findall(r"\w+", answer)), relation, num_words, "word")


def number_sentences(answer: str, /, *, num_sentences: Count, relation: Relation) -> Finding:
    """Sentences, by `count_sentences`."""
    return amount(count_sentences(answer), relation, num_sentences, "sentence")


def number_paragraphs(answer: str, /, *, num_paragraphs: Count) -> Finding:
    """Exactly so many paragraphs with the divider `***` between them; it may stand before the first and after the last."""
    first, *others = answer.split("***")
    paragraphs = [first, *others] if first.strip() else others
    if paragraphs and not paragraphs[-1].strip():
        paragraphs.pop()
    if not all(map(str.strip, paragraphs)):
        return "an empty paragraph between two dividers"
    return exactly(len(paragraphs), num_paragraphs, "paragraph")


def nth_paragraph_first_word(
    answer: str, /, *, num_paragraphs: Count, nth_paragraph: Place, first_word: Phrase
) -> Finding:
    """Exactly so many paragraphs with an empty line between them, of which one begins with a word, in any case.

    Blank ones are not counted, but hold their place: four line breaks in a row put what follows one place on.
    """
    paragraphs = [paragraph.strip() for paragraph in answer.split("\n\n")]
    count = sum(map(bool, paragraphs))
    if count != num_paragraphs:
        return exactly(count, num_paragraphs, "paragraph")
    if nth_paragraph > count or not paragraphs[nth_paragraph - 1]:
        return f"no paragraph {nth_paragraph}"
    word = paragraphs[nth_paragraph - 1].split()[0].lstrip("'").lstrip('"')
    given = re.split(r"[.,?!'\"]", word)[0]
    return None if given.lower() == first_word.lower() else f"paragraph {nth_paragraph} begins with {given[:QUOTED]!r}"
