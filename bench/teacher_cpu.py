"""What asking costs a client: CPU seconds per 1,000 requests and peak memory, beside rivals on the same server.

Each client asks in a process of its own, the clients by turns, so that whatever else the machine does meets them alike; of the
rounds the median counts. A round's ratio is made of that round's figures. The CPU of importing packages is not counted, for
which each client has asked one request before, elsewhere; that of opening the ledger and the client is. Potstill's row has its
durable ledger, its prices and its progress in it. With log-probabilities, of which an answer has 80 kB, 2,000 requests are asked
instead of 5,000.
"""

from pathlib import Path
from statistics import median

from .claims import Claim, Effort, at_most, below, print_table
from .meter import Used
from .server import Address, start_server
from .server_settings import ServerSettings
from .teacher_job import Job, curator_python, run_job, scratch
from .teacher_prompts import write_prompts

RIVALS = ("openai", "aiohttp", "curator")
Round = dict[str, Used]


def measure(effort: Effort) -> list[Claim]:
    """All claims about CPU, with log-probabilities and without."""
    claims = []
    with start_server(ServerSettings()) as server, scratch() as home:
        for logprobs in (False, True):
            requests, rounds = (300, 1) if effort.quick else (2_000 if logprobs else 5_000, effort.rounds)
            found = [_round(server, home / f"{logprobs}-{turn}", requests, logprobs) for turn in range(rounds)]
            suffix = "_logprobs" if logprobs else ""
            _print(found, requests, "with logprobs (300 tokens, top 2)" if logprobs else "without logprobs")
            claims += [
                at_most("cpu_per_request_vs_openai" + suffix, _ratio(found, "openai"), 0.25),
                at_most("cpu_per_request_vs_aiohttp" + suffix, _ratio(found, "aiohttp"), 3),
                below("cpu_per_request_vs_curator" + suffix, _ratio(found, "curator"), 1),
            ]
    return claims


def _round(server: Address, folder: Path, requests: int, logprobs: bool) -> Round:
    """Every client once."""
    found: Round = {}
    for client in ("potstill", *RIVALS):
        if client == "curator" and not curator_python().exists():
            continue
        home = folder / client
        home.mkdir(parents=True)
        write_prompts(home / "prompts.jsonl", requests)
        job = Job(client, server.base_url, str(home), requests, logprobs=logprobs, one_before=True)
        found[client] = run_job(job)
        if found[client].rows != requests:
            raise RuntimeError(f"{client} brought {found[client].rows} of {requests} answers: nothing can be compared")
    return found


def _ratio(found: list[Round], rival: str) -> float | None:
    ratios = [one["potstill"].cpu_s / one[rival].cpu_s for one in found if rival in one]
    return median(ratios) if ratios else None


def _print(found: list[Round], requests: int, which: str) -> None:
    head = ("client", "CPU s per 1,000", "least and most", "requests/s", "peak MiB", "Potstill's CPU / its")
    rows = []
    for client in found[0]:
        used = [one[client] for one in found]
        cpu = [one.cpu_s / requests * 1000 for one in used]
        rate, peak = median(requests / one.wall_s for one in used), median(one.peak_mib for one in used)
        spread = f"{min(cpu):.3f} to {max(cpu):.3f}"
        rows.append((client, median(cpu), spread, rate, round(peak), _ratio(found, client) or ""))
    print_table(f"Asking, {requests:,} requests, 50 ms, 256 at once, {which}, {len(found)} rounds:", head, rows)
    if "curator" not in found[0]:
        print(f"\ncurator is not installed in {curator_python().parents[1]}; docs/bench.md says how: not measured")
