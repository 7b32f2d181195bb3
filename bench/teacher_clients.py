"""The clients that are measured, each asking the same prompts: `python -m potstill.bench.teacher_clients '<job as JSON>'`."""

import asyncio
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from .meter import Used, metered
from .teacher_bare import bare_loop
from .teacher_forks import import_everything
from .teacher_job import Job, read_job
from .teacher_prompts import messages
from .teacher_runs import OUTPUT_CAP, make_run

LOGPROBS = {"logprobs": True, "top_logprobs": 2}


def potstill(job: Job) -> Used:
    """Ours: a durable ledger, prices, progress."""
    import potstill.teacher.open  # noqa: F401 - what it imports is not measured
    from potstill.teacher.loop import run_async

    from .teacher_runs import ask_prompts

    run = make_run(Path(job.home), job.base_url, concurrency=job.concurrency, **job.teacher)
    with metered() as used:

        def heard(reply: Any) -> None:
            used.rows += reply.status == "ok"

        run_async(ask_prompts(run, job.prompts, LOGPROBS if job.logprobs else {}, heard))
    return used


def generate(job: Job) -> Used:
    """Ours, the stage `generate` over prompts that the stage `prompts` has written, tables included."""
    from potstill import pipeline
    from potstill.generate.stage import STAGE as GENERATE

    asked = {"max_tokens": OUTPUT_CAP, "draws": job.draws, "extra": LOGPROBS if job.logprobs else {}}
    run = make_run(Path(job.home), job.base_url, recipe={"generate": asked}, concurrency=job.concurrency, **job.teacher)
    with metered() as imports:
        import_everything()
    with metered() as used:
        counts = pipeline.run_stage(run, GENERATE).manifest.counts
        used.rows = counts["status"].get("ok", 0)
        used.notes = {"sent": counts["sent"], "import_s": imports.wall_s}
    return used


def prompts(job: Job) -> Used:
    """Ours, the stage `prompts`."""
    from potstill import pipeline
    from potstill.prompts.stage import STAGE as PROMPTS

    with metered() as used:
        used.rows = pipeline.run_stage(make_run(Path(job.home), job.base_url), PROMPTS).manifest.counts["rows"]
    return used


def both(job: Job) -> Used:
    """Ours, both stages in one process, as `potstill run` has them."""
    with metered() as used:
        prompts(job)
        used.rows = generate(job).rows
    return used


def openai_default(job: Job) -> Used:
    """The openai package as its documentation shows it, under a semaphore."""
    import openai
    import openai.resources.chat

    extra: dict[str, Any] = LOGPROBS if job.logprobs else {}

    async def work() -> int:
        client, places = openai.AsyncOpenAI(base_url=job.base_url, api_key="none"), asyncio.Semaphore(job.concurrency)

        async def ask(asked: Any) -> bool:
            async with places:
                reply = await client.chat.completions.create(
                    model="bench-1", messages=asked, max_tokens=OUTPUT_CAP, seed=1, **extra
                )
            return bool(reply.choices[0].message.content)

        return sum(await asyncio.gather(*map(ask, messages(job.prompts))))

    with metered() as used:
        used.rows = asyncio.run(work())
    return used


def aiohttp_raw(job: Job) -> Used:
    """The floor for a general client: aiohttp, orjson, uvloop, nothing kept."""
    import aiohttp
    import orjson
    import uvloop

    extra = LOGPROBS if job.logprobs else {}
    url, headers = job.base_url + "/chat/completions", {"Content-Type": "application/json"}

    async def work() -> int:
        waiting, answered = messages(job.prompts), 0
        connector = aiohttp.TCPConnector(limit=job.concurrency)
        async with aiohttp.ClientSession(connector=connector, headers=headers) as session:

            async def ask() -> None:
                nonlocal answered
                for asked in waiting:
                    body = {"model": "bench-1", "messages": asked, "max_tokens": OUTPUT_CAP, "seed": 1, **extra}
                    async with session.post(url, data=orjson.dumps(body)) as reply:
                        answer = orjson.loads(await reply.read())
                    answered += bool(answer["choices"][0]["message"]["content"])

            await asyncio.gather(*(ask() for _ in range(job.concurrency)))
        return answered

    with metered() as used:
        used.rows = uvloop.run(work())
    return used


CLIENTS: Mapping[str, Callable[[Job], Used]] = {
    "potstill": potstill,
    "openai": openai_default,
    "aiohttp": aiohttp_raw,
    "generate": generate,
    "prompts": prompts,
    "prompts+generate": both,
    "bare loop": bare_loop,
}


def main() -> None:
    """Do the job in the first argument and leave what it used."""
    job = read_job(sys.argv[1])
    if job.one_before:
        before = Path(job.home) / "before"
        before.mkdir()
        CLIENTS[job.client](replace(job, home=str(before), prompts=1))
    CLIENTS[job.client](job).write(job.result)


if __name__ == "__main__":
    main()
