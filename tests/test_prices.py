"""Prices: whoever states one is heard in order, what a request costs never exceeds its bound, and nothing unknown is sent."""

from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from genai_prices import Usage as Counted
from genai_prices import calc_price
from genai_prices.types import ConditionalPrice, ModelPrice, StartDateConstraint
from hypothesis import given
from hypothesis import strategies as st

from potstill.errors import BadRecipe
from potstill.ledger.prices import Tariff, Usage, describe
from potstill.ledger.published import _possible, published
from potstill.recipe import Price, TeacherSection
from potstill.recipe.load import load_recipe
from potstill.teacher.identity import tariff

MODELS = [
    ("gpt-4o-mini", "https://api.openai.com/v1"),
    ("gpt-5.4", "https://api.openai.com/v1"),  # dearer above a size
    ("claude-sonnet-4-5", "https://api.anthropic.com/v1"),  # bills what it writes to its cache
    ("gemini-2.5-pro", "https://generativelanguage.googleapis.com/v1beta/openai"),  # dearer above a size
    ("sonar", "https://api.perplexity.ai"),  # a fee per request
    ("deepseek-reasoner", "https://api.deepseek.com/v1"),  # cheaper at night
    ("deepseek/deepseek-r1", "https://openrouter.ai/api/v1"),
    ("llama-3.3-70b-versatile", "https://api.groq.com/openai/v1"),
]
KNOWN = {(model, url): published(model, url) for model, url in MODELS}
FOREIGN = TeacherSection(base_url="https://api.example.com/v1", model="house-model")


def known(model: str, url: str) -> Tariff:
    found = KNOWN[model, url]
    assert found is not None
    return found


@st.composite
def usages(draw: st.DrawFn) -> Usage:
    asked = draw(st.integers(0, 2_000_000))
    cached = draw(st.integers(0, asked))
    return Usage(asked, draw(st.integers(0, 500_000)), cached, draw(st.integers(0, asked - cached)))


@given(usages(), st.sampled_from(MODELS), st.integers(0, 1000), st.integers(0, 1000))
def test_no_usage_within_the_bound_costs_more_than_the_bound(
    usage: Usage, at: tuple[str, str], more_in: int, more_out: int
) -> None:
    usd = known(*at)
    assert usd(usage) <= usd.worst(usage.input_tokens + more_in, usage.output_tokens + more_out)


@given(usages(), st.sampled_from(MODELS), st.integers(0, 23))
def test_the_bound_holds_at_every_hour(usage: Usage, at: tuple[str, str], hour: int) -> None:
    model, url = at
    counted = Counted(
        input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cache_read_tokens=usage.cached_tokens
    )
    when = datetime.now(tz=UTC).replace(hour=hour)
    charged = calc_price(counted, model, provider_api_url=url, genai_request_timestamp=when).total_price
    assert float(charged) <= known(model, url).worst(usage.input_tokens, usage.output_tokens)


@given(usages(), st.sampled_from(MODELS))
def test_the_tariff_is_what_genai_prices_reckons(usage: Usage, at: tuple[str, str]) -> None:
    model, url = at
    counted = Counted(
        input_tokens=usage.input_tokens,
        output_tokens=usage.output_tokens,
        cache_read_tokens=usage.cached_tokens,
        cache_write_tokens=usage.cache_write_tokens,
    )
    charged = float(calc_price(counted, model, provider_api_url=url).total_price)
    assert known(model, url)(usage) == pytest.approx(charged, rel=1e-9, abs=1e-15)


def test_the_bound_is_reached_where_prices_are_flat() -> None:
    usd = known(*MODELS[0])
    assert usd.worst(1000, 100) == pytest.approx(usd(Usage(1000, 100)), rel=1e-9)


def test_a_larger_request_is_billed_whole_by_the_band_that_it_reaches() -> None:
    usd = known(*MODELS[3])
    edge = usd.bands[1].above
    assert usd(Usage(edge + 1)) > 1.5 * usd(Usage(edge))
    assert usd.worst(edge, 0) < usd.worst(edge + 1, 0)


def test_the_models_above_have_what_they_stand_for() -> None:
    assert len(known(*MODELS[1]).bands) > 1
    assert known(*MODELS[2]).bands[0].cache_write > known(*MODELS[2]).bands[0].input
    assert known(*MODELS[4]).bands[0].request > 0
    assert known(*MODELS[5]).at_this_hour
    assert not known(*MODELS[0]).at_this_hour


@given(st.integers(0, 1000), st.integers(0, 3000), st.integers(0, 3000), st.sampled_from(MODELS))
def test_counts_of_the_cache_that_do_not_fit_cannot_break_the_bound(
    asked: int, cached: int, written: int, at: tuple[str, str]
) -> None:
    usd = known(*at)
    assert 0 <= usd(Usage(asked, 5, cached, written)) <= usd.worst(asked, 5)


def test_a_price_that_begins_later_counts_for_the_bound_and_one_that_ended_does_not() -> None:
    old, now, later = ModelPrice(), ModelPrice(), ModelPrice()
    lists = [
        ConditionalPrice(None, prices=old),
        ConditionalPrice(StartDateConstraint(datetime(2026, 1, 1).date()), prices=now),
        ConditionalPrice(StartDateConstraint(datetime(2026, 9, 1).date()), prices=later),
    ]
    assert [id(one) for one in _possible(lists, datetime(2026, 5, 1, tzinfo=UTC))] == [id(later), id(now)]
    assert [id(one) for one in _possible(lists, datetime(2026, 9, 1, tzinfo=UTC))] == [id(later)]


@pytest.mark.parametrize(
    ("model", "url"),
    [
        ("qwen-3-coder-480b", "https://api.cerebras.ai/v1"),  # listed, without a price
        ("text-embedding-3-small", "https://api.openai.com/v1"),  # no price of output
        ("whisper-large-v3", "https://api.groq.com/openai/v1"),  # by the hour
        ("gpt-4o-mini", "https://api.example.com/v1"),
    ],
)
def test_a_model_without_a_price_per_token_is_unknown_not_free(model: str, url: str) -> None:
    assert published(model, url) is None


def test_a_model_that_is_called_free_is_free() -> None:
    found = published("qwen/qwen3-coder:free", "https://openrouter.ai/api/v1")
    assert found
    assert found.is_free
    assert "free: qwen/qwen3-coder:free" in describe(found)


def test_a_stated_price_counts_what_is_cached_and_written_apart(tmp_path: Path) -> None:
    section = FOREIGN.model_copy(update={"price": Price(input=1, output=2, cached_input=0.5)})
    usd = tariff(section, tmp_path)
    assert usd(Usage(1_000_000, 1_000_000, 200_000)) == pytest.approx(0.8 + 0.1 + 2)
    assert usd.worst(1_000_000, 1_000_000) == pytest.approx(3)


def test_prices_are_taken_from_the_recipe_then_the_list_then_ones_own_machine_then_genai_prices(tmp_path: Path) -> None:
    openai = TeacherSection(base_url="https://api.openai.com/v1", model="gpt-4o-mini")
    assert tariff(openai, tmp_path).source.startswith("genai-prices")
    own = TeacherSection(base_url="http://127.0.0.1:8000/v1", model="gpt-4o-mini")
    assert describe(tariff(own, tmp_path)) == "free: your own machine"
    prices = tmp_path / "prices.yaml"
    prices.write_text(
        "gpt-4o-mini: {input: 7, output: 8}\n"
        "127.0.0.1:8000/gpt-4o-mini: {input: 9, output: 9, cached_input: 1, cache_write: 12}\n"
    )
    assert describe(tariff(openai, tmp_path)) == f"$7.00 per million tokens in, $8.00 out ({prices})"
    assert tariff(own, tmp_path)(Usage(3_000_000, 0, 1_000_000, 1_000_000)) == pytest.approx(9 + 1 + 12)
    elsewhere = own.model_copy(update={"base_url": "http://127.0.0.1:9000/v1"})
    assert tariff(elsewhere, tmp_path)(Usage(1_000_000)) == pytest.approx(7)
    stated = openai.model_copy(update={"price": Price(input=1, output=1)})
    assert tariff(stated, tmp_path).source == "stated in the recipe"


def test_the_list_may_lie_elsewhere_but_the_one_beside_the_recipe_goes_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    elsewhere = tmp_path / "mine.yaml"
    monkeypatch.setenv("POTSTILL_PRICES", str(elsewhere))
    with pytest.raises(BadRecipe, match=r"mine.yaml: the price list cannot be read"):
        tariff(FOREIGN, tmp_path)
    elsewhere.write_text("house-model: {input: 1, output: 1}\n")
    assert tariff(FOREIGN, tmp_path)(Usage(1_000_000)) == pytest.approx(1)
    (tmp_path / "prices.yaml").write_text("house-model: {input: 2, output: 2}\n")
    assert tariff(FOREIGN, tmp_path)(Usage(1_000_000)) == pytest.approx(2)


@pytest.mark.parametrize("model", ["house-model", "org/Model: v2 #1", "yes"])
def test_the_lines_for_an_unknown_price_work_where_they_are_to_be_pasted(tmp_path: Path, model: str) -> None:
    written = {"teacher": {"base_url": "https://api.example.com:8443/v1", "model": model}, "prompts": {"path": "p"}}
    recipe = tmp_path / "recipe.yaml"
    recipe.write_text(yaml.safe_dump(written, sort_keys=False))
    section = load_recipe(recipe).teacher
    with pytest.raises(BadRecipe) as refused:
        tariff(section, tmp_path)
    _, for_recipe, _, for_list = str(refused.value).splitlines()
    recipe.write_text(recipe.read_text().replace("teacher:\n", f"teacher:\n{for_recipe}\n"))
    with pytest.raises(BadRecipe, match="price"):
        load_recipe(recipe)  # as it stands it is no price: pasted unread it must not make the teacher free
    recipe.write_text(recipe.read_text().replace("…", "1.50"))
    assert tariff(load_recipe(recipe).teacher, tmp_path).source == "stated in the recipe"
    (tmp_path / "prices.yaml").write_text(
        for_list.replace("input: …", "input: 1.50").replace("output: …", "output: 3.00") + "\n"
    )
    assert tariff(section, tmp_path)(Usage(0, 1_000_000)) == pytest.approx(3)


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a/b: {inptu: 1, output: 2}", r"prices.yaml: a/b: unknown key 'inptu': did you mean 'input'\?"),
        ("a/b: {input: 1}", "a/b: 'output' is missing"),
        ("a/b: {input: -1, output: 2}", "a/b: 'input' is -1: 0 or more is wanted"),
        ("a/b: 3", "a/b: a section is wanted here, with keys of its own: input, output"),
        ("5: {input: 1, output: 2}", "5: the name of a model is a text"),
        ("- a", "prices.yaml: a price list is a mapping"),
        ("a: [", "not YAML"),
    ],
)
def test_a_list_that_does_not_hold_says_where(tmp_path: Path, text: str, says: str) -> None:
    (tmp_path / "prices.yaml").write_text(text)
    with pytest.raises(BadRecipe, match=says):
        tariff(FOREIGN, tmp_path)


@pytest.mark.parametrize(
    ("name", "meant"),
    [
        ("https://api.example.com/v1/big-1", "api.example.com/big-1"),
        ("https://API.example.com:8443/openai/v1/org/Model", "api.example.com:8443/org/Model"),
        ("http://gpu-box:8000/big-1", "gpu-box:8000/big-1"),
        ("api.example.com/v1/big-1", "api.example.com/big-1"),
    ],
)
def test_a_name_that_no_teacher_has_is_not_passed_over(tmp_path: Path, name: str, meant: str) -> None:
    (tmp_path / "prices.yaml").write_text(f"{name}: {{input: 1, output: 2}}\n")
    with pytest.raises(BadRecipe, match=f"prices.yaml: {name}: .*did you mean '{meant}'"):
        tariff(TeacherSection(base_url="http://gpu-box:8000/v1", model="big-1"), tmp_path)


def test_the_list_in_the_documentation_works(root: Path, tmp_path: Path) -> None:
    text = (root / "docs" / "ledger.md").read_text(encoding="utf-8")
    (tmp_path / "prices.yaml").write_text(text.split("```yaml\n")[1].split("```")[0])
    assert tariff(FOREIGN, tmp_path)(Usage(1_000_000, 0, 1_000_000)) == pytest.approx(0.25)
    box = TeacherSection(base_url="http://gpu-box:8000/v1", model="qwen3-32b")
    assert tariff(box, tmp_path)(Usage(0, 1_000_000)) == pytest.approx(0.10)
