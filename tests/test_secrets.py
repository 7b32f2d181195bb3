"""No key in any file of a run, in the ledger, in a log or in an error, even when the endpoint repeats it."""

import json
import os
import sqlite3
from pathlib import Path

import pytest
import yaml
import zstandard

from .asking import Answer, completion, serving
from .conftest import Potstill

SECRET = "sk-planted-8f2b1c"
RECIPE = {
    "prompts": {"path": "practice://skills?rows=150", "heldout": {"least": 20}},
    "generate": {"max_tokens": 32, "failed_share": 0.9},
    "filter": {"rules": []},
    "train": {"student": "scratch:tiny"},
}


def repeated(said: str, number: int) -> Answer:
    """What an endpoint answers that repeats the key, in answers and in complaints."""
    if number % 5 == 4:
        return 400, {"x-echo": said}, json.dumps({"error": {"message": said, "code": "odd"}}).encode()
    if number % 5 == 3:
        return 500, {"x-echo": said}, said.encode()
    return 200, {"x-echo": said}, completion(said + " padding" * 200)


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "MY_OWN_KEY"])
def test_a_planted_key_is_nowhere(potstill_in: Potstill, tmp_path: Path, variable: str) -> None:
    environment = {**os.environ, variable: SECRET}
    travelled = set()

    def repeating(request: dict, number: int) -> Answer:
        travelled.add(request["authorization"])
        return repeated(f"you sent {request['authorization']}", number)

    with serving(repeating) as (base_url, asked):
        teacher = {"base_url": base_url, "model": "m", "api_key_env": variable, "price": {"input": 1, "output": 1}}
        (tmp_path / "recipe.yaml").write_text(yaml.safe_dump({**RECIPE, "teacher": {**teacher, "attempts": 2}}))
        commands = [
            ["check", "--no-probe"],
            ["plan"],
            ["prompts"],
            ["generate"],
            ["filter"],
            ["report"],
            ["status"],
            ["ledger", "stats"],
            ["ledger", "verify"],
            ["ledger", "export", "--out", "export.jsonl"],
            ["generate", "--set", "teacher.base_url=http://127.0.0.1:9/v1", "--set", "generate.max_tokens=33"],
        ]
        said = [potstill_in(*command, env=environment) for command in commands]
    assert len(asked) > 100
    assert travelled == {f"Bearer {SECRET}"}
    for command, result in zip(commands, said, strict=True):
        assert SECRET not in result.stdout + result.stderr, command
        assert "Traceback" not in result.stderr, result.stderr
    assert [result.returncode for result in said[:-1]] == [0] * (len(said) - 1), [result.stderr for result in said]
    files = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert {"ledger.db", "manifest.json", "report.html", "export.jsonl"} <= {path.name for path in files}
    assert [path for path in files if SECRET.encode() in path.read_bytes()] == []
    with sqlite3.connect(tmp_path / ".potstill" / "ledger.db") as ledger:
        bodies = [body for (body,) in ledger.execute("SELECT body FROM replies WHERE codec = 1")]
    assert bodies
    assert not [body for body in bodies if SECRET.encode() in zstandard.ZstdDecompressor().decompress(body)]
