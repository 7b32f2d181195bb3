"""bespokelabs-curator asking the same prompts, run by path in an environment of its own: `.venv-rivals/curator`.

It imports nothing of ours. Its progress stays off and its cache empty, its limits are set beyond reach, and it has asked one
request before, elsewhere, because only that imports the rest of it; so what is measured is its asking: preparing requests,
sending, keeping and reading what came.
"""

import json
import os
import resource
import sys
import time
from pathlib import Path
from typing import Any

os.environ |= {"TELEMETRY_ENABLED": "false", "CURATOR_VIEWER": "0", "OPENAI_API_KEY": "none"}
NO_LIMIT = 10**9
TOKENIZERS = Path(sys.prefix).glob("lib/python*/site-packages/litellm/litellm_core_utils/tokenizers")
"""litellm brings the vocabulary that curator would otherwise fetch from the network."""


def cpu() -> float:
    spent = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in spent)


def peak_mib() -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmHWM"))


def main() -> None:
    """Do the job in the first argument and leave what it used."""
    job: dict[str, Any] = json.loads(sys.argv[1])
    os.environ.setdefault("TIKTOKEN_CACHE_DIR", str(next(TOKENIZERS)))
    from bespokelabs import curator  # pyright: ignore[reportMissingImports] - not of our environment

    class Asker(curator.LLM):
        def prompt(self, input: Any) -> Any:  # noqa: A002 - curator's own name
            return input["prompt"]

        def parse(self, input: Any, response: Any) -> Any:  # noqa: A002 - curator's own name
            return {"response": response}

    home = Path(job["home"])
    rows = [json.loads(line) for line in (home / "prompts.jsonl").read_text().splitlines()]
    options: dict[str, Any] = {"max_tokens": 400, "seed": 1}
    if job["logprobs"]:
        options |= {"logprobs": True, "top_logprobs": 2}
    limits = {"max_requests_per_minute": NO_LIMIT, "max_tokens_per_minute": NO_LIMIT}

    def ask(asked: list[Any], folder: str) -> int:
        asker = Asker(
            model_name="bench-1",
            backend="openai",
            generation_params=options,
            backend_params={"base_url": job["base_url"], "max_concurrent_requests": job["concurrency"], **limits},
        )
        answered = asker(asked, working_dir=str(home / folder))
        return sum(bool(row["response"]) for row in getattr(answered, "dataset", answered))

    ask(rows[:1], "thrown away")
    began, wall = cpu(), time.perf_counter()
    kept = ask(rows[: job["prompts"]], "curator")
    used = {"cpu_s": cpu() - began, "wall_s": time.perf_counter() - wall, "peak_mib": peak_mib(), "rows": kept}
    (home / "used.json").write_text(json.dumps(used))


if __name__ == "__main__":
    main()
