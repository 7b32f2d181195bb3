"""Every claim about asking teachers, measured against a light local server (simulated): `python -m potstill.bench.teacher`.

    --only cpu,limits,…   some parts
    --rounds 5            rounds where clients are compared
    --quick               small sizes: does it run, nothing more

It prints a table for each part and ends with one line of JSON, `{"claims": [{"name", "value", "target", "holds"}, …]}`, where a
claim that could not be measured has neither value nor verdict. docs/bench.md tells what each part does. The whole takes about
forty minutes on two cores; what is compared is measured side by side, so that a busy machine harms nobody's ratio.
"""

import argparse
import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import orjson

from .teacher_claims import Claim, Effort, print_table

PARTS: Mapping[str, Sequence[str]] = {
    "cpu": tuple(
        f"cpu_per_request_vs_{rival}{suffix}"
        for suffix in ("", "_logprobs")
        for rival in ("openai", "aiohttp", "curator")
    ),
    "memory": ("peak_mib", "peak_growth"),
    "replay": ("replay_rows_per_s",),
    "limits": (
        *(f"limit_share_headers{of}" for of in ("", "_window", "_tokens", "_tokens_bucket", "_caps", "_caps_bucket")),
        *("limit_429s_headers", "limit_share_blind", "limit_429s_blind", "limit_lost"),
    ),
    "faults": ("fault_lost", "fault_seconds", "false_timeouts"),
    "kill": ("kill_rebought", "kill_tables_differ"),
    "cap": ("cap_kills_with_open_requests", "cap_overrun", "cap_kept_by_sending_little"),
    "plan": ("plan_coverage", "plan_high_over_low", "plan_pilots_hold"),
}
"""The parts, each a module `teacher_<part>` with a `measure(effort)`, and the claims that it makes."""


def measure(part: str, effort: Effort) -> list[Claim]:
    """The claims of a part; without values if it fails, and the reason goes to standard error."""
    try:
        return importlib.import_module(f".teacher_{part}", __package__).measure(effort)
    except Exception:  # noqa: BLE001 - the other parts are still worth measuring
        traceback.print_exc()
        return [Claim(name, None, "could not be measured", None) for name in PARTS[part]]


def main() -> None:
    """Measure and tell."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(PARTS), help="parts, with commas between: " + ", ".join(PARTS))
    parser.add_argument("--quick", action="store_true", help="small sizes: the figures mean nothing")
    parser.add_argument("--rounds", type=int, default=5, help="rounds where clients are compared; the median counts")
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := [part for part in wanted if part not in PARTS]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(PARTS)}")
    claims: list[Claim] = []
    effort = Effort(given.quick, given.rounds)
    for part in wanted:
        claims += measure(part, effort)
    verdict = {True: "yes", False: "NO", None: "not measured"}
    rows = [
        (claim.name, "" if claim.value is None else claim.value, claim.target, verdict[claim.holds]) for claim in claims
    ]
    print_table(
        "Claims" + (" (quick: they mean nothing)" if given.quick else "") + ":",
        ("claim", "value", "target", "holds"),
        rows,
    )
    sys.stdout.flush()
    print(orjson.dumps({"claims": [asdict(claim) for claim in claims]}).decode(), flush=True)


if __name__ == "__main__":
    main()
