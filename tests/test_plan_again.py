"""What `potstill plan` says of requests that follow others: for an answer that was cut off, or has not its form."""

import json
import sqlite3
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from potstill.cli.plan_words import money_at_most

from .asking import Answer, serving

Potstill = Callable[..., subprocess.CompletedProcess[str]]
Told = Callable[[dict[str, Any]], tuple[str, str]]
PRICED = {"input": 1.0, "output": 4.0}
CAP = 40
WIDE = {
    "type": "object",
    "properties": {f"field {number}": {"type": "integer"} for number in range(100)},
    "minProperties": 1,
}


def write(folder: Path, base_url: str, **generate: Any) -> None:
    rows = ({"prompt": f"which number is {n}?", "reference": str(n)} for n in range(48))
    (folder / "p.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    teacher = {"base_url": base_url, "model": "m", "price": PRICED}
    prompts = {"path": "p.jsonl", "heldout": {"least": 16}}
    section = {"max_tokens": CAP, "failed_share": 1, **generate}
    (folder / "recipe.yaml").write_text(
        json.dumps({"name": "r", "teacher": teacher, "prompts": prompts, "generate": section})
    )


def greedy(told: Told) -> Callable[[dict[str, Any], int], Answer]:
    """A server that bills a token for every byte it is sent, and every answer as long as it may be."""

    def reply(request: dict[str, Any], number: int) -> Answer:
        text, finish = told(request)
        sent = {name: value for name, value in request.items() if name != "authorization"}
        usage = {
            "prompt_tokens": len(json.dumps(sent, separators=(",", ":"))),
            "completion_tokens": request["max_tokens"],
        }
        choice = {"index": 0, "message": {"role": "assistant", "content": text}, "finish_reason": finish}
        return 200, {}, json.dumps({"model": "m", "choices": [choice], "usage": usage}).encode()

    return reply


def cut_at_first(request: dict[str, Any]) -> tuple[str, str]:
    return ("cut", "length") if request["max_tokens"] == CAP else ("whole", "stop")


def cut_then_formless(request: dict[str, Any]) -> tuple[str, str]:
    return cut_at_first(request) if len(request["messages"]) == 1 else ("{}", "stop")


def done(potstill_in: Potstill, *arguments: str) -> str:
    result = potstill_in(*arguments)
    assert result.returncode == 0, result.stderr
    return result.stdout


def plan(potstill_in: Potstill, *arguments: str) -> dict[str, Any]:
    return json.loads(done(potstill_in, "plan", "--json", *arguments))


def spent(folder: Path) -> float:
    with sqlite3.connect(folder / ".potstill/ledger.db") as ledger:
        return ledger.execute("SELECT coalesce(sum(usd), 0) FROM attempts").fetchone()[0]


FOLLOWED = [
    (cut_at_first, {}),
    (cut_then_formless, {"json_schema": WIDE}),
    (cut_then_formless, {"second_max_tokens": CAP}),
]


@pytest.mark.parametrize(("told", "generate"), FOLLOWED)
def test_no_server_bills_more_than_the_bound_before_a_run_or_after_its_first_answers(
    potstill_in: Potstill, tmp_path: Path, told: Told, generate: dict[str, Any]
) -> None:
    with serving(greedy(told)) as (base_url, _):
        write(tmp_path, base_url, **generate)
        most = plan(potstill_in)["stages"]["generate"]["most"]["usd"]
        done(potstill_in, "plan", "--pilot", "10", "--yes")
        left = plan(potstill_in)["stages"]["generate"]["most"]["usd"]
        pilot = spent(tmp_path)
        assert pilot + left <= most
        for stage in ("prompts", "generate"):
            done(potstill_in, stage)
        assert spent(tmp_path) - pilot <= left
        assert spent(tmp_path) >= 0.7 * most, "the bound is no fancy"
        assert plan(potstill_in)["stages"]["generate"]["most"]["usd"] == 0


@pytest.mark.parametrize(
    ("told", "before", "after"),
    [
        (cut_at_first, {"second_max_tokens": CAP}, "generate.second_max_tokens=4000"),
        (cut_at_first, {"second_max_tokens": CAP}, "generate.second_max_tokens=41"),
        (lambda request: ("{}", "stop"), {"schema_mode": "none"}, f"generate.json_schema={json.dumps(WIDE)}"),
    ],
)
def test_what_follows_answers_that_are_bought_is_paid_only_with_a_yes_and_bounded(
    potstill_in: Potstill, tmp_path: Path, told: Told, before: dict[str, Any], after: str
) -> None:
    with serving(greedy(told)) as (base_url, asked):
        write(tmp_path, base_url, **before)
        for stage in ("prompts", "generate"):
            done(potstill_in, stage)
        bought, paid = len(asked), spent(tmp_path)
        refused = potstill_in("plan", "--pilot", "10", "--set", after)
        assert (refused.returncode, len(asked)) == (2, bought), refused.stderr
        assert "--yes" in refused.stderr
        agreed = float(refused.stderr.split("at most $")[1].split()[0])
        offline = plan(potstill_in, "--set", after)
        assert offline["stages"]["generate"]["prompts"] == offline["prompts"]["train"]
        done(potstill_in, "plan", "--pilot", "10", "--yes", "--set", after)
        assert len(asked) == bought + 10
        assert 0 < spent(tmp_path) - paid <= agreed


def test_the_consent_names_whatever_is_asked_again(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, "https://api.example.com/v1")
    key = {"PATH": "/usr/bin:/bin", "OPENAI_API_KEY": "sk-none"}
    plain = potstill_in("plan", "--pilot", "10", "--set", f"generate.second_max_tokens={CAP}", env=key).stderr
    again = potstill_in("plan", "--pilot", "10", env=key).stderr
    formed = potstill_in("plan", "--pilot", "10", "--set", f"generate.json_schema={json.dumps(WIDE)}", env=key).stderr
    assert "every answer at its cap; requests that get lost on the way come on top" in plain
    assert "asked again under the larger cap; requests" in again
    assert "sent back once for its form; requests" in formed


def test_a_pilot_counts_the_second_requests(potstill_in: Potstill, tmp_path: Path) -> None:
    with serving(greedy(cut_at_first)) as (base_url, asked):
        write(tmp_path, base_url)
        found = plan(potstill_in, "--pilot", "10", "--yes")["stages"]["generate"]
        assert len(asked) == 20
        for stage in ("prompts", "generate"):
            done(potstill_in, stage)
    assert found["requests"]["likely"] == len(asked) - 20 == 2 * found["draws"]
    assert found["requests"]["low"] < found["requests"]["likely"]


def test_a_pilot_whose_answers_are_all_alike_does_not_promise_that_all_are(
    potstill_in: Potstill, tmp_path: Path
) -> None:
    with serving(greedy(lambda request: ("seven", "stop"))) as (base_url, _):
        write(tmp_path, base_url)
        found = plan(potstill_in, "--pilot", "10", "--yes")["stages"]["generate"]
    for name in ("output_tokens", "usd", "requests"):
        assert found[name]["likely"] < found[name]["high"] <= found["most"][name], name
    assert found["output_tokens"]["low"] == pytest.approx(0.7 * found["output_tokens"]["likely"])


def test_the_limits_that_a_pilot_met_are_in_the_time(potstill_in: Potstill, tmp_path: Path) -> None:
    limits = {"x-ratelimit-limit-requests": "1200", "x-ratelimit-remaining-requests": "600"}
    limits |= {"x-ratelimit-reset-requests": "30s"}
    quick = greedy(lambda request: ("seven", "stop"))

    def limited(request: dict[str, Any], number: int) -> Answer:
        status, _, body = quick(request, number)
        return status, limits, body

    with serving(limited) as (base_url, _):
        write(tmp_path, base_url)
        found = plan(potstill_in, "--pilot", "10", "--yes")
        told = done(potstill_in, "plan", "--pilot", "10")
    assert found["pilot"]["limits"] == {"requests_per_minute": 1200, "tokens_per_minute": None}
    left = found["total"]["draws"]
    assert found["total"]["seconds"]["low"] >= left * 60 / 1200
    assert "takes 1,200 requests a minute" not in told, "nobody was asked, and nobody said so"


@pytest.mark.parametrize("usd", [0.0, 1e-9, 0.00012001, 0.0999, 0.1, 0.1610001, 12.3449, 12345.678])
def test_a_bound_is_never_rounded_down(usd: float) -> None:
    shown = float(money_at_most(usd).replace(",", ""))
    assert usd - 1e-9 <= shown <= (usd + 0.01 if usd >= 0.1 else 1.1 * usd)
