"""The key of a request. A golden vector that moves makes every user buy their corpus again."""

import hashlib
import json

import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from potstill.ledger.key import KEY_VERSION, TRANSPORT_FIELDS, Draw, canonical, request_keys

BODY = {
    "model": "gpt-4o-mini",
    "messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Grüße, 世界 🙂 \u0001"}],
    "max_tokens": 256,
    "temperature": 0.7,
    "logprobs": True,
    "response_format": {"type": "json_object"},
}

GOLDEN = [
    (
        "api.openai.com/gpt-4o-mini",
        "chat",
        BODY,
        Draw(),
        "e9c9c016a4513bce547de9a04ad1c75b8916ccce444450620c2e696f26103085",
    ),
    (
        "api.openai.com/gpt-4o-mini",
        "chat",
        BODY,
        Draw(index=1),
        "d5cb128f8c1281342fc17d4138819e9e52d98c1d4d6a57f060a9226d64c07a2e",
    ),
    (
        "api.openai.com/gpt-4o-mini",
        "chat",
        BODY,
        Draw("again", 0),
        "558528241d24919bdccc2dd9ee9fc05c4cce262850b88d31ad061d7fab3ecedb",
    ),
    (
        "own/tiny",
        "chat",
        {"model": "tiny", "messages": [], "max_tokens": 1, "top_p": 1e-7},
        Draw(),
        "8d275b57a7e026c0c3c59821b235415ba92858c206774b5719465e352cbf3bb2",
    ),
]


def key(identity: str, operation: str, body: dict, draw: Draw) -> str:
    return request_keys(identity, operation, body, [draw])[0].hex()


def test_golden_vectors_never_move() -> None:
    assert [key(identity, operation, body, draw) for identity, operation, body, draw, _ in GOLDEN] == [
        expected for *_, expected in GOLDEN
    ]


def test_order_of_fields_and_how_an_answer_travels_do_not_matter() -> None:
    shuffled = dict(reversed(BODY.items()))
    for name in TRANSPORT_FIELDS:
        assert key("a", "chat", {**shuffled, name: "whatever"}, Draw()) == key("a", "chat", BODY, Draw())


def test_whatever_shapes_the_answer_is_in_the_key() -> None:
    changed = [
        {**BODY, "messages": BODY["messages"][1:]},
        {**BODY, "model": "gpt-4o"},
        {**BODY, "temperature": 0.8},
        {**BODY, "seed": 7},
        {**BODY, "logprobs": False},
        {**BODY, "response_format": {"type": "text"}},
        {**BODY, "tools": []},
    ]
    keys = {key("a", "chat", body, Draw()) for body in [BODY, *changed]}
    assert len(keys) == len(changed) + 1
    assert key("b", "chat", BODY, Draw()) != key("a", "chat", BODY, Draw())
    assert key("a", "completions", BODY, Draw()) != key("a", "chat", BODY, Draw())


values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), inner, max_size=3)
    ),
    max_leaves=8,
)
names = st.text(st.characters(exclude_categories=["Cs"]))
messages = st.lists(st.dictionaries(st.sampled_from(["role", "content", "näme"]), values, max_size=3), max_size=3)


@given(st.dictionaries(names, values | messages, max_size=5))
def test_the_canonical_form_is_that_of_rfc_8785(fields: dict) -> None:
    assert canonical(fields) == rfc8785.dumps(fields)


@given(st.sampled_from(["x", "y"]), st.dictionaries(names, values, max_size=4), st.text(max_size=3), st.integers(0, 99))
def test_the_key_is_what_its_definition_says(identity: str, fields: dict, series: str, index: int) -> None:
    """BLAKE2b of 32 bytes over [version, identity, operation, body], then [series, index], each by RFC 8785."""
    kept = {name: value for name, value in fields.items() if name not in TRANSPORT_FIELDS}
    series = series.encode("utf-8", "ignore").decode()
    said = rfc8785.dumps([KEY_VERSION, identity, "chat", kept]) + rfc8785.dumps([series, index])
    assert key(identity, "chat", fields, Draw(series, index)) == hashlib.blake2b(said, digest_size=32).hexdigest()


bodies = st.dictionaries(
    st.sampled_from(["model", "messages", "seed", "tools", "n", "stream", "user"]), values, max_size=5
)
draws = st.builds(Draw, st.sampled_from(["main", "again"]), st.integers(0, 5))
asked = st.tuples(st.sampled_from(["x", "y"]), st.sampled_from(["chat", "embed"]), bodies, draws)


@given(asked, asked)
def test_two_requests_have_one_key_exactly_when_they_ask_the_same(one: tuple, other: tuple) -> None:
    def meaning(request: tuple) -> str:
        identity, operation, body, draw = request
        kept = {name: value for name, value in body.items() if name not in TRANSPORT_FIELDS}
        # JSON knows no difference between 1 and 1.0, nor between 0.0 and -0.0; neither does RFC 8785.
        return repr((identity, operation, json.dumps(_plain(kept), sort_keys=True), draw))

    assert (key(*one) == key(*other)) == (meaning(one) == meaning(other))


def _plain(value: object) -> object:
    if isinstance(value, dict):
        return {name: _plain(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [_plain(inner) for inner in value]
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e21:
        return int(value)
    return value
