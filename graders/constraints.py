"""The grader `constraints`: answers that can be checked by a program alone, by the 25 constraints of IFEval.

The constraints, their names and parameters, and what strict and loose mean are those of Zhou et al. 2023 (arXiv 2311.07911),
so that figures can be compared. A prompt's reference lists what its answer must keep to:
`[{"id": "length_constraints:number_words", "relation": "at least", "num_words": 300}, {"id": "punctuation:no_comma"}]`.
"""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from pydantic import ConfigDict, ValidationError, validate_call

from .constraint_form import (
    constrained_response,
    end_checker,
    json_format,
    multiple_sections,
    number_bullet_lists,
    number_highlighted_sections,
    number_placeholders,
    postscript,
    quotation,
    repeat_prompt,
    title,
    two_responses,
)
from .constraint_length import nth_paragraph_first_word, number_paragraphs, number_sentences, number_words
from .constraint_parameters import Finding
from .constraint_wording import (
    capital_word_frequency,
    english_capital,
    english_lowercase,
    existence,
    forbidden_words,
    frequency,
    letter_frequency,
    no_comma,
    response_language,
)
from .json_value import NotJsonError, read_json
from .judgement import Judgement, right, unparsable

Check: TypeAlias = Callable[..., Finding]
"""An answer and, by their names, a constraint's parameters to what was found; any text is an answer."""

CHECKS: Mapping[str, Check] = {
    "keywords:existence": existence,
    "keywords:frequency": frequency,
    "keywords:forbidden_words": forbidden_words,
    "keywords:letter_frequency": letter_frequency,
    "language:response_language": response_language,
    "length_constraints:number_sentences": number_sentences,
    "length_constraints:number_paragraphs": number_paragraphs,
    "length_constraints:number_words": number_words,
    "length_constraints:nth_paragraph_first_word": nth_paragraph_first_word,
    "detectable_content:number_placeholders": number_placeholders,
    "detectable_content:postscript": postscript,
    "detectable_format:number_bullet_lists": number_bullet_lists,
    "detectable_format:constrained_response": constrained_response,
    "detectable_format:number_highlighted_sections": number_highlighted_sections,
    "detectable_format:multiple_sections": multiple_sections,
    "detectable_format:json_format": json_format,
    "detectable_format:title": title,
    "combination:two_responses": two_responses,
    "combination:repeat_prompt": repeat_prompt,
    "startend:end_checker": end_checker,
    "startend:quotation": quotation,
    "change_case:capital_word_frequency": capital_word_frequency,
    "change_case:english_capital": english_capital,
    "change_case:english_lowercase": english_lowercase,
    "punctuation:no_comma": no_comma,
}
"""All constraints by their names in a reference. To add one: a function in a file of its group, a line here."""

_validated = validate_call(config=ConfigDict(strict=True))
_VALIDATED = {name: _validated(check) for name, check in CHECKS.items()}


class NotConstraintsError(ValueError):
    """A reference that is no list of constraints; says why."""


@dataclass(frozen=True, slots=True)
class Kept:
    """One constraint of a reference, held against an answer."""

    id: str
    kept: bool
    reason: str = ""
    """What was found in its place; empty where it is kept."""


def constraints(answer: str, reference: str) -> Judgement:
    """Right when every constraint of the reference is kept, strictly; else wrong, and the score is the share kept."""
    try:
        findings = kept(answer, reference)
    except NotConstraintsError as error:
        return unparsable(f"the reference is no list of constraints: {error}")
    broken = [f"{one.id}: {one.reason}" for one in findings if not one.kept]
    share = sum(one.kept for one in findings) / len(findings)
    return Judgement("wrong", share, "; ".join(broken)) if broken else right()


def kept(answer: str, reference: str, *, loose: bool = False) -> list[Kept]:
    r"""Each constraint of the reference, in its order, held against the answer. An empty answer keeps none.

    Args:
        answer: what is checked; `\r\n` in it is a line break like `\n`.
        reference: a JSON list of constraints.
        loose: whether it is enough that the answer keeps a constraint without its first line, without its last, without
            both, or any of these and itself without stars.

    Raises:
        NotConstraintsError: the reference is no such list, names a constraint that there is not, or gives parameters that
            it does not take.
    """
    wanted = _read(reference)
    text = answer.replace("\r\n", "\n")
    if not text.strip():
        return [Kept(name, False, "the answer is empty") for name, _ in wanted]
    variants = list(_variants(text)) if loose else []
    return [_held(name, parameters, text, variants) for name, parameters in wanted]


def constraint_list(names: Sequence[str], parameters: Sequence[Mapping[str, Any]]) -> str:
    """The reference of one row of IFEval, from its columns `instruction_id_list` and `kwargs`.

    Args:
        names: of the constraints.
        parameters: of each; those that are null belong to other constraints and are dropped. A whole number that a table
            made a float of, for its gaps, is one again.

    Raises:
        NotConstraintsError: there are not as many of both, or they name what there is not.
    """
    if len(names) != len(parameters):
        raise NotConstraintsError(f"{len(names)} constraints, but parameters for {len(parameters)}")
    pairs = zip(names, parameters, strict=True)
    reference = json.dumps([{"id": name, **_given(some)} for name, some in pairs], ensure_ascii=False)
    _read(reference)
    return reference


def _given(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: int(value) if isinstance(value, float) and value.is_integer() else value
        for name, value in parameters.items()
        if value is not None
    }


def _held(name: str, parameters: Mapping[str, Any], text: str, variants: Sequence[str]) -> Kept:
    check = CHECKS[name]
    finding = check(text, **parameters)
    if finding is None or any(check(variant, **parameters) is None for variant in variants):
        return Kept(name, True)
    return Kept(name, False, finding)


def _variants(text: str) -> Iterator[str]:
    """The seven other forms of an answer of which any may keep a constraint loosely; empty ones are none."""
    lines = text.split("\n")
    shorter = ["\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1])]
    forms = [*shorter, *(form.replace("*", "") for form in (text, *shorter))]
    return (form for form in forms if form.strip())


def _read(reference: str) -> list[tuple[str, dict[str, Any]]]:
    """The names and parameters of a reference's constraints, all of them fit to be checked."""
    try:
        given = read_json(reference)
    except NotJsonError as error:
        raise NotConstraintsError(f"not JSON: {error}") from None
    if not isinstance(given, list) or not given:
        raise NotConstraintsError("a list with at least one constraint is wanted")
    return [_constraint(one, f"constraint {number}") for number, one in enumerate(given, 1)]


def _constraint(given: Any, where: str) -> tuple[str, dict[str, Any]]:
    if not isinstance(given, dict) or not isinstance(name := given.get("id"), str):
        raise NotConstraintsError(f'{where} is no object with a text "id"')
    if name not in CHECKS:
        raise NotConstraintsError(f"{where}: there is no {name!r}; there are {', '.join(CHECKS)}")
    parameters = {key: value for key, value in given.items() if key != "id" and value is not None}
    try:
        # A check takes any text: that of none proves the parameters.
        _VALIDATED[name]("", **parameters)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise NotConstraintsError(f"{where} ({name}): {problems}") from None
    return name, parameters
