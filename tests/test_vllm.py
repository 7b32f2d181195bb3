"""Against a real vLLM server on the CPU: `make test-vllm` (an environment of its own, not in CI)."""

import json
import os
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from potstill.teacher.practice.source import practice_prompts

pytestmark = pytest.mark.vllm

Potstill = Callable[..., subprocess.CompletedProcess[str]]
SECONDS_TO_START = 300


RECIPE = """
teacher: {base_url: "practice://skills?habit=0&wrong=0", model: practice-1}
prompts: {path: "practice://skills?rows=2500"}
train: {student: "scratch:tiny", steps: 200, controls: []}
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A student that Potstill made: the teacher of this test, served with the template that it was trained with."""
    folder = tmp_path_factory.mktemp("teacher")
    (folder / "recipe.yaml").write_text(RECIPE)
    for stage in ("prompts", "generate", "filter", "train"):
        subprocess.run([sys.executable, "-P", "-m", "potstill", stage], cwd=folder, check=True)
    return folder / "runs" / "recipe" / "student" / "model"


@pytest.fixture(scope="module")
def server(model: Path) -> Iterator[str]:
    """The base URL of a vLLM that serves it."""
    python = os.environ["POTSTILL_VLLM_PYTHON"]
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [python, "-m", "vllm.entrypoints.openai.api_server", "--model", str(model), "--served-model-name", "tiny"]
    command += ["--host", "127.0.0.1", "--port", str(port), "--dtype", "float32", "--max-model-len", "256"]
    command += ["--max-num-seqs", "64", "--enforce-eager"]
    offline = {"HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1", "DO_NOT_TRACK": "1"}
    small = {"VLLM_CPU_KVCACHE_SPACE": "1", "VLLM_CPU_OMP_THREADS_BIND": "nobind", "OMP_NUM_THREADS": "1"}
    log = (model / "server.log").open("w")
    with subprocess.Popen(
        command, env={**os.environ, **offline, **small}, stdout=log, stderr=subprocess.STDOUT
    ) as child:
        try:
            _wait(f"http://127.0.0.1:{port}/health", child, model / "server.log")
            yield f"http://127.0.0.1:{port}/v1"
        finally:
            child.terminate()


def _wait(url: str, child: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + SECONDS_TO_START
    while time.monotonic() < end:
        try:
            urllib.request.urlopen(url, timeout=2).close()
            return
        except (urllib.error.URLError, OSError):
            assert child.poll() is None, log.read_text()[-4000:]
            time.sleep(1)
    raise AssertionError(log.read_text()[-4000:])


def test_init_check_run_against_vllm(potstill_in: Potstill, tmp_path: Path, server: str) -> None:
    rows = practice_prompts("practice://skills?rows=200&seed=5")
    (tmp_path / "mine.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert potstill_in("init", "--teacher", "vllm", "--prompts", "mine.jsonl").returncode == 0
    sets = {
        "teacher.base_url": server,
        "teacher.model": "tiny",
        "generate.max_tokens": 64,
        "generate.temperature": 0.7,
        "generate.failed_share": 0.5,  # a small model does not always come to an end
        "train.student": "scratch:tiny",
        "train.steps": 20,
        "train.batch_size": 8,
    }
    options = [part for name, value in sets.items() for part in ("--set", f"{name}={value}")]
    check = potstill_in("check", *options)
    assert check.returncode == 0, check.stdout
    assert "tiny is there" in check.stdout
    run = potstill_in("run", *options)
    print(check.stdout, run.stdout, sep="\n")
    assert run.returncode == 0, run.stderr
    card = json.loads((tmp_path / "runs/mine/scorecard/scorecard.json").read_text())
    assert set(card["arms"]) >= {"teacher", "student", "base"}
    assert card["arms"]["teacher"]["score"] > 0.5, "what was trained is what is served"
    completions = json.loads((tmp_path / "runs/mine/completions/manifest.json").read_text())["counts"]
    assert completions["rows"] == 3 * 100
    assert completions["sent"] == 100, "three draws of a prompt are one request with n = 3"
    assert completions["input_tokens"] > 0
    again = potstill_in("run", *options)
    assert "0 sent" in again.stdout


def test_a_model_that_the_server_does_not_have(potstill_in: Potstill, tmp_path: Path, server: str) -> None:
    (tmp_path / "mine.jsonl").write_text('{"prompt": "a"}\n{"prompt": "b"}\n')
    potstill_in("init", "--teacher", "vllm", "--prompts", "mine.jsonl")
    result = potstill_in("generate", "--set", f"teacher.base_url={server}", "--set", "teacher.model=large")
    assert result.returncode == 2
    assert "prompts" in result.stderr or "it has: tiny" in result.stderr
