"""The practice teacher over real HTTP: what it answers, what it refuses, how it fails, and when it ends."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from email.message import Message
from http.client import RemoteDisconnected
from pathlib import Path
from typing import Any

import orjson
import pytest
from openai import AuthenticationError, NotFoundError, OpenAI

from potstill.errors import BadRecipe
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.replay import read_recorded
from potstill.teacher.practice.settings import practice_settings
from potstill.teacher.practice.source import practice_prompts
from potstill.teacher.practice.tokens import TOKENS_PER_MESSAGE, pieces

ROWS = list(practice_prompts("practice://skills?rows=40"))
PLAIN, HABITUAL = "Date: 12 March 2024", "Date: the 12th of March 2024"
FLAWLESS = "practice://skills?wrong=0&habit=0&refused=0&truncated=0"


def body(prompt: str, **fields: object) -> bytes:
    return orjson.dumps({"model": "practice-1", "messages": [{"role": "user", "content": prompt}], **fields})


def post(base: str, raw: bytes) -> tuple[int, Message, bytes]:
    request = urllib.request.Request(f"{base}/chat/completions", raw, {"Content-Type": "application/json"})
    try:
        with urllib.request.urlopen(request, timeout=10) as reply:
            return reply.status, reply.headers, reply.read()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read()


def ask(base: str, prompt: str, **fields: object) -> dict[str, Any]:
    status, _, raw = post(base, body(prompt, **fields))
    assert status == 200, raw
    return json.loads(raw)


def texts(base: str, prompt: str, **fields: object) -> list[str]:
    return [choice["message"]["content"] for choice in ask(base, prompt, **fields)["choices"]]


def get(url: str) -> dict[str, Any]:
    with urllib.request.urlopen(url, timeout=10) as reply:
        return json.loads(reply.read())


def stats(base: str) -> dict[str, Any]:
    return get(base.removesuffix("/v1") + "/stats")


def error_of(base: str, raw: bytes) -> tuple[int, str]:
    status, _, told = post(base, raw)
    error = json.loads(told)["error"]
    assert set(error) == {"message", "type", "param", "code"}
    return status, error["code"]


@pytest.fixture(scope="module")
def flawless() -> Iterator[str]:
    with start_practice(practice_settings(FLAWLESS)) as base:
        yield base


@pytest.fixture(scope="module")
def strict() -> Iterator[str]:
    with start_practice(practice_settings("practice://skills?unsupported=top_p")) as base:
        yield base


def test_it_says_everywhere_that_it_is_simulated(flawless: str) -> None:
    assert get(flawless.removesuffix("/v1") + "/")["simulated"] is True
    assert "simulated" in get(f"{flawless}/models")["data"][0]["owned_by"]
    assert ask(flawless, PLAIN)["system_fingerprint"].startswith("simulated-")


def test_the_openai_client_is_served_with_references_and_usage(flawless: str) -> None:
    client = OpenAI(base_url=flawless, api_key="none", max_retries=0)
    for row in ROWS:
        reply = client.chat.completions.create(
            model="practice-1", messages=[{"role": "user", "content": row["prompt"]}]
        )
        assert reply.choices[0].message.content == row["reference"]
        assert reply.choices[0].finish_reason == "stop"
        assert reply.usage is not None
        assert reply.usage.prompt_tokens == TOKENS_PER_MESSAGE + len(pieces(row["prompt"]))
        assert reply.usage.completion_tokens == len(pieces(row["reference"]))
    with pytest.raises(NotFoundError, match="practice-1"):
        client.chat.completions.create(model="gpt-1", messages=[{"role": "user", "content": PLAIN}])
    assert [model.id for model in client.models.list()] == ["practice-1"]


def test_an_answer_depends_on_prompt_seed_and_choice_whatever_came_before() -> None:
    settings = practice_settings("practice://skills?wrong=0.9&seed=3")
    with start_practice(settings) as base:
        first = [texts(base, PLAIN, seed=seed, n=4) for seed in range(5)]
        assert len({text for choices in first for text in choices}) > 10
        assert texts(base, PLAIN, seed=2) == first[2][:1]
    with start_practice(settings) as base:
        assert [texts(base, PLAIN, seed=seed, n=4) for seed in reversed(range(5))] == first[::-1]


def test_without_a_seed_each_request_is_a_fresh_draw() -> None:
    with start_practice(practice_settings("practice://skills?wrong=0.9")) as base:
        one_by_one = [texts(base, PLAIN)[0] for _ in range(12)]
        assert len(set(one_by_one)) > 4
    with start_practice(practice_settings("practice://skills?wrong=0.9")) as base:
        assert texts(base, PLAIN, n=12) == one_by_one


def test_temperature_zero_is_one_answer_and_shows_the_habit() -> None:
    with start_practice(practice_settings("practice://skills")) as base:
        assert {text for seed in range(8) for text in texts(base, PLAIN, temperature=0, seed=seed)} == {"2024-03-12"}
        assert {text for _ in range(8) for text in texts(base, HABITUAL, temperature=0, n=2)} == {"12 March 2024"}


def test_max_tokens_cuts_and_says_so(flawless: str) -> None:
    for field in ("max_tokens", "max_completion_tokens"):
        reply = ask(flawless, PLAIN, **{field: 4})
        assert reply["choices"][0]["message"]["content"] == "2024"
        assert reply["choices"][0]["finish_reason"] == "length"
        assert reply["usage"]["completion_tokens"] == 4
    assert ask(flawless, PLAIN, max_tokens=10)["choices"][0]["finish_reason"] == "stop"


def test_refusals_filters_and_cuts_travel_as_an_api_tells_them() -> None:
    with start_practice(practice_settings("practice://skills?wrong=0&refused=1&truncated=0")) as base:
        messages = [choice["message"] for choice in ask(base, PLAIN, n=40)["choices"]]
        assert {message["content"] is None for message in messages} == {True, False}
        assert all((message["content"] is None) == (message["refusal"] is not None) for message in messages)
    with start_practice(practice_settings("practice://skills?wrong=0&refused=0&truncated=1")) as base:
        assert {choice["finish_reason"] for choice in ask(base, PLAIN, n=9)["choices"]} == {"length"}
    with start_practice(practice_settings("practice://skills?wrong=0&refused=0&truncated=0&content_filter=1")) as base:
        assert {choice["finish_reason"] for choice in ask(base, PLAIN, n=9)["choices"]} == {"content_filter"}


def test_logprobs_name_every_token_and_are_a_distribution(flawless: str) -> None:
    told = ask(flawless, PLAIN, logprobs=True, top_logprobs=5)["choices"][0]["logprobs"]["content"]
    assert "".join(token["token"] for token in told) == "2024-03-12"
    for token in told:
        alternatives = token["top_logprobs"]
        assert len({other["token"] for other in alternatives}) == 5
        assert alternatives == sorted(alternatives, key=lambda other: -other["logprob"])
        assert sum(2.718281828 ** other["logprob"] for other in alternatives) < 1
    assert ask(flawless, PLAIN)["choices"][0]["logprobs"] is None


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"{", (400, "invalid_json")),
        (b"[]", (400, "invalid_json")),
        (body(PLAIN, model="other"), (404, "model_not_found")),
        (body(PLAIN, stream=True), (400, "unsupported_value")),
        (body(PLAIN, response_format={"type": "json_object"}), (400, "unsupported_value")),
        (body(PLAIN, top_logprobs=3), (400, "invalid_value")),
        (body(PLAIN, n=0), (400, "invalid_value")),
        (body(PLAIN, max_tokens="9"), (400, "invalid_value")),
        (body(PLAIN, max_tokns=9), (400, "unknown_parameter")),
        (body(PLAIN, top_p=0.5), (400, "unsupported_parameter")),
        (body(PLAIN, messages=[]), (400, "invalid_value")),
        (body(PLAIN, messages=[{"role": "user", "content": 3}]), (400, "invalid_value")),
    ],
)
def test_what_it_does_not_take_is_an_error_in_the_usual_shape(
    raw: bytes, expected: tuple[int, str], strict: str
) -> None:
    assert error_of(strict, raw) == expected


def test_it_wants_its_key_when_told_to() -> None:
    with start_practice(practice_settings(FLAWLESS + "&require_key=1")) as base:
        messages: Any = [{"role": "user", "content": PLAIN}]
        with pytest.raises(AuthenticationError, match="practice-key"):
            OpenAI(base_url=base, api_key="wrong", max_retries=0).models.list()
        with pytest.raises(AuthenticationError):
            OpenAI(base_url=base, api_key="wrong", max_retries=0).chat.completions.create(
                model="practice-1", messages=messages
            )
        right = OpenAI(base_url=base, api_key="practice-key", max_retries=0)
        assert (
            right.chat.completions.create(model="practice-1", messages=messages).choices[0].message.content
            == "2024-03-12"
        )


def test_a_429_by_fault_says_when_and_the_second_attempt_is_answered() -> None:
    with start_practice(practice_settings(FLAWLESS + "&fail_429=1&fail_times=1&retry_after_s=0.2")) as base:
        status, headers, _ = post(base, body(PLAIN))
        assert (status, headers["Retry-After"]) == (429, "0.2")
        assert texts(base, PLAIN) == ["2024-03-12"]


def test_a_500_is_an_error_and_the_second_attempt_is_answered() -> None:
    with start_practice(practice_settings(FLAWLESS + "&fail_500=1&fail_times=1")) as base:
        assert error_of(base, body(PLAIN)) == (500, "internal_error")
        assert texts(base, PLAIN) == ["2024-03-12"]


def test_a_reset_is_no_answer_at_all() -> None:
    with start_practice(practice_settings(FLAWLESS + "&fail_reset=1&fail_times=1")) as base:
        with pytest.raises((ConnectionError, RemoteDisconnected)):
            post(base, body(PLAIN))
        assert texts(base, PLAIN) == ["2024-03-12"]


def test_a_torn_reply_is_a_200_that_is_not_json() -> None:
    with start_practice(practice_settings(FLAWLESS + "&fail_torn=1&fail_times=1")) as base:
        status, _, raw = post(base, body(PLAIN))
        assert status == 200
        with pytest.raises(json.JSONDecodeError):
            json.loads(raw)
        assert texts(base, PLAIN) == ["2024-03-12"]


def test_a_hanging_reply_comes_late() -> None:
    with start_practice(practice_settings(FLAWLESS + "&fail_hang=1&fail_times=1&hang_s=0.3")) as base:
        started = time.monotonic()
        assert texts(base, PLAIN) == ["2024-03-12"]
        assert time.monotonic() - started >= 0.3


def test_faults_come_as_often_as_declared_are_the_same_again_and_pass() -> None:
    settings = practice_settings(FLAWLESS + "&fail_500=0.3&fail_429=0.2&seed=4")
    tallies = []
    for _ in range(2):
        with start_practice(settings) as base:
            for row in ROWS:
                while post(base, body(row["prompt"]))[0] != 200:
                    pass
            tallies.append(stats(base))
    assert tallies[0] == tallies[1]
    # Of 40 requests about as many attempts fail as pass; 10 and 80 are beyond five standard deviations.
    assert 10 < tallies[0]["faults"]["fail_500"] + tallies[0]["faults"]["fail_429"] < 80
    assert tallies[0]["answered"] == tallies[0]["distinct"] == len(ROWS)


def test_a_rate_limit_is_real_and_says_what_is_left() -> None:
    with start_practice(practice_settings(FLAWLESS + "&rpm=120")) as base:
        status, headers, _ = post(base, body(PLAIN))
        assert (status, headers["x-ratelimit-limit-requests"]) == (200, "120")
        replies = [post(base, body(PLAIN)) for _ in range(20)]
        refused = [headers for status, headers, _ in replies if status == 429]
        assert refused
        assert all(0 < float(headers["Retry-After"]) <= 0.5 for headers in refused)
        assert all(headers["x-ratelimit-remaining-requests"] == "0" for headers in refused)
        time.sleep(0.55)
        assert post(base, body(PLAIN))[0] == 200


def test_without_a_limit_the_headers_are_there_too(flawless: str) -> None:
    _, headers, _ = post(flawless, body(PLAIN))
    for what in ("requests", "tokens"):
        for field in ("limit", "remaining", "reset"):
            assert f"x-ratelimit-{field}-{what}" in headers


def test_stats_prove_what_was_asked_twice() -> None:
    with start_practice(practice_settings(FLAWLESS)) as base:
        for seed in (1, 2, 2, 2, 3):
            ask(base, PLAIN, seed=seed)
        error_of(base, body(PLAIN, model="other"))
        told = stats(base)
        assert (told["requests"], told["distinct"], told["asked_again"]) == (6, 4, 2)
        assert (told["answered"], told["answered_again"]) == (5, 2)
        assert told["errors"] == {"model_not_found": 1}
        assert told["completion_tokens"] == 5 * len(pieces("2024-03-12"))


def test_recorded_answers_are_repeated_and_nothing_else_is_answered(tmp_path: Path) -> None:
    rows = [
        {"question": "Why is\n the sky  blue?", "response": "Rayleigh."},
        {"question": "Tea or coffee?", "response": "Tea."},
        {"question": "Tea or coffee?", "response": "Coffee."},
    ]
    (tmp_path / "answers.jsonl").write_bytes(b"\n".join(orjson.dumps(row) for row in rows))
    settings = practice_settings("practice://replay?file=answers.jsonl&prompt=question&answer=response", tmp_path)
    with start_practice(settings) as base:
        assert texts(base, "  Why is the sky blue? ") == ["Rayleigh."]
        assert set(texts(base, "Tea or coffee?", n=20)) == {"Tea.", "Coffee."}
        assert texts(base, "Tea or coffee?", temperature=0) == ["Tea."]
        assert error_of(base, body("Why?")) == (400, "not_recorded")


def test_the_identity_of_a_replay_is_the_content_of_its_file(tmp_path: Path) -> None:
    for name, answer in (("one", "b"), ("two", "b"), ("three", "c")):
        (tmp_path / name).write_text(json.dumps({"prompt": "a", "answer": answer}))
    one, two, three = (
        practice_settings(f"practice://replay?file={name}", tmp_path).identity() for name in ("one", "two", "three")
    )
    assert one == two != three


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("", "no recorded answers"),
        ("[1]", "line 1: this is not a JSON object"),
        ('{"prompt": "a", "answer": "b"}\n{', "line 2: this is not JSON"),
        ('{"prompt": "a", "response": "b"}', "no text in column 'answer'; columns here: prompt, response"),
    ],
)
def test_recorded_answers_that_cannot_be_used_are_explained(tmp_path: Path, content: str, said: str) -> None:
    (tmp_path / "answers.jsonl").write_text(content)
    with pytest.raises(BadRecipe, match=said):
        read_recorded(tmp_path / "answers.jsonl", "prompt", "answer")


def test_a_server_that_cannot_start_says_why(tmp_path: Path) -> None:
    settings = practice_settings("practice://replay?file=answers.jsonl", tmp_path)
    with (
        pytest.raises(BadRecipe, match=r"answers.jsonl: the recorded answers cannot be read"),
        start_practice(settings),
    ):
        pass


def serves(base: str) -> bool:
    try:
        return bool(stats(base))
    except OSError:
        return False


def wait_until_gone(base: str) -> bool:
    deadline = time.monotonic() + 10
    while serves(base) and time.monotonic() < deadline:
        time.sleep(0.02)
    return not serves(base)


def test_the_child_ends_with_the_context() -> None:
    with start_practice(practice_settings(FLAWLESS)) as base:
        assert serves(base)
    assert not serves(base)


def test_the_child_ends_when_its_parent_is_killed() -> None:
    script = (
        "import time\n"
        "from potstill.teacher.practice.launch import start_practice\n"
        "from potstill.teacher.practice.settings import practice_settings\n"
        "with start_practice(practice_settings('practice://skills')) as base:\n"
        "    print(base, flush=True)\n"
        "    time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as parent:
        assert parent.stdout is not None
        base = parent.stdout.readline().strip()
        assert serves(base)
        parent.kill()
    assert wait_until_gone(base)


def test_the_child_ignores_ctrl_c() -> None:
    settings = practice_settings(FLAWLESS).model_dump_json()
    command = [sys.executable, "-m", "potstill.teacher.practice.server", settings]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin is not None
        assert child.stdout is not None
        base = f"http://127.0.0.1:{json.loads(child.stdout.readline())['port']}/v1"
        child.send_signal(signal.SIGINT)
        time.sleep(0.1)
        assert serves(base)
        child.stdin.close()
        assert child.wait(10) == 0


def test_a_users_own_files_shadow_nothing(tmp_path: Path) -> None:
    for name in ("orjson.py", "aiohttp.py", "eval.py", "potstill.py"):
        (tmp_path / name).write_text("raise SystemExit('this is the file of a user')")
    here = os.getcwd()
    os.chdir(tmp_path)
    try:
        with start_practice(practice_settings(FLAWLESS)) as base:
            assert serves(base)
    finally:
        os.chdir(here)
