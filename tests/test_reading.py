"""Reading a reply: its choices and their statuses, and its log-probabilities apart from the rest."""

import json
from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from potstill.ledger.prices import Usage
from potstill.teacher.reading import (
    REFUSAL,
    TornReplyError,
    read_fresh,
    read_logprobs,
    read_reply,
    split_logprobs,
)

TOKEN = {"token": "a", "logprob": -0.25, "bytes": [97], "top_logprobs": [{"token": "a", "logprob": -0.25}]}


def chat(*texts: Any, **more: Any) -> dict[str, Any]:
    choices = [
        {"index": index, "message": {"role": "assistant", "content": text}, "finish_reason": "stop", **more}
        for index, text in enumerate(texts)
    ]
    return {"model": "m", "choices": choices, "usage": {"prompt_tokens": 7, "completion_tokens": 3}}


def raw(*texts: Any, finish: str = "stop") -> dict[str, Any]:
    choices = [{"index": index, "text": text, "finish_reason": finish} for index, text in enumerate(texts)]
    return {
        "model": "m",
        "object": "text_completion",
        "choices": choices,
        "usage": {"prompt_tokens": 7, "completion_tokens": 0},
    }


def test_a_raw_completion_reads_like_a_chat() -> None:
    reply = read_reply(orjson.dumps(raw("a", "", "b")))
    assert [(choice.status, choice.text) for choice in reply.choices] == [("ok", "a"), ("unparsable", ""), ("ok", "b")]
    assert reply.usage == Usage(7, 0, 0)
    assert read_reply(orjson.dumps(raw("a", finish="length"))).choices[0].status == "truncated"
    assert read_reply(orjson.dumps(raw(None))).choices[0].status == "unparsable"


@pytest.mark.parametrize("make", [chat, raw])
def test_choices_come_in_the_order_of_their_index(make: Any) -> None:
    body = make("first", "second", "third")
    body["choices"].reverse()
    assert [choice.text for choice in read_reply(orjson.dumps(body)).choices] == ["first", "second", "third"]


def test_what_a_model_thought_is_no_part_of_its_answer() -> None:
    body = chat("4")
    body["choices"][0]["message"] |= {"reasoning_content": "2 + 2", "reasoning": "2 + 2"}
    assert read_reply(orjson.dumps(body)).choices[0].text == "4"


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("I'm sorry, but I can't help with that.", "refused"),
        ("\n I cannot assist with this.", "refused"),
        ("Sorry, I won’t do that.", "refused"),
        ("As an AI, I am unable to provide it.", "refused"),
        ("but I must decline", "refused"),
        ("I can say that it is 4.", "ok"),
        ("Is it? I cannot help it.", "ok"),
        ("{}", "ok"),
        ("I cannot help you. " + "x" * 400, "ok"),
    ],
)
def test_a_refusal_in_plain_text_is_told_by_how_it_begins(text: str, status: str) -> None:
    assert read_reply(orjson.dumps(chat(text))).choices[0].status == status


@given(st.text(max_size=60) | st.from_regex(REFUSAL))
def test_the_first_letter_never_hides_a_refusal(text: str) -> None:
    text = text.encode("utf-8", "replace").decode()
    status = read_reply(orjson.dumps(chat(text))).choices[0].status
    assert (status == "refused") == (len(text) <= 400 and REFUSAL.match(text) is not None)


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"choices": 3}', b'{"error": {"message": "no"}}', b"[" * 100_000])
def test_what_is_no_completion_is_torn(body: bytes) -> None:
    for read in (read_reply, read_fresh):
        with pytest.raises(TornReplyError):
            read(body)


def test_a_paid_answer_survives_what_strict_json_does_not_know() -> None:
    body = json.dumps(chat("lone \ud800", logprobs={"content": [{"token": "a", "logprob": float("-inf")}]}))
    reply, split = read_fresh(body.encode())
    assert reply.choices[0].text == "lone ?"
    assert read_logprobs(split.logprobs, 0) == [{"token": "a", "logprob": None}]


@pytest.mark.parametrize("body", [chat("a", "b"), chat("a", logprobs=None), raw("a"), chat('say "logprobs"'), chat()])
def test_a_body_without_logprobs_stays_the_very_body(body: dict[str, Any]) -> None:
    sent = orjson.dumps(body)
    for split in (split_logprobs(sent), read_fresh(sent)[1]):
        assert split.body is sent
        assert split.logprobs == b""


def test_logprobs_are_taken_out_and_nothing_else() -> None:
    body = chat("a", "b", logprobs={"content": [TOKEN], "refusal": None})
    body["choices"][1].pop("logprobs")
    sent = orjson.dumps(body)
    split = split_logprobs(sent)
    assert orjson.loads(split.body) == chat("a", "b")
    assert read_reply(split.body) == read_reply(sent)
    assert read_logprobs(split.logprobs, 0) == [TOKEN]
    assert read_logprobs(split.logprobs, 1) is None
    assert read_logprobs(b"", 0) is None


def test_logprobs_stand_where_their_choice_stands() -> None:
    body = chat("first", "second")
    for number, choice in enumerate(body["choices"]):
        choice["logprobs"] = {"content": [TOKEN | {"logprob": -float(number)}]}
    body["choices"].reverse()
    reply, split = read_fresh(orjson.dumps(body))
    assert [choice.text for choice in reply.choices] == ["first", "second"]
    assert [read_logprobs(split.logprobs, choice)[0]["logprob"] for choice in (0, 1)] == [0.0, -1.0]  # type: ignore[index]


def test_logprobs_of_raw_completions_read_like_those_of_chats() -> None:
    body = raw("ab")
    columns = {"tokens": ["a", "b"], "token_logprobs": [None, -1.5], "top_logprobs": [None, {"b": -1.5, "c": -2.0}]}
    body["choices"][0]["logprobs"] = {**columns, "text_offset": [0, 1]}
    _, split = read_fresh(orjson.dumps(body))
    assert read_logprobs(split.logprobs, 0) == [
        {"token": "a", "logprob": None, "top_logprobs": []},
        {
            "token": "b",
            "logprob": -1.5,
            "top_logprobs": [{"token": "b", "logprob": -1.5}, {"token": "c", "logprob": -2.0}],
        },
    ]


@pytest.mark.parametrize(
    ("finish", "status"),
    [
        ("stop", "ok"),
        (None, "ok"),
        ("end_turn", "ok"),
        ("length", "truncated"),
        ("max_tokens", "truncated"),
        ("insufficient_system_resource", "truncated"),
        ("error", "truncated"),
        ("abort", "truncated"),
        ("content_filter", "content_filter"),
        ("safety", "content_filter"),
    ],
)
def test_only_an_answer_that_came_to_its_end_is_ok(finish: str | None, status: str) -> None:
    choice = {"index": 0, "message": {"content": "The first of the five reasons is th"}, "finish_reason": finish}
    assert read_reply(orjson.dumps({"choices": [choice]})).choices[0].status == status


@pytest.mark.parametrize(
    ("told", "usage"),
    [
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 41}, Usage(32, 9)),
        # xAI counts reasoning beside the answer.
        ({"prompt_tokens": 32, "completion_tokens": 9, "total_tokens": 135}, Usage(32, 103)),
        ({"prompt_tokens": 10, "total_tokens": 500}, Usage(10, 490)),
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(10, 5)),
        ({"prompt_tokens": 10}, None),
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 3}, Usage(10, 5)),
    ],
)
def test_what_was_reasoned_is_charged_wherever_it_is_counted(told: dict, usage: Usage | None) -> None:
    choice = {"index": 0, "message": {"content": "fine"}, "finish_reason": "stop"}
    assert read_reply(orjson.dumps({"choices": [choice], "usage": told})).usage == usage
