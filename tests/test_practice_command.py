"""`potstill teacher`, as a user runs it."""

import json
import signal
import subprocess
import sys
import urllib.request

import pytest
import typer
from typer.testing import CliRunner

from potstill.cli.teacher import teacher
from potstill.errors import BadInput

APPLICATION = typer.Typer()
APPLICATION.command()(teacher)

SCRIPT = "import typer; from potstill.cli.teacher import teacher; typer.run(teacher)"


def test_it_says_that_it_is_simulated_serves_and_ends_with_ctrl_c() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line.startswith("simulated teacher at http://127.0.0.1:")
        assert line.endswith("/v1 (model practice-1)\n")
        with urllib.request.urlopen(line.split()[3] + "/models", timeout=10) as reply:
            assert json.loads(reply.read())["data"][0]["id"] == "practice-1"
        process.send_signal(signal.SIGINT)
        try:
            assert process.wait(10) == 0
        finally:
            process.kill()


def test_it_writes_prompts_as_json_lines() -> None:
    result = CliRunner().invoke(APPLICATION, ["--write-prompts", "5", "--seed", "3"])
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert [set(row) for row in rows] == [{"prompt", "reference", "family", "slice"}] * 5
    other = CliRunner().invoke(APPLICATION, ["--write-prompts", "5", "--seed", "4"])
    assert other.stdout != result.stdout


def test_a_port_that_is_taken_is_bad_input() -> None:
    import socket

    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        with pytest.raises(BadInput, match="--port 0"):
            teacher(port=taken.getsockname()[1])


def test_its_module_imports_nothing_heavy() -> None:
    script = (
        "import sys; import potstill.cli.teacher; print({'aiohttp', 'orjson', 'pydantic', 'torch'} & set(sys.modules))"
    )
    out = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert out.stdout.strip() == "set()"
