"""How fast `generate` goes over what is already paid: rows per second of the stage's wall time, nothing sent.

Everything is bought once; then the stage's table is taken away and the stage runs again, three times, of which the median
counts. One draw a prompt is the case that the claim is about: with several, one reply fills several rows. Importing packages is
not in the claim, as it is not in the CPU of asking; the table has the rate with it, too.

Rows per second tell as much of the machine as of us. So a bare loop is timed between the replays: it fetches the same replies
from the same ledger, unpacks and parses them, and writes their texts as Parquet; no keys to make, no prompts to read.
"""

import shutil
from dataclasses import replace
from pathlib import Path
from statistics import median

from .claims import Claim, Effort, at_least, print_table
from .meter import Used
from .server import start_server
from .server_settings import ServerSettings
from .teacher_job import Job, run_job, scratch
from .teacher_prompts import write_prompts

REPEATS = 3


def measure(effort: Effort) -> list[Claim]:
    """The claim about replay."""
    rows = []
    for draws, prompts in ((1, 2_000), (4, 500)) if effort.quick else ((1, 51_000), (4, 13_500)):
        found, bare = zip(*_replays(prompts, draws), strict=True)
        rates = [_rate(used) for used in found]
        cpu = median(used.rows / used.cpu_s for used in found)
        imported = median(used.rows / (used.wall_s + used.notes["import_s"]) for used in found)
        spread = f"{min(rates):,.0f} to {max(rates):,.0f}"
        share = median(rate / _rate(floor) for rate, floor in zip(rates, bare, strict=True))
        rows.append((draws, found[0].rows, median(rates), spread, imported, cpu, median(map(_rate, bare)), share))
    head = ("draws a prompt", "rows", "rows/s of wall time", "least and most", "imports counted", "rows per CPU second")
    print_table("Replay through `generate`:", (*head, "bare loop, rows/s", "ours / bare loop"), rows)
    return [at_least("replay_rows_per_s", rows[0][2], 20_000)]


def _replays(prompts: int, draws: int) -> list[tuple[Used, Used]]:
    """Replays, each beside a bare loop."""
    with start_server(ServerSettings(latency_s=0)) as server, scratch() as home:
        write_prompts(home / "prompts.jsonl", prompts)
        job = Job("generate", server.base_url, str(home), prompts, draws=draws)
        run_job(Job("prompts", server.base_url, str(home), prompts))
        run_job(job)
        bought = server.stats()["accepted"]
        found = [(_replay(home, job), run_job(replace(job, client="bare loop"))) for _ in range(REPEATS)]
        if server.stats()["accepted"] != bought:
            raise RuntimeError("a replay sent requests: this is no replay")
        return found


def _replay(home: Path, job: Job) -> Used:
    shutil.rmtree(home / "runs" / "bench" / "completions")
    return run_job(job)


def _rate(used: Used) -> float:
    return used.rows / used.wall_s
