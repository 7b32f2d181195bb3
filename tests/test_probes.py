"""`potstill check`: what a server ignores in silence is found with a few tokens, and nothing is paid unasked."""

import json
import subprocess
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from potstill.ledger.ledger import Ledger
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings

from .asking import Answer, serving

Potstill = Callable[..., subprocess.CompletedProcess[str]]
NUMBER = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"], "additionalProperties": False}
WORDS = [f"word{number}" for number in range(20)]


class Model:
    """A server's answers, with what it takes and what it ignores."""

    def __init__(self, *ignored: str) -> None:
        self.ignored, self.asked = ignored, 0

    def __call__(self, request: dict[str, Any], number: int) -> Answer:
        if "refused" in self.ignored and "seed" in request:
            problem = {"code": "unsupported_parameter", "param": "seed", "message": "no seeds here"}
            return 400, {}, json.dumps({"error": problem}).encode()
        count = 1 if "n" in self.ignored else request.get("n", 1)
        choices = [self._choice(request, index) for index in range(count)]
        usage = {"prompt_tokens": 9, "completion_tokens": sum(choice.pop("tokens") for choice in choices)}
        counted = {} if "usage" in self.ignored else {"usage": usage}
        return 200, {}, json.dumps({"model": "m", "choices": choices, **counted}).encode()

    def _choice(self, request: dict[str, Any], index: int) -> dict[str, Any]:
        self.asked += 1
        named = self.asked if "seed" in self.ignored else (0 if "sampling" in self.ignored else request.get("seed", 0))
        words = [f"{zlib.crc32(f'{named} {index}'.encode())} ", *(f"{word} " for word in WORDS)]
        if "response_format" in request and "response_format" not in self.ignored:
            words = ['{"n": 1}']
        if "long answers" in self.ignored:
            words = ["yes"]
        cap = len(words) if "cap" in self.ignored else request["max_tokens"]
        cut = len(words) > cap and "finish" not in self.ignored
        told = [{"token": word, "logprob": -0.1, "top_logprobs": [{"token": word, "logprob": -0.1}]} for word in words]
        has_logprobs = request.get("logprobs") and "logprobs" not in self.ignored
        return {
            "index": index,
            "message": {"role": "assistant", "content": "".join(words[:cap])},
            "finish_reason": "length" if cut else "stop",
            "logprobs": {"content": told[:cap]} if has_logprobs else None,
            "tokens": len(words[:cap]),
        }


@contextmanager
def project(folder: Path, *ignored: str, **teacher: object) -> Iterator[list[dict[str, Any]]]:
    """A recipe that relies on everything, before a server that ignores some of it; yields the requests."""
    (folder / "p.jsonl").write_text(
        "".join(json.dumps({"prompt": f"tell me {n}", "reference": "no"}) + "\n" for n in range(10))
    )
    (folder / "number.json").write_text(json.dumps(NUMBER))
    with serving(Model(*ignored)) as (base_url, asked):
        recipe = {
            "teacher": {"base_url": base_url, "model": "m", **teacher},
            "prompts": {"path": "p.jsonl"},
            "generate": {
                "draws": 2,
                "max_tokens": 64,
                "temperature": 1,
                "json_schema": "number.json",
                "extra": {"logprobs": True, "top_logprobs": 1},
            },
            "train": {"student": "scratch:tiny"},
        }
        if "response_format" not in ignored and ignored:  # or every answer would be the same short JSON
            del recipe["generate"]["json_schema"]  # type: ignore[attr-defined]
        (folder / "recipe.yaml").write_text(json.dumps(recipe))
        yield asked


def found(result: subprocess.CompletedProcess[str]) -> dict[str, dict[str, Any]]:
    return {entry["check"]: entry for entry in json.loads(result.stdout)["checks"]}


@pytest.mark.parametrize(
    ("ignored", "check", "level", "says"),
    [
        ("n", "n", "note", "did not answer 2 choices"),
        ("seed", "seed", "note", "same seed gave two answers"),
        ("sampling", "seed", "note", "two seeds gave the same answer"),
        ("logprobs", "logprobs", "wrong", "answered without"),
        ("cap", "cap", "wrong", "ignores the cap"),
        ("finish", "cap", "wrong", "cut an answer off after 2 tokens and called it whole"),
        ("usage", "usage", "note", "does not count tokens"),
        ("response_format", "response_format", "wrong", "generate.schema_mode: none"),
        ("refused", "cap", "wrong", "`seeds: false` under `teacher:`"),
    ],
)
def test_what_a_server_ignores_is_found(
    potstill_in: Potstill, tmp_path: Path, ignored: str, check: str, level: str, says: str
) -> None:
    with project(tmp_path, ignored):
        result = potstill_in("check", "--json")
    entries = found(result)
    assert says in entries[check]["says"], result.stdout
    assert (entries[check]["ok"], entries[check]["note"]) == (level != "wrong", level == "note")
    assert result.returncode == (2 if level == "wrong" else 0)
    others = [name for name, entry in entries.items() if name != check and not (entry["ok"] and not entry["note"])]
    assert not others, "nothing else is wrong with this server"


def test_answers_that_other_probes_have_bought_do_not_pass_for_two_choices_of_one_request(
    potstill_in: Potstill, tmp_path: Path
) -> None:
    with project(tmp_path, "n", "long answers"):
        told = found(potstill_in("check", "--json"))["n"]
    assert "did not answer 2 choices" in told["says"]


def test_a_server_that_takes_everything_is_told_so_in_one_line_each(potstill_in: Potstill, tmp_path: Path) -> None:
    with project(tmp_path) as asked:
        result = potstill_in("check")
        once = len(asked)
        potstill_in("check")
    assert result.returncode == 0, result.stdout
    for name in ("cap", "usage", "n", "logprobs", "response_format"):
        assert f"ok  {name}: " in result.stdout
    assert len(asked) == 2 * once, "what a server does now is not looked up"


@pytest.mark.parametrize("priced", [False, True])
def test_nothing_is_paid_unasked(potstill_in: Potstill, tmp_path: Path, priced: bool) -> None:
    price = {"price": {"input": 3.0, "output": 15.0}} if priced else {}
    with project(tmp_path, **price) as asked:
        told = found(potstill_in("check", "--json", *([] if priced else ["--no-probe"])))["probes"]
        assert not asked
        assert told["ok"]
        assert ("for less than $0.0" in told["says"]) is priced
        bought = potstill_in("check", "--json", "--probe")
        assert asked
    assert "probes" not in found(bought)
    with Ledger(tmp_path / ".potstill" / "ledger.db") as ledger:
        bill = ledger.bill("recipe", "check")
    assert bill.sent > 0
    assert (bill.usd > 0) is priced


@pytest.mark.parametrize("draws", [1, 2])
def test_no_more_is_asked_than_was_said(potstill_in: Potstill, tmp_path: Path, draws: int) -> None:
    with project(tmp_path) as asked:
        told = found(potstill_in("check", "--json", "--no-probe", "--set", f"generate.draws={draws}"))["probes"]["says"]
        potstill_in("check", "--set", f"generate.draws={draws}")
    most = int(told.split("asks at most ")[1].split()[0])
    assert 0 < len(asked) <= most
    assert sum(request.get("n", 1) for request in asked) <= most <= 8


@pytest.mark.parametrize("path", ["", "/v2"])
def test_an_address_without_a_list_of_models_is_asked_about(potstill_in: Potstill, tmp_path: Path, path: str) -> None:
    with project(tmp_path), start_practice(practice_settings("practice://skills")) as base_url:
        root = base_url.removesuffix("/v1")
        address = ["--set", f"teacher.base_url={root}{path}"]
        result = potstill_in("check", "--json", "--no-probe", *address)
        people = potstill_in("check", "--no-probe", *address).stdout
    entry = found(result)["teacher"]
    assert result.returncode == 0, "a server that keeps no list can be used"
    assert (entry["ok"], entry["note"]) == (True, True)
    assert f"but teacher: {root}{path}/models answered 404: does the address end in /v1" in people


def test_a_missing_key_is_told_once(potstill_in: Potstill, tmp_path: Path) -> None:
    with project(tmp_path, api_key_env="POTSTILL_TEST_NO_SUCH_KEY") as asked:
        result = potstill_in("check")
    assert result.returncode == 2
    assert result.stdout.count("POTSTILL_TEST_NO_SUCH_KEY is not set") == 1
    assert "NO  generate: as for teacher" in result.stdout
    assert not asked


def test_the_practice_teacher_does_what_a_recipe_relies_on(potstill_in: Potstill, tmp_path: Path) -> None:
    with start_practice(practice_settings("practice://skills")) as base_url:
        recipe = {
            "teacher": {"base_url": base_url, "model": "practice-1"},
            "prompts": {"path": "practice://skills?rows=20"},
            "generate": {"draws": 3, "extra": {"logprobs": True, "top_logprobs": 3}},
            "train": {"student": "scratch:tiny"},
        }
        (tmp_path / "recipe.yaml").write_text(json.dumps(recipe))
        result = potstill_in("check", "--json")
    entries = found(result)
    assert result.returncode == 0, result.stdout
    assert {"cap", "usage", "n", "seed", "logprobs"} <= set(entries)
    assert not entries["cap"]["note"]
    assert not entries["n"]["note"]
