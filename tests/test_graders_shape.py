"""Shapes: a text fits when it has one of them; a shape that cannot be tested is found before any text is."""

import json

import pytest

from potstill.errors import BadRecipe
from potstill.graders.shape import LONGEST_REASON, compile_shapes
from potstill.recipe import Shape

CONTACT = {
    "type": "object",
    "required": ["name", "born"],
    "additionalProperties": False,
    "properties": {"name": {"type": "string"}, "born": {"type": "string", "format": "date"}},
}


def test_a_regex_has_to_match_the_whole_text(tmp_path):
    misfit = compile_shapes([Shape(regex=r"\d{4}-\d\d-\d\d")], tmp_path)
    assert misfit("2024-01-02") is None
    assert "does not match" in (misfit("on 2024-01-02") or "")
    assert "does not match" in (misfit("2024-01-02\n") or "")


def test_a_schema_says_where_a_text_does_not_fit(tmp_path):
    misfit = compile_shapes([Shape(json_schema=CONTACT)], tmp_path)
    assert misfit('{"name": "Ada", "born": "1815-12-10"}') is None
    assert "'born' is a required property" in (misfit('{"name": "Ada"}') or "")
    assert "$.born" in (misfit('{"name": "Ada", "born": "10 Dec"}') or "")
    assert "not JSON" in (misfit("Ada, 1815") or "")


def test_one_shape_of_several_is_enough_and_a_misfit_hears_of_all(tmp_path):
    misfit = compile_shapes([Shape(regex="none"), Shape(json_schema=CONTACT)], tmp_path)
    assert misfit("none") is None
    reason = misfit("nobody") or ""
    assert "does not match 'none'" in reason
    assert "not JSON" in reason


def test_without_shapes_every_text_fits(tmp_path):
    assert compile_shapes([], tmp_path)("anything") is None


def test_a_schema_may_be_a_file_beside_the_recipe(tmp_path):
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "contact.json").write_text(json.dumps(CONTACT))
    misfit = compile_shapes([Shape(json_schema="schemas/contact.json")], tmp_path)
    assert misfit('{"name": "Ada", "born": "1815-12-10"}') is None
    assert misfit("[]") is not None


def test_a_reason_is_never_longer_than_a_line_or_two(tmp_path):
    misfit = compile_shapes([Shape(json_schema={"type": "integer"})], tmp_path)
    assert len(misfit(json.dumps("x" * 10_000)) or "") <= LONGEST_REASON


@pytest.mark.parametrize(
    ("shape", "says"),
    [
        (Shape(regex="["), "not a regular expression"),
        (Shape(json_schema={"type": "objekt"}), "not a JSON schema"),
        (Shape(json_schema="missing.json"), "cannot be read"),
        (Shape(json_schema="broken.json"), "is not JSON"),
    ],
)
def test_a_shape_that_cannot_be_tested_is_a_bad_recipe(tmp_path, shape, says):
    (tmp_path / "broken.json").write_text("{")
    with pytest.raises(BadRecipe, match=says) as caught:
        compile_shapes([Shape(regex="fine"), shape], tmp_path)
    assert "filter.format.1" in str(caught.value)


def test_a_schema_never_fetches_another_one(tmp_path):
    misfit = compile_shapes([Shape(json_schema={"$ref": "http://127.0.0.1:9/other.json"})], tmp_path)
    with pytest.raises(BadRecipe, match="refers to"):
        misfit("1")
