"""lm-eval against our own grader, item by item, on one local task: a student of ours and a teacher behind a real server."""

import json
import tempfile
from collections import Counter
from contextlib import ExitStack
from pathlib import Path

from potstill.eval.harness import read_harness_task
from potstill.eval.local_arms import local_arms
from potstill.eval.tasks import read_task
from potstill.eval.teacher_arm import TEACHER, Asked, teacher_arm
from potstill.pipeline import STAGES, run_stage, stage_named
from potstill.recipe import GraderSection, Recipe, TaskSection
from potstill.store.run import Run
from potstill.teacher.practice.source import practice_prompts

from ..cli.screen import QuietScreen
from .claims import Claim, Effort, none_of, print_table

ROWS = 200
YAML = """
task: practice
dataset_path: json
dataset_kwargs: {data_files: {test: practice.jsonl}}
test_split: test
output_type: generate_until
doc_to_text: "{{prompt}}"
doc_to_target: "{{reference}}"
generation_kwargs: {until: []}
metric_list: [{metric: exact_match, aggregation: mean, higher_is_better: true}]
"""


def measure(effort: Effort) -> list[Claim]:
    """The items on which lm-eval and the grader `exact` say different things; none is wanted."""
    rows = list(practice_prompts(f"practice://skills?rows={20 if effort.quick else ROWS}&seed=2"))
    with tempfile.TemporaryDirectory() as folder:
        run = _project(Path(folder), rows, 5 if effort.quick else 160)
        section = TaskSection(name="ours", path="tasks/practice.jsonl", grader=GraderSection(kind="exact"))
        theirs = TaskSection(name="theirs", lm_eval="practice", include="tasks")
        ours, harness = read_task(section, run.home), read_harness_task(theirs, run.home)
        asked = Asked()
        teacher = teacher_arm(run, TEACHER, "the practice teacher over HTTP", asked)
        table, apart = [], 0
        for arm in [teacher, *local_arms(run)]:
            with ExitStack() as stack:
                ask = stack.enter_context(arm.opened())
                pairs = list(zip(ours.try_on(arm.name, ask), harness.try_on(arm.name, ask), strict=True))
            verdicts = Counter((one.verdict, other.verdict) for one, other in pairs)
            differing = sum(many for (one, other), many in verdicts.items() if one != other)
            table.append((arm.name, len(pairs), verdicts["right", "right"], verdicts["wrong", "wrong"], differing))
            apart += differing
    print_table("lm-eval beside our grader", ("arm", "items", "both right", "both wrong", "they differ"), table)
    return [none_of("lm_eval_disagreements", apart, sum(row[1] for row in table))]


def _project(home: Path, rows: list[dict[str, str]], steps: int) -> Run:
    """A task's files, and a student that was trained long enough to be right on some of it."""
    (home / "tasks").mkdir()
    (home / "tasks" / "practice.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (home / "tasks" / "practice.yaml").write_text(YAML)
    sections = {
        "teacher": {"base_url": "practice://skills", "model": "practice-1", "concurrency": 64},
        "prompts": {"path": "practice://skills?rows=2500&seed=1"},
        "generate": {"max_tokens": 128},
        "train": {"student": "scratch:tiny", "steps": steps, "controls": []},
    }
    recipe = Recipe.model_validate({"name": "bench", **sections})
    run = Run(recipe, home, home / "runs" / "bench", QuietScreen())
    for stage in STAGES[: STAGES.index(stage_named("eval"))]:
        run_stage(run, stage)
    return run
