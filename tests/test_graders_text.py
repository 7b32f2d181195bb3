"""Graders: what the answer did badly is wrong; what the grader cannot decide is never right or wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import BadRecipe
from potstill.graders.json_value import NotJsonError, read_json, same_value
from potstill.graders.normalised import normalise
from potstill.graders.table import GRADERS, grader
from potstill.recipe import GraderSection

EXACT = grader(GraderSection())
NORMALISED = grader(GraderSection(kind="normalised"))
JSON = grader(GraderSection(kind="json"))
NUMBER = grader(GraderSection(kind="regex", pattern=r"-?\d+"))
MARKED = grader(GraderSection(kind="regex", pattern=r"#### (\S+)"))


def test_every_kind_of_the_recipe_has_a_grader():
    assert set(GRADERS) == set(GraderSection.model_json_schema()["properties"]["kind"]["enum"])


@pytest.mark.parametrize("judge", [EXACT, NORMALISED, JSON, NUMBER])
def test_without_a_reference_nothing_is_judged(judge):
    judgement = judge("1", None)
    assert (judgement.verdict, judgement.score) == ("no_reference", None)


def test_exact_is_character_for_character_and_names_loose_white_space():
    assert EXACT("2024-01-02", "2024-01-02").verdict == "right"
    missed = EXACT("2024-01-02\n", "2024-01-02")
    assert missed.verdict == "wrong"
    assert "white space" in missed.reason
    assert "white space" not in EXACT("2024-01-03", "2024-01-02").reason


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("  Paris\n", "paris"),
        ("Straße", "STRASSE"),
        ("ﬁne ２", "fine 2"),
        ("a  b", "a b"),
        ("e\u0301", "é"),
        ("İ", "i̇"),
    ],
)
def test_normalised_does_not_mind_case_width_composition_and_spacing(answer, reference):
    assert NORMALISED(answer, reference).verdict == "right"


def test_normalised_minds_everything_else():
    assert NORMALISED("Paris.", "Paris").verdict == "wrong"
    assert NORMALISED("ab", "a b").verdict == "wrong"


@given(st.text())
def test_normalising_twice_is_normalising_once(text):
    assert normalise(normalise(text)) == normalise(text)


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ('{"b": [1, 2.0], "a": null}', '{"a":null,"b":[1.00,2]}'),
        ("1e2", "100"),
        ("0.10", "0.1"),
        ('"\\u00e9"', '"é"'),
        (" true ", "true"),
    ],
)
def test_the_same_json_value_is_right_however_it_is_written(answer, reference):
    assert JSON(answer, reference).verdict == "right"


@pytest.mark.parametrize(
    ("answer", "reference"),
    [
        ("true", "1"),
        ("[1, 2]", "[2, 1]"),
        ('{"a": 1, "b": 2}', '{"a": 1}'),
        ("9007199254740993", "9007199254740992"),
        ("0.1000000000000000001", "0.1"),
        ('"1"', "1"),
        ("null", "0"),
        ("[]", "{}"),
    ],
)
def test_another_json_value_is_wrong(answer, reference):
    assert JSON(answer, reference).verdict == "wrong"


@pytest.mark.parametrize(
    "answer", ["Sure! {}", '```json\n{"a": 1}\n```', "{'a': 1}", "NaN", '{"a": 1, "a": 1}', "", "[" * 9999]
)
def test_an_answer_that_is_not_json_is_wrong_and_says_why(answer):
    judgement = JSON(answer, '{"a": 1}')
    assert judgement.verdict == "wrong"
    assert judgement.reason.startswith("not JSON")


def test_a_reference_that_is_not_json_is_the_graders_trouble_not_the_answers():
    assert JSON("1", "one").verdict == "unparsable"


_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(_VALUES, _VALUES)
def test_same_value_agrees_with_canonical_json(one, other):
    import json

    canonical = [json.dumps(value, sort_keys=True) for value in (one, other)]
    assert same_value(one, other) == (canonical[0] == canonical[1])


def test_reading_json_tells_what_is_wrong():
    with pytest.raises(NotJsonError, match="key twice"):
        read_json('{"a": 1, "a": 2}')
    with pytest.raises(NotJsonError, match="code fence"):
        read_json("```\n1\n```")


def test_regex_compares_the_last_match():
    assert NUMBER("3 and 4 make 7", "7").verdict == "right"
    assert NUMBER("7 is not 8", "7").verdict == "wrong"
    assert MARKED("first #### 3, no: #### 5", "because … #### 5").verdict == "right"


def test_regex_without_a_match_is_wrong_in_the_answer_and_undecided_in_the_reference():
    assert MARKED("five", "#### 5").verdict == "wrong"
    assert MARKED("#### 5", "five").verdict == "unparsable"


def test_a_broken_pattern_is_a_bad_recipe():
    with pytest.raises(BadRecipe, match=r"eval\.grader\.pattern"):
        grader(GraderSection(kind="regex", pattern="("))
    with pytest.raises(BadRecipe, match=r"filter\.grader\.pattern"):
        grader(GraderSection(kind="regex", pattern="("), "filter.grader")
