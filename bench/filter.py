"""Every claim about the filter, measured beside its rivals: `python -m potstill.bench.filter`.

    --only near,leak,…    some parts
    --quick               small sizes: does it run, nothing more

It prints a table for each part and ends with one line of JSON, `{"claims": [{"name", "value", "target", "holds"}, …]}`, where a
claim that could not be measured has neither value nor verdict. docs/bench.md tells what each part does.
"""

from .parts import Parts, main

PARTS: Parts = {
    "near": (
        "near_vs_datasketch",
        "near_vs_rensa",
        "near_recall",
        "near_precision",
        "near_peak_gb",
        "exact_rows_per_cpu_s",
    ),
    "leak": ("leak_recall", "leak_false_hits", "leak_rows_per_cpu_s"),
    "defaults": ("default_rules_drop_right",),
    "growth": ("stage_growth_cpu", "stage_growth_bytes_a_row"),
    "gain": ("filtering_gain", "fit_gain"),
}
"""The parts, each a module `filter_<part>` with a `measure(effort)`, and the claims that it makes."""

if __name__ == "__main__":
    main("filter", PARTS, __doc__)
