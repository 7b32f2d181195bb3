"""Every claim about asking teachers, measured against a light local server (simulated): `python -m potstill.bench.teacher`.

    --only cpu,limits,…   some parts
    --rounds 5            rounds where clients are compared
    --quick               small sizes: does it run, nothing more

It prints a table for each part and ends with one line of JSON, `{"claims": [{"name", "value", "target", "holds"}, …]}`, where a
claim that could not be measured has neither value nor verdict. docs/bench.md tells what each part does. The whole takes about
forty minutes on two cores; what is compared is measured side by side, so that a busy machine harms nobody's ratio.
"""

from .parts import Parts, main

PARTS: Parts = {
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


if __name__ == "__main__":
    main("teacher", PARTS, __doc__)
