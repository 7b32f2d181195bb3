"""Constraints on the form of an answer: its parts, marks, beginning and end.

Each takes the answer and its parameters, under the names that IFEval's data has, and gives a `Finding`.
"""

import json
import re

from .constraint_parameters import QUOTED, Count, Finding, Phrase, amount, counted, exactly

OPTIONS = ("My answer is yes.", "My answer is no.", "My answer is maybe.")
"""What `constrained_response` chooses from."""


def number_placeholders(answer: str, /, *, num_placeholders: Count) -> Finding:
    """At least so many placeholders, such as `[address]`, each in one line."""
    return amount(sum(map(_brackets, answer.split("\n"))), "at least", num_placeholders, "placeholder")


def _brackets(line: str) -> int:
    """How often something stands in square brackets, the leftmost first."""
    count = end = 0
    while (start := line.find("[", end)) >= 0 and (end := line.find("]", start) + 1):
        count += 1
    return count


def postscript(answer: str, /, *, postscript_marker: Phrase) -> Finding:
    """The marker of a postscript stands in it, in any case, with or without a space after its full stops."""
    letters = r"\.\s?".join(map(re.escape, postscript_marker.strip().lower().split(".")))
    marker = letters.removesuffix(r"\s?")
    return None if re.search(marker, answer.lower()) else f"no {postscript_marker.strip()!r}"


def number_bullet_lists(answer: str, /, *, num_bullets: Count) -> Finding:
    """Exactly so many lines that begin with `-`, or with `*` and no second one; `---` counts, as it does in IFEval."""
    lines = [line.lstrip() for line in answer.split("\n")]
    bullets = sum(line.startswith("-") or (line.startswith("*") and not line.startswith("**")) for line in lines)
    return exactly(bullets, num_bullets, "bullet")


def constrained_response(answer: str, /) -> Finding:
    """One of the `OPTIONS` stands in it."""
    return None if any(option in answer for option in OPTIONS) else "none of the three options"


def number_highlighted_sections(answer: str, /, *, num_highlights: Count) -> Finding:
    """At least so many stretches of a line between stars, `*a*` or `**a**`, each with something in it."""
    stretches = re.findall(r"\*([^\n*]*)\*", answer) + re.findall(r"\*\*([^\n*]*)\*\*", answer)
    return amount(sum(1 for inner in stretches if inner.strip()), "at least", num_highlights, "highlight")


def multiple_sections(answer: str, /, *, section_spliter: Phrase, num_sections: Count) -> Finding:
    """At least so many sections, which begin with a word such as `Section`, in that case, and a number."""
    heads = re.findall(rf"{re.escape(section_spliter.strip())}\s?\d", answer)
    return amount(len(heads), "at least", num_sections, "section")


def json_format(answer: str, /) -> Finding:
    """The whole is JSON as Python reads it, alone or in a code fence."""
    text = re.sub(r"\A```(?:json|Json|JSON)?", "", answer.strip()).removesuffix("```").strip()
    try:
        json.loads(text)
    except (ValueError, RecursionError) as error:
        return f"not JSON: {error}"
    return None


def title(answer: str, /) -> Finding:
    """A title stands in it, such as `<<poem of joy>>`, in one line."""
    return None if any(map(_titled, answer.split("\n"))) else "no <<title>>"


def _titled(line: str) -> bool:
    start, end = line.find("<<"), line.rfind(">>")
    return 0 <= start < end and bool(line[start:end].strip("<> \t\r"))


def two_responses(answer: str, /) -> Finding:
    """Two different responses with `******` between them; it may stand before the first and after the second."""
    parts = [part.strip() for part in answer.split("******")]
    if not all(parts[1:-1]):
        return "an empty response between two dividers"
    responses = [part for part in parts if part]
    if len(responses) != 2:
        return f"{counted(len(responses), 'response')}, 2 wanted"
    return None if responses[0] != responses[1] else "twice the same response"


def repeat_prompt(answer: str, /, *, prompt_to_repeat: Phrase) -> Finding:
    """It begins with the prompt, in any case."""
    begun = answer.strip().lower().startswith(prompt_to_repeat.strip().lower())
    return None if begun else f"begins with {answer.strip()[:QUOTED]!r}"


def end_checker(answer: str, /, *, end_phrase: Phrase) -> Finding:
    """It ends with a phrase, in any case; quotation marks around the whole do not matter."""
    text = answer.strip().strip('"')
    return None if text.lower().endswith(end_phrase.strip().lower()) else f"ends with {text[-QUOTED:]!r}"


def quotation(answer: str, /) -> Finding:
    """The whole stands in double quotation marks, straight ones."""
    text = answer.strip()
    quoted = len(text) > 1 and text[0] == text[-1] == '"'
    return None if quoted else "no quotation marks around it"
