"""The grader `constraints`: what each of IFEval's constraints takes and refuses, and what a reference must be."""

import inspect
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from potstill.graders.constraint_language import other_language
from potstill.graders.constraint_sentences import count_sentences
from potstill.graders.constraints import CHECKS, Kept, NotConstraintsError, constraint_list, constraints, kept
from potstill.graders.table import grader
from potstill.recipe import GraderSection

NO_COMMA = {"id": "punctuation:no_comma"}
QUOTED = {"id": "startend:quotation"}
THREE_WORDS = {"id": "length_constraints:number_words", "relation": "at least", "num_words": 3}

COUNTS = st.integers(0, 4)
RELATIONS = st.sampled_from(["at least", "less than"])
PHRASES = st.text(min_size=1).filter(str.strip)
KINDS = {"relation": RELATIONS, "let_relation": RELATIONS, "capital_relation": RELATIONS} | {
    "keywords": st.lists(PHRASES, min_size=1),
    "forbidden_words": st.lists(PHRASES, min_size=1),
    "language": st.sampled_from(["en", "de", "zh"]),
    "letter": PHRASES.map(lambda text: text.strip()[0]),
    "nth_paragraph": st.integers(1, 3),
}
PHRASED = ("keyword", "postscript_marker", "section_spliter", "prompt_to_repeat", "first_word", "end_phrase")
MARKUP = st.text(alphabet="aB'\" .,?!*-[]<>{}#`\n\r1é日") | st.text()

unhurried = settings(deadline=None)
"""The first language that is told loads a model."""


def parameters_of(name: str) -> list[str]:
    return list(inspect.signature(CHECKS[name]).parameters)[1:]


@st.composite
def wanted(draw: st.DrawFn) -> dict[str, object]:
    """Any constraint with parameters that fit."""
    name = draw(st.sampled_from(sorted(CHECKS)))
    kinds = {key: KINDS.get(key, PHRASES if key in PHRASED else COUNTS) for key in parameters_of(name)}
    return {"id": name, **{key: draw(kind) for key, kind in kinds.items()}}


def held(name: str, answer: str, /, *, loose: bool = False, **parameters: object) -> bool:
    """Whether an answer keeps to one constraint."""
    return kept(answer, json.dumps([{"id": name, **parameters}]), loose=loose)[0].kept


@unhurried
@given(MARKUP, st.lists(wanted(), min_size=1, max_size=4))
def test_right_is_every_constraint_kept_and_the_score_is_the_share(answer, wanted):
    judgement, findings = constraints(answer, json.dumps(wanted)), kept(answer, json.dumps(wanted))
    assert [one.id for one in findings] == [one["id"] for one in wanted]
    assert judgement.score == sum(one.kept for one in findings) / len(findings)
    assert judgement.verdict == ("right" if judgement.score == 1 else "wrong")
    assert all(bool(one.reason) != one.kept for one in findings)
    assert all(f"{one.id}: {one.reason}" in judgement.reason for one in findings if not one.kept)


@unhurried
@given(MARKUP, wanted())
def test_what_is_kept_strictly_is_kept_loosely(answer, wanted):
    reference = json.dumps([wanted])
    assert not kept(answer, reference)[0].kept or kept(answer, reference, loose=True)[0].kept


@unhurried
@given(MARKUP.filter(str.strip), wanted())
def test_at_least_and_less_than_exclude_one_another(answer, wanted):
    relations = [key for key in wanted if key.endswith("relation")]
    both = [json.dumps([{**wanted, key: relation}]) for key in relations for relation in ("at least", "less than")]
    assert sum(kept(answer, one)[0].kept for one in both) == len(relations)


@unhurried
@given(wanted(), st.sampled_from(["", " \n", "\r\n\t"]), st.booleans())
def test_an_empty_answer_keeps_nothing(wanted, answer, loose):
    assert kept(answer, json.dumps([wanted]), loose=loose) == [Kept(wanted["id"], False, "the answer is empty")]


@unhurried
@given(MARKUP, wanted())
def test_line_breaks_of_windows_change_nothing(answer, wanted):
    lines = answer.replace("\r", "")
    assert constraints(lines.replace("\n", "\r\n"), json.dumps([wanted])) == constraints(lines, json.dumps([wanted]))
    parts = {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "b"}
    assert held("length_constraints:nth_paragraph_first_word", "a\r\n\r\nb", **parts)


def test_a_wrong_answer_is_told_what_was_found_and_scored_by_the_share():
    judgement = constraints("one, two", json.dumps([THREE_WORDS, NO_COMMA, {"id": "change_case:english_lowercase"}]))
    assert judgement.verdict == "wrong"
    assert judgement.score == pytest.approx(1 / 3)
    assert judgement.reason == (
        "length_constraints:number_words: 2 words, at least 3 wanted; punctuation:no_comma: 1 comma"
    )


@pytest.mark.parametrize(
    ("reference", "says"),
    [
        ("", "not JSON"),
        ("three words", "not JSON"),
        ("[]", "at least one"),
        ('{"id": "punctuation:no_comma"}', "a list"),
        ('["punctuation:no_comma"]', "constraint 1"),
        ('[{"id": "punctuation:no_comma"}, {"num_words": 3}]', "constraint 2"),
        ('[{"id": "punctuation:no_dash"}]', "no 'punctuation:no_dash'"),
        ('[{"id": "punctuation:no_comma", "num_words": 3}]', "num_words"),
        ('[{"id": "length_constraints:number_words", "num_words": 3}]', "relation"),
        ('[{"id": "length_constraints:number_words", "num_words": 3, "relation": "at most"}]', "relation"),
        ('[{"id": "length_constraints:number_words", "num_words": "3", "relation": "at least"}]', "num_words"),
        ('[{"id": "length_constraints:number_words", "num_words": -1, "relation": "at least"}]', "num_words"),
        ('[{"id": "length_constraints:number_words", "num_words": true, "relation": "at least"}]', "num_words"),
        ('[{"id": "keywords:existence", "keywords": []}]', "keywords"),
        ('[{"id": "keywords:existence", "keywords": "tea"}]', "keywords"),
        ('[{"id": "keywords:letter_frequency", "letter": "ab", "let_frequency": 1, "let_relation": "at least"}]', "letter"),
        ('[{"id": "language:response_language", "language": "xx"}]', "'xx'"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("answer", ["", "one two three"])
def test_a_reference_that_is_none_is_never_right_or_wrong(answer, reference, says):
    judgement = constraints(answer, reference)
    assert (judgement.verdict, judgement.score) == ("unparsable", None)
    assert says in judgement.reason


def test_the_recipe_knows_it():
    assert grader(GraderSection(kind="constraints"))("one two three", json.dumps([THREE_WORDS])).verdict == "right"


def test_a_row_of_the_data_becomes_a_reference_without_its_nulls():
    empty = {"num_words": None, "relation": None, "keywords": None}
    row = constraint_list(
        ["length_constraints:number_words", "punctuation:no_comma"],
        [{**empty, "num_words": 3.0, "relation": "at least"}, empty],
    )
    assert json.loads(row) == [THREE_WORDS | {"num_words": 3}, NO_COMMA]
    assert constraints("one two three", row).verdict == "right"


@pytest.mark.parametrize(
    ("names", "parameters", "says"),
    [
        (["punctuation:no_comma"], [], "1 constraints, but parameters for 0"),
        (["punctuation:no_dash"], [{}], "no_dash"),
        (["length_constraints:number_words"], [{"num_words": 3}], "relation"),
    ],
)
def test_a_row_that_does_not_fit_is_refused(names, parameters, says):
    with pytest.raises(NotConstraintsError, match=says):
        constraint_list(names, parameters)


@pytest.mark.parametrize(
    ("name", "parameters", "keeps", "breaks"),
    [
        ("keywords:existence", {"keywords": ["tea", "C++"]}, ["Steam and c++"], ["tea and C", "C++"]),
        ("keywords:frequency", {"keyword": "a.b", "frequency": 2, "relation": "at least"}, ["A.B a.b"], ["a.b axb"]),
        ("keywords:forbidden_words", {"forbidden_words": ["tea", "c++"]}, ["plantea", "c++x"], ["Tea!", "my C++."]),
        ("keywords:letter_frequency", {"letter": "#", "let_frequency": 2, "let_relation": "at least"}, ["##"], ["#"]),
        ("keywords:letter_frequency", {"letter": "Q", "let_frequency": 2, "let_relation": "less than"}, ["q"], ["qQ"]),
        (
            "language:response_language",
            {"language": "de"},
            ["Der Hund liegt heute schon wieder auf dem Sofa.", "123"],
            ["The dog is lying on the sofa again today."],
        ),
        ("length_constraints:number_sentences", {"num_sentences": 2, "relation": "less than"}, ["Mr. Fox."], ["We ran. I sat."]),
        (
            "length_constraints:number_paragraphs",
            {"num_paragraphs": 2},
            ["a\n***\nb", "***a***b***"],
            ["a", "a***b***c", "a\n\nb", "a*** ***b"],
        ),
        ("length_constraints:number_words", {"num_words": 3, "relation": "less than"}, ["Größe 日本", "don't"], ["a-b-c"]),
        (
            "length_constraints:nth_paragraph_first_word",
            {"num_paragraphs": 2, "nth_paragraph": 2, "first_word": "Once"},
            ["a b\n\n'once, twice'", "a\n\n\nONCE b", "a\n\nonce\n\n"],
            ["once\n\na", "a\n\nonceler", "once", "a\n\nonce\n\nb", "a\n\n\n\nonce", "a\n\n**once**"],
        ),
        ("detectable_content:number_placeholders", {"num_placeholders": 2}, ["[a] [b c]", "[][]"], ["[a]", "[a\nb] [c]", "[[a]"]),
        ("detectable_content:postscript", {"postscript_marker": "P.S."}, ["Bye\np.s. x", "P. S. x", "P.P.S."], ["PS x", "p.s"]),
        ("detectable_content:postscript", {"postscript_marker": "P.P.S"}, ["p. p.s x"], ["P.S. x"]),
        (
            "detectable_format:number_bullet_lists",
            {"num_bullets": 2},
            ["* a\n* b", "- a\n  - b", "*a\n\t-b", "**no**\n- a\n* b"],
            ["* a", "* a\n* b\n- c", "• a\n• b", "- a\n- b\n---"],
        ),
        ("detectable_format:constrained_response", {}, ["So: My answer is no."], ["My answer is No.", "yes"]),
        (
            "detectable_format:number_highlighted_sections",
            {"num_highlights": 2},
            ["*a* *b*", "**a** and **b**", "*a*, **b**"],
            ["*a*", "**a**", "* * **  **", "*a\nb*\n*c"],
        ),
        (
            "detectable_format:multiple_sections",
            {"section_spliter": "Section", "num_sections": 2},
            ["Section 1\na\nSection 2\nb", "**Section1** Section\n12"],
            ["SECTION 1 SECTION 2", "Section A Section B", "Section 1"],
        ),
        (
            "detectable_format:json_format",
            {},
            ['{"a": [1]}', '```json\n{"a": 1}\n```', "```\n[]\n```", "```JSON {}```"],
            ["{'a': 1}", 'Here: {"a": 1}', '{"a": 1} Done.', "[" * 100_000],
        ),
        ("detectable_format:title", {}, ["<<A poem>>\nx", "see << a < b >>"], ["<a>", "<< >>", "<<a\nb>>", "<<<>>>", ">>a<<"]),
        (
            "combination:two_responses",
            {},
            ["a******b", "******a\n******\nb******"],
            ["a", "a******a ", "a******b******c", "a************b"],
        ),
        ("combination:repeat_prompt", {"prompt_to_repeat": "Say hi. "}, ["\nsay HI. Hi"], ["Hi. Say hi.", "Say  hi."]),
        ("startend:end_checker", {"end_phrase": "The end. "}, ["x the END.\n", '"x the end."'], ["the end. x", "the end"]),
        ("startend:quotation", {}, [' "a"\n', '"a" and "b"'], ["“a”", '"', 'a"', "'a'"]),
        (
            "change_case:capital_word_frequency",
            {"capital_frequency": 2, "capital_relation": "at least"},
            ["I AM", "NATO,EU", "DON'T", "ÜBER ALLES", "*YES*—(NO)"],
            ["NATO", "I'm Mr X-ray", "TOP-SECRET", "NATOs EUs"],
        ),
        (
            "change_case:english_capital",
            {},
            ["THE DOG IS LYING ON THE SOFA AGAIN.", "YES"],
            ["THE DOG IS LYING ON THE sofa.", "123", "DER HUND LIEGT HEUTE SCHON WIEDER AUF DEM SOFA."],
        ),
        (
            "change_case:english_lowercase",
            {},
            ["the dog is lying on the sofa again."],
            ["The dog is lying on the sofa.", "...", "der hund liegt heute schon wieder auf dem sofa."],
        ),
        ("punctuation:no_comma", {}, ["a; b", "一、二，三"], ["a, b", "1,000"]),
    ],
)  # fmt: skip
def test_each_constraint_takes_and_refuses(name, parameters, keeps, breaks):
    assert [answer for answer in keeps if not held(name, answer, **parameters)] == []
    assert [answer for answer in breaks if held(name, answer, **parameters)] == []


def test_loosely_a_first_line_a_last_line_and_stars_do_not_matter():
    for answer in ('Sure:\n"a"', '"a"\nBye', 'Sure:\n"a"\nBye', '*"a"*', 'Sure:\n**"a"**\nBye'):
        assert not held("startend:quotation", answer)
        assert held("startend:quotation", answer, loose=True), answer
    assert not held("startend:quotation", 'Well,\nsure:\n"a"', loose=True)


def test_each_constraint_is_loosened_alone():
    answer = 'Sure, here:\n"a"\nBye'
    assert [one.kept for one in kept(answer, json.dumps([QUOTED, NO_COMMA]), loose=True)] == [True, True]
    assert [one.kept for one in kept(answer, json.dumps([QUOTED, NO_COMMA]))] == [False, False]


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("no end", 1),
        ("One. Two! Three? Four", 4),
        ("Wow!!! Really?! Yes...", 3),
        ("wait... what", 1),
        ("Wait... What", 2),
        ("Mr. and Mrs. Fox met Dr. J. K. Hen in the U.S. at 5 p.m. on Sept. 3.", 1),
        ("He lives in the U.S. The house is small.", 2),
        ('He said "Go!" and left. (She stayed.) They *all* slept.**', 4),
        ("3.14 is pi and example.com is a site.", 1),
        ("- one\n- two\n\nthree", 1),
        ("1. One\n2. Two", 3),
    ],
)
def test_sentences_end_at_stops_not_at_abbreviations_or_lines(text, count):
    assert count_sentences(text) == count


@given(st.lists(st.sampled_from(["Cats sleep.", "Do dogs bark?", "Stop!", "He said “no.”"])))
def test_whole_sentences_are_counted_however_they_are_spaced(sentences):
    assert count_sentences(" ".join(sentences)) == count_sentences("\n\n".join(sentences)) == len(sentences)


def test_a_language_that_is_in_doubt_is_not_held_against_an_answer():
    assert other_language("FARE INSIGHT ANALYTICS", "en") is None
    assert other_language("FARE INSIGHT ANALYTICS", "it") is None
    assert other_language("FARE INSIGHT ANALYTICS", "de") is not None
    assert other_language("The dog is lying on the sofa again today.", "ne") == "en"
    assert other_language("\ud800 \x00", "en") is None
