"""Constraints on the wording of an answer: its keywords, letters, case, commas and language.

Each takes the answer and its parameters, under the names that IFEval's data has, and gives a `Finding`.
"""

import re

from .constraint_language import Language, other_language
from .constraint_parameters import QUOTED, Count, Finding, Letter, Phrase, Phrases, Relation, amount, counted


def existence(answer: str, /, *, keywords: Phrases) -> Finding:
    """Every keyword stands in it, in any case, be it inside a longer word."""
    missing = [keyword for keyword in keywords if not _times(re.escape(keyword), answer)]
    return f"no {_listed(missing)}" if missing else None


def frequency(answer: str, /, *, keyword: Phrase, frequency: Count, relation: Relation) -> Finding:
    """A keyword stands in it so often, in any case, be it inside longer words."""
    return amount(_times(re.escape(keyword.strip()), answer), relation, frequency, "occurrence")


def forbidden_words(answer: str, /, *, forbidden_words: Phrases) -> Finding:
    """None of the words stands in it, in any case, as a word of its own."""
    used = [word for word in forbidden_words if _times(rf"(?<!\w){re.escape(word)}(?!\w)", answer)]
    return f"{_listed(used)} used" if used else None


def letter_frequency(answer: str, /, *, letter: Letter, let_frequency: Count, let_relation: Relation) -> Finding:
    """A letter, or another character, stands in it so often, in any case."""
    return amount(answer.lower().count(letter.lower()), let_relation, let_frequency, f"{letter!r}")


def response_language(answer: str, /, *, language: Language) -> Finding:
    """The whole is in a language, or may well be; kept by a text without letters, too."""
    found = other_language(answer, language)
    return f"the language is {found}, {language} wanted" if found else None


def english_capital(answer: str, /) -> Finding:
    """It is in English, without a small letter."""
    if not answer.isupper():
        small = next((word for word in answer.split() if word != word.upper()), None)
        return "no capital letter" if small is None else f"{small[:QUOTED]!r} is not in capitals"
    return response_language(answer, language="en")


def english_lowercase(answer: str, /) -> Finding:
    """It is in English, without a capital letter."""
    if not answer.islower():
        large = next((word for word in answer.split() if word != word.lower()), None)
        return "no small letter" if large is None else f"{large[:QUOTED]!r} has a capital"
    return response_language(answer, language="en")


_APART = re.compile(r"--|[\[\](){}<>;@#$%&?!\"“”„«»‘’`]|[:,](?!\d)")
"""What stands between words though there is no space: the Penn Treebank's rules, which IFEval tokenises by."""
_CLITIC = re.compile(r"(?i)(?<=\w)(n't|'(?:ll|re|ve|s|m|d))(?!\S)")
"""What the same rules cut off: `DON'T` is `DO` and `N'T`."""


def capital_word_frequency(answer: str, /, *, capital_frequency: Count, capital_relation: Relation) -> Finding:
    """So many words are all in capitals; words with a hyphen count once, `I` counts."""
    words = _CLITIC.sub(r" \1", _APART.sub(" ", answer)).split()
    return amount(sum(map(str.isupper, words)), capital_relation, capital_frequency, "capital word")


def no_comma(answer: str, /) -> Finding:
    """No comma stands in it; those of other scripts are not meant."""
    commas = answer.count(",")
    return counted(commas, "comma") if commas else None


def _times(pattern: str, text: str) -> int:
    return len(re.findall(pattern, text, flags=re.IGNORECASE))


def _listed(words: list[str]) -> str:
    return ", ".join(map(repr, words))
