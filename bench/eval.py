"""Every claim about the evaluation, measured: `python -m potstill.bench.eval`.

    --only coverage,judges,…    some parts
    --quick                     small sizes: does it run, nothing more

It prints a table for each part and ends with one line of JSON, `{"claims": [{"name", "value", "target", "holds"}, …]}`, where a
claim that could not be measured has neither value nor verdict. docs/bench.md tells what each part does.
"""

from .parts import Parts, main

PARTS: Parts = {
    "efficiency": ("efficiency_agreement",),
    "coverage": (
        "interval_coverage",
        "interval_coverage_worst",
        "interval_zero_width",
        "interval_other_than_its_test",
        "interval_coverage_graded",
        "interval_coverage_graded_worst",
        "interval_coverage_families",
        "interval_coverage_families_worst",
        "interval_coverage_seeds",
        "interval_coverage_seeds_worst",
        "gap_coverage_worst",
    ),
    "gate": ("gate_false_pass", "gate_false_pass_mean"),
    "judges": ("broken_judge_raises_verdict", "broken_judge_passes_exam", "sound_judge_fails_exam"),
    "harness": ("lm_eval_disagreements",),
    "ifeval": ("ifeval_vs_published",),
}
"""The parts, each a module `eval_<part>` with a `measure(effort)`, and the claims that it makes."""

if __name__ == "__main__":
    main("eval", PARTS, __doc__)
