"""The commands as a user types them, from a folder that holds the user's own train.py and eval.py."""

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
import yaml

from potstill.ledger.ledger import Ledger
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings

Potstill = Callable[..., subprocess.CompletedProcess[str]]

RECIPE: dict[str, Any] = {
    "name": "small",
    "teacher": {"base_url": "practice://skills", "model": "practice-1", "price": {"input": 1, "output": 2}},
    "prompts": {"path": "practice://skills?rows=160", "heldout": {"least": 40}},
    "generate": {"draws": 2, "max_tokens": 128, "second_max_tokens": 128},
    "train": {"student": "scratch:tiny", "steps": 6, "batch_size": 16, "save_every": 2},
}


def write(folder: Path, **sections: dict) -> None:
    values = {name: {**section} if isinstance(section, dict) else section for name, section in RECIPE.items()}
    for name, section in sections.items():
        values[name] = {**values.get(name, {}), **section}
    (folder / "recipe.yaml").write_text(yaml.safe_dump(values))


def test_from_a_recipe_to_a_verdict_and_again(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path)
    first = potstill_in("run")
    assert first.returncode == 0, first.stderr
    assert (tmp_path / "runs/small/report.html").read_text(encoding="utf-8").startswith("<!")
    card = json.loads((tmp_path / "runs/small/scorecard/scorecard.json").read_text())
    assert set(card["arms"]) == {"teacher", "student", "base", "control_unfiltered"}
    assert all(
        0 <= arm["low"] < arm["high"] <= 1 and arm["low"] <= arm["score"] <= arm["high"]
        for arm in card["arms"].values()
    )
    assert first.stdout.strip().splitlines()[-1] == card["verdict"]["sentence"]

    bill = json.loads(potstill_in("status", "--json").stdout)
    assert bill["requests"]["sent"] == 120 + 40
    assert bill["usd"]["spent"] > 0
    again = potstill_in("run")
    assert "0 sent, 0 reused, $0.0000 spent now; nothing trained" in again.stdout
    assert again.stderr.count("unchanged, skipped") == 6
    assert json.loads(potstill_in("status", "--json").stdout)["requests"] == bill["requests"]

    refiltered = potstill_in("filter", "--set", "filter.rules=[status]", "--json")
    assert json.loads(refiltered.stdout)["skipped"] is False
    assert json.loads(potstill_in("status", "--json").stdout)["requests"]["sent"] == bill["requests"]["sent"]
    assert len(list((tmp_path / "runs/small/history").iterdir())) == 1

    exported = potstill_in("export", "--to", "jsonl")
    rows = [json.loads(line) for line in exported.stdout.splitlines()]
    kept = json.loads((tmp_path / "runs/small/samples/manifest.json").read_text())["counts"]["kept"]
    assert len(rows) == kept > 0
    assert rows[0]["prompt"][0]["role"] == "user"
    assert rows[0]["completion"][0]["role"] == "assistant"
    assert potstill_in("export", "--out", "new/folder/x.jsonl").returncode == 0
    assert (tmp_path / "new/folder/x.jsonl").read_text() == exported.stdout
    for nowhere in ("new", "recipe.yaml/x.jsonl"):
        refused = potstill_in("export", "--out", nowhere)
        assert (refused.returncode, refused.stderr.count("--out")) == (2, 1), refused.stderr


@pytest.mark.parametrize(
    ("sections", "arguments", "says"),
    [
        ({"generate": {"temprature": 1}}, [], "did you mean 'temperature'"),
        ({"prompts": {"path": "absent.jsonl"}}, [], "absent.jsonl: there is no such file"),
        ({"prompts": {"path": "torn.jsonl"}}, [], "torn.jsonl, line 2"),
        ({"prompts": {"path": "empty.jsonl"}}, [], "there is no prompt in it"),
        (
            {"teacher": {"base_url": "https://api.openai.com/v1", "model": "gpt-4o-mini"}},
            [],
            "OPENAI_API_KEY is not set",
        ),
        ({"teacher": {"base_url": "https://api.example.com/v1", "api_key_env": "HOME", "price": None}}, [], "price:"),
        ({"teacher": {"base_url": "http://127.0.0.1:9/v1"}}, [], "http://127.0.0.1:9/v1 cannot be reached"),
        ({"teacher": {"model": "practice-2"}}, [], "no model 'practice-2'"),
        ({"teacher": {"base_url": "gopher://x"}}, [], "'teacher.base_url' is 'gopher://x'"),
        ({"train": {"student": "no-template"}}, [], "chat template"),
        ({"train": {"student": "scratch:huge"}}, [], "tiny"),
        ({}, ["--set", "generate.draws=many"], "'generate.draws' is 'many'"),
        ({}, ["--set", "generate.extra={a"], "--set generate.extra: the value is not YAML"),
    ],
)
def test_bad_input_ends_with_2_before_any_request(
    potstill_in: Potstill, tmp_path: Path, sections: dict, arguments: Sequence[str], says: str
) -> None:
    (tmp_path / "torn.jsonl").write_text('{"prompt": "a"}\n{"prompt": \n')
    (tmp_path / "empty.jsonl").write_text("\n")
    if "no-template" in str(sections):
        _model_without_template(tmp_path / "no-template")
    write(tmp_path, **sections)
    environment = {name: value for name, value in os.environ.items() if name != "OPENAI_API_KEY"}
    result = potstill_in("run", *arguments, env=environment)
    assert result.returncode == 2, result.stderr
    assert says in result.stderr
    assert "Traceback" not in result.stderr
    assert requests_in(tmp_path / ".potstill/ledger.db") == 0


def requests_in(path: Path) -> int:
    if not path.exists():
        return 0
    with Ledger(path) as ledger:
        return ledger.bill("small").sent


def _model_without_template(folder: Path) -> None:
    from tokenizers import Tokenizer, models
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    tokenizer = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE({"a": 0, "b": 1}, [])), eos_token="b")
    tokenizer.save_pretrained(folder)
    size = LlamaConfig(vocab_size=2, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=1)
    LlamaForCausalLM(size).save_pretrained(folder)


WITHOUT_TORCH = (
    "import sys; sys.modules['torch'] = sys.modules['trl'] = None; from potstill.cli.main import main; main()"
)


def test_without_torch_a_run_ends_with_a_clean_dataset(tmp_path: Path) -> None:
    write(tmp_path)

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-P", "-c", WITHOUT_TORCH, *arguments],
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )

    whole = run("run")
    assert whole.returncode == 0, whole.stderr
    assert "Not done here: train and eval, for which\npackages are missing" in whole.stdout
    assert "pip install 'potstill[train,eval]'" in whole.stdout
    assert (tmp_path / "runs/small/samples/train-00000.parquet").exists()
    assert (tmp_path / "runs/small/report.html").exists()
    train = run("train")
    assert train.returncode == 2
    assert "pip install 'potstill[train]'" in train.stderr


def test_too_many_unusable_answers_are_a_broken_world(potstill_in: Potstill, tmp_path: Path) -> None:
    write(tmp_path, teacher={"base_url": "practice://skills?refused=0.3"})
    result = potstill_in("run")
    assert result.returncode == 5
    assert "refused" in result.stderr
    assert not (tmp_path / "runs/small/student").exists()
    sent = json.loads(potstill_in("status", "--json").stdout)["requests"]["sent"]
    assert sent < 120, "what cannot be used any more is not bought"
    again = potstill_in("generate", "--set", "generate.failed_share=0.5", "--json")
    assert json.loads(again.stdout)["counts"]["sent"] == json.loads(again.stdout)["counts"]["prompts"] - sent


def stats(base_url: str) -> dict[str, Any]:
    with urllib.request.urlopen(base_url.removesuffix("/v1") + "/stats") as reply:
        return json.load(reply)


def start(folder: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-P", "-m", "potstill", "run"]
    return subprocess.Popen(
        command,
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def wait_until(true: Callable[[], bool], seconds: float = 60) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, "it never came to it"
        time.sleep(0.02)


def test_killed_while_asking_and_while_training_it_goes_on(potstill_in: Potstill, tmp_path: Path) -> None:
    in_flight = 8
    with start_practice(practice_settings("practice://skills?latency_ms=20")) as base_url:
        write(tmp_path, teacher={"base_url": base_url, "concurrency": in_flight}, train={"steps": 16})
        with start(tmp_path) as asking:
            wait_until(lambda: stats(base_url)["answered"] >= 60)
            asking.send_signal(signal.SIGKILL)
        checkpoints = tmp_path / "runs/small/.student.partial/checkpoints"
        with start(tmp_path) as training:
            wait_until(lambda: any(checkpoints.rglob("trainer_state.json")), seconds=120)
            training.send_signal(signal.SIGKILL)
        answered = stats(base_url)["answered"]
        last = potstill_in("run")
        assert last.returncode == 0, last.stderr
        found = stats(base_url)
    assert found["answered"] - answered == 40, "the held-out prompts, and nothing of what was answered before"
    assert found["answered_again"] <= 2 * in_flight, (
        "only what was in flight, or on its way to the disk, when it was killed"
    )
    assert found["distinct"] == 120 + 40


def test_ctrl_c_ends_cleanly_and_says_how_to_go_on(potstill_in: Potstill, tmp_path: Path) -> None:
    with start_practice(practice_settings("practice://skills?latency_ms=30")) as base_url:
        write(tmp_path, teacher={"base_url": base_url, "concurrency": 4})
        with start(tmp_path) as asking:
            wait_until(lambda: stats(base_url)["answered"] >= 10)
            asking.send_signal(signal.SIGINT)
            assert asking.stderr is not None
            said = asking.stderr.read()
        assert asking.returncode == 130
        assert "Give the same command again" in said
        assert "Traceback" not in said
        answered = stats(base_url)
        assert answered["answered"] < 120
        assert potstill_in("generate").returncode == 0
        assert stats(base_url)["answered_again"] == 0, "what was in flight came home before it ended"


def test_init_writes_a_recipe_for_the_users_own_file(potstill_in: Potstill, tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "my prompts.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    made = potstill_in("init", "--teacher", "vllm", "--prompts", "data/my prompts.jsonl")
    assert made.returncode == 0, made.stderr
    recipe = yaml.safe_load((tmp_path / "recipe.yaml").read_text())
    assert recipe["prompts"]["path"] == "data/my prompts.jsonl"
    assert recipe["name"] == "my-prompts"
    assert "next: potstill check recipe.yaml, potstill plan recipe.yaml" in made.stdout
    assert potstill_in("init", "--teacher", "vllm", "--prompts", "data/my prompts.jsonl").returncode == 2
    assert potstill_in("init", "--teacher", "vllm").returncode == 2
    assert "absent.jsonl" in potstill_in("init", "--teacher", "openai", "--prompts", "absent.jsonl", "--force").stderr


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="this system has no disk that is always full")
def test_a_full_disk_is_a_broken_world(potstill_in: Potstill, tmp_path: Path) -> None:
    (tmp_path / "recipe.yaml").symlink_to("/dev/full")
    result = potstill_in("init", "--teacher", "practice", "--force")
    assert result.returncode == 5
    assert "the disk is full" in result.stderr
    assert "Traceback" not in result.stderr


def test_check_looks_at_everything_and_asks_nothing(potstill_in: Potstill, tmp_path: Path) -> None:
    with start_practice(practice_settings("practice://skills")) as base_url:
        write(tmp_path, teacher={"base_url": base_url})
        good = potstill_in("check", "--json", "--no-probe")
        assert json.loads(good.stdout)["ok"] is True, good.stdout
        write(tmp_path, teacher={"base_url": base_url, "model": "nobody"}, train={"student": "scratch:huge"})
        bad = potstill_in("check")
        assert bad.returncode == 2
        assert bad.stdout.count("NO ") == 2
        assert stats(base_url)["requests"] == 0


@pytest.mark.parametrize(
    "command",
    ["init", "check", "run", "prompts", "generate", "filter", "train", "eval", "report", "status", "export", "teacher"],
)
def test_every_command_has_help(potstill_in: Potstill, command: str) -> None:
    result = potstill_in(command, "--help")
    assert result.returncode == 0
    assert "Usage: potstill" in result.stdout


@pytest.mark.parametrize("command", ["run", "prompts", "generate", "filter", "train", "eval", "report"])
def test_only_what_asks_may_ask_again(potstill_in: Potstill, command: str) -> None:
    assert ("--retry" in potstill_in(command, "--help").stdout) is (command in ("run", "generate", "filter", "eval"))


def test_an_option_that_there_is_not_ends_with_2(potstill_in: Potstill) -> None:
    result = potstill_in("run", "--bogus")
    assert result.returncode == 2
    assert "No such option: --bogus" in result.stderr
