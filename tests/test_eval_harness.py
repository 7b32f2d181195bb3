"""Tasks of lm-eval: the same answers get the same marks as from our own grader, and the ledger sells none of them twice."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import pytest

from potstill.errors import BadRecipe, MissingExtra
from potstill.eval.arms import AskAll
from potstill.eval.harness import preflight_harness, read_harness_task
from potstill.eval.harness_files import declared, harness_files
from potstill.eval.items import Answer, Item
from potstill.eval.local_arms import local_arms
from potstill.eval.tasks import read_task
from potstill.eval.teacher_arm import TEACHER, Asked, teacher_arm
from potstill.recipe import Recipe, TaskSection
from potstill.store.rows import Message, conversation
from potstill.store.run import Run
from potstill.store.screen import PlainScreen
from potstill.student.load import Scratch, Student, load_student, save_student
from potstill.student.template import render
from potstill.teacher.practice.launch import start_practice
from potstill.teacher.practice.settings import practice_settings
from potstill.teacher.practice.source import practice_prompts

pytest.importorskip("lm_eval")

ROWS = list(practice_prompts("practice://skills?rows=40"))
KNOWN = 8
"""Rows that the student has been taught by heart."""

YAML = """\
task: mine
dataset_path: json
dataset_kwargs:
  data_files: {test: data/rows.jsonl}
  cache_dir: CACHE
test_split: test
output_type: generate_until
doc_to_text: "{{prompt}}"
doc_to_target: "{{reference}}"
generation_kwargs: {until: ["\\n\\n\\n"], max_gen_toks: 60}
metric_list:
  - {metric: exact_match, aggregation: mean, higher_is_better: true}
"""


def leave_task(home: Path, yaml: str = YAML, rows: Sequence[dict[str, str]] = ROWS, name: str = "mine") -> None:
    (home / "mine" / "data").mkdir(parents=True, exist_ok=True)
    (home / "mine" / f"{name}.yaml").write_text(yaml.replace("CACHE", str(home / "cache")))
    (home / "mine" / "data" / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def section(name: str = "mine", **fields: object) -> TaskSection:
    return TaskSection.model_validate({"name": name, "lm_eval": name, "include": "mine", **fields})


def run_in(home: Path, base_url: str = "practice://skills") -> Run:
    recipe = {
        "name": "r",
        "teacher": {"base_url": base_url, "model": "practice-1", "name": "the teacher"},
        "prompts": {"path": "practice://skills?rows=9"},
        "generate": {"max_tokens": 60},
    }
    return Run(Recipe.model_validate(recipe), home, home / "runs" / "r", PlainScreen())


@pytest.fixture(scope="module")
def taught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A home whose student knows the first rows by heart, and nothing else."""
    home = tmp_path_factory.mktemp("taught")
    leave_task(home)
    run = run_in(home)
    texts = [row["prompt"] + row["reference"] for row in ROWS]
    student = load_student("scratch:tiny", home, scratch=Scratch(texts, 300, 0))
    known = [row for row in ROWS if row["slice"] == "dates"][:KNOWN]
    learn_by_heart(student, [(row["prompt"], row["reference"]) for row in known])
    save_student(student, run.folder / "student" / "model")
    return home


def learn_by_heart(student: Student, pairs: Sequence[tuple[str, str]]) -> None:
    import torch

    torch.manual_seed(0)
    said = [render(student.tokenizer, conversation(("user", one), ("assistant", other))) for one, other in pairs]
    batch = student.tokenizer(said, add_special_tokens=False, return_tensors="pt", padding=True)
    labels = batch["input_ids"].masked_fill(batch["attention_mask"] == 0, -100)
    optimizer = torch.optim.AdamW(student.model.parameters(), lr=2e-3)
    for _ in range(150):
        loss = student.model(**batch, labels=labels).loss
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()


def by_file(run: Run, arm: str, ask: AskAll) -> list[Item]:
    """The same rows as a file's task, held to our own grader."""
    return read_task(TaskSection(name="mine", path="mine/data/rows.jsonl"), run.home).try_on(arm, ask)


def told(items: Sequence[Item]) -> list[tuple[str, str | None, str, str]]:
    return [(item.prompt_id, item.reference, item.text, item.verdict) for item in items]


def test_a_students_answers_get_the_verdicts_of_our_own_grader(taught):
    run = run_in(taught)
    task = read_harness_task(section(), taught)
    [arm] = local_arms(run)
    with arm.opened() as ask:
        items, ours = task.try_on(arm.name, ask), by_file(run, arm.name, ask)
    assert told(items) == told(ours)
    assert [item.verdict for item in items].count("right") >= KNOWN
    assert "wrong" in {item.verdict for item in items}
    assert task.marked_by == "lm-eval exact_match"


def test_a_served_teachers_answers_get_the_verdicts_of_our_own_grader_and_are_bought_once(tmp_path):
    leave_task(tmp_path)
    with start_practice(practice_settings("practice://skills")) as url:
        run, asked = run_in(tmp_path, url), Asked()
        task = read_harness_task(section(), tmp_path)
        with teacher_arm(run, TEACHER, "", asked).opened() as ask:
            items = task.try_on(TEACHER, ask)
            sent = asked.counts["sent"]
            again, ours = task.try_on(TEACHER, ask), by_file(run, TEACHER, ask)
    assert asked.counts["sent"] == sent >= len(ROWS)
    assert told(items) == told(ours) == told(again)
    verdicts = [item.verdict for item in items]
    assert min(verdicts.count("right"), verdicts.count("wrong")) >= 5
    assert [item.score for item in items] == [float(verdict == "right") for verdict in verdicts]


def test_lm_evals_own_backend_gets_the_same_answers_out_of_the_student(taught, monkeypatch):
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.tasks import TaskManager

    run = run_in(taught)
    [arm] = local_arms(run)
    with arm.opened() as ask:
        items = read_harness_task(section(), taught).try_on(arm.name, ask)
    monkeypatch.chdir(taught / "mine")
    found = simple_evaluate(
        model="hf",
        model_args={"pretrained": str(run.folder / "student" / "model"), "dtype": "float32"},
        tasks=["mine"],
        task_manager=TaskManager(include_defaults=False, include_path="."),
        apply_chat_template=True,
        batch_size=16,
        device="cpu",
        bootstrap_iters=0,
    )
    samples = (found or {}).get("samples", {})["mine"]
    assert [(one["filtered_resps"], one["exact_match"]) for one in samples] == [
        ([item.text], item.score) for item in items
    ]


def saying(*answers: Answer | str) -> AskAll:
    """An arm that says one thing after the other."""

    def ask(conversations: Sequence[Sequence[Message]]) -> list[Answer]:
        said = [one if isinstance(one, Answer) else Answer(one, "ok", "stop", 1, 0.1) for one in answers]
        assert len(said) == len(conversations)
        return said

    return ask


def asked_of(home: Path, yaml: str, rows: Sequence[dict[str, str]], *answers: Answer | str) -> list[Item]:
    leave_task(home, yaml, rows)
    return read_harness_task(section(), home).try_on("student", saying(*answers))


def rows_of(*references: str) -> list[dict[str, str]]:
    return [{"prompt": f"Question {at}?", "reference": text} for at, text in enumerate(references)]


def test_a_failed_request_is_nobodys_answer_and_one_that_was_cut_off_is_wrong(tmp_path):
    said = [Answer("yes", status, "x", 1, 0.1) for status in ("ok", "refused", "error:500", "truncated")]
    said += [Answer("", "unparsable", "stop", 1, 0.1), Answer("yes", "content_filter", "x", 1, 0.1)]
    items = asked_of(tmp_path, YAML, rows_of(*["yes"] * 6), *said)
    assert [item.verdict for item in items] == ["right", "right", "error", "wrong", "wrong", "wrong"]
    assert [item.reason for item in items[2:]] == ["error:500", "truncated", "unparsable", "content_filter"]
    assert [item.score for item in items] == [1, 1, None, 0, 0, 0]


def test_an_answer_ends_at_the_tasks_stop_even_where_the_arm_went_on_to_its_cap(tmp_path):
    went_on = Answer("yes\nQ: and then? STOP", "truncated", "length", 60, 0.1)
    yaml = YAML.replace('until: ["\\n\\n\\n"]', 'until: ["STOP", "\\nQ:"]')
    assert yaml != YAML
    [item, other] = asked_of(tmp_path, yaml, rows_of("yes", "yes"), went_on, "no STOP")
    assert (item.verdict, item.status, item.text) == ("right", "truncated", went_on.text)
    assert (other.verdict, other.text) == ("wrong", "no STOP")
    assert other.reason == "lm-eval took 'no '"


FILTERED = """
filter_list:
  - {name: behind-hashes, filter: [{function: regex, regex_pattern: "#### ([0-9]+)"}, {function: take_first}]}
  - {name: any-number, filter: [{function: regex, regex_pattern: "([0-9]+)"}, {function: take_first}]}
"""


def test_of_several_filters_the_first_counts_and_is_named(tmp_path):
    leave_task(tmp_path, YAML + FILTERED, rows_of("7", "7"))
    task = read_harness_task(section(), tmp_path)
    assert task.marked_by == "lm-eval exact_match, filter behind-hashes"
    items = task.try_on("student", saying("#### 7", "7"))
    assert [item.verdict for item in items] == ["right", "wrong"]
    assert items[1].reason == "lm-eval took '[invalid]'"


def test_a_function_of_the_users_may_give_a_share(tmp_path):
    yaml = YAML.replace("exact_match", "overlap") + "process_results: !function marks.overlap\n"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "marks.py").write_text(
        "def overlap(doc, results):\n"
        "    print('a word on stdout')\n"
        "    wanted = doc['reference'].split()\n"
        "    return {'overlap': sum(word in results[0].split() for word in wanted) / len(wanted)}\n"
    )
    items = asked_of(tmp_path, yaml, rows_of("a b", "a b", "a b"), "a b", "a", "c")
    assert [(item.verdict, item.score) for item in items] == [("right", 1), ("graded", 0.5), ("wrong", 0)]


def test_examples_and_description_are_turns_and_the_same_ones_each_time(tmp_path):
    yaml = YAML + "description: Answer with one word.\nnum_fewshot: 3\nfewshot_split: test\n"
    leave_task(tmp_path, yaml, rows_of(*"abcdefghij"))
    before = random.getstate()
    first, again = (read_harness_task(section(limit=4), tmp_path) for _ in range(2))
    assert random.getstate() == before, "the global generator is left as it was"
    assert first.prompts == again.prompts
    assert [turn["role"] for turn in first.prompts[0].messages] == ["system", *["user", "assistant"] * 3, "user"]
    assert [prompt.messages[-1]["content"] for prompt in first.prompts] == [f"Question {at}?" for at in range(4)]
    assert [prompt.reference for prompt in first.prompts] == [*"abcd"]
    assert [(prompt.side, prompt.source, prompt.lines) for prompt in first.prompts[:2]] == [
        ("heldout", "lm-eval mine", (1,)),
        ("heldout", "lm-eval mine", (2,)),
    ]
    assert {item.verdict for item in first.try_on("student", saying(*"abcd"))} == {"right"}


def test_what_is_asked_twice_is_asked_once_and_marked_twice(tmp_path):
    rows = [{"prompt": "Which?", "reference": "a"}, {"prompt": "Which?", "reference": "b"}]
    items = asked_of(tmp_path, YAML + "repeats: 3\n", rows, "b")
    assert [(item.reference, item.verdict) for item in items] == [("a", "wrong"), ("b", "right")]


CHOICE = "output_type: multiple_choice\ndoc_to_choice: [a, b]"


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        (("output_type: generate_until", CHOICE), r"multiple_choice.*probabilities.*generate_until"),
        (("output_type: generate_until", "output_type: loglikelihood_rolling"), "loglikelihood_rolling"),
        (("test_split: test", "test_split: test\nunsafe_code: true"), "programs that models write"),
        (("test_split: test", 'test_split: test\ngen_prefix: "So:"'), "gen_prefix"),
        (("metric: exact_match, aggregation: mean", "metric: bleu, aggregation: bleu"), "bleu is counted over all"),
        (("higher_is_better: true", "higher_is_better: false"), "less is better"),
        (("data/rows.jsonl", "data/other.jsonl"), r"lm-eval says: .*other\.jsonl"),
        (('"{{reference}}"', '"{{no_such_column}}"'), "lm-eval says"),
        (("task: mine", "task: main"), r"no such task; did you mean"),
        (("task: mine", "group: mine"), "a group of tasks"),
    ],
)
def test_preflight_says_what_is_wrong_with_a_task(tmp_path, changed, said):
    assert changed[0] in YAML
    leave_task(tmp_path, YAML.replace(*changed), rows_of("a", "b"))
    with pytest.raises(BadRecipe, match=said) as error:
        preflight_harness(section(), tmp_path)
    assert "the task 'mine' of eval.tasks (lm_eval: mine)" in str(error.value)


def test_marks_beyond_one_are_found_before_anybody_is_asked(tmp_path):
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "marks.py").write_text("def points(doc, results):\n    return {'points': len(results[0])}\n")
    leave_task(tmp_path, YAML.replace("exact_match", "points") + "process_results: !function marks.points\n")
    with pytest.raises(BadRecipe, match=r"points gives \d+, not a mark from 0 to 1"):
        preflight_harness(section(), tmp_path)


def test_dates_that_datasets_reads_as_points_in_time_are_not_marked_wrong_in_silence(tmp_path):
    rows = rows_of("2024-03-12", "2024-03-13")
    with pytest.raises(BadRecipe, match=r"'reference'.*strftime"):
        asked_of(tmp_path, YAML, rows)
    mended = YAML.replace("{{reference}}", "{{ reference.strftime('%Y-%m-%d') }}")
    assert [item.verdict for item in asked_of(tmp_path, mended, rows, "2024-03-12", "2024-03-12")] == ["right", "wrong"]


def test_a_folder_that_is_not_there_and_a_package_that_is_missing(tmp_path, monkeypatch):
    with pytest.raises(BadRecipe, match="there is no folder"):
        preflight_harness(section(), tmp_path)
    leave_task(tmp_path)
    monkeypatch.setattr("potstill.eval.harness_files.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"potstill\[eval\]"):
        preflight_harness(section(), tmp_path)


def test_lm_evals_own_tasks_are_found_and_a_folder_of_the_users_comes_first(tmp_path):
    own = declared(TaskSection(name="maths", lm_eval="gsm8k"), tmp_path)
    assert own.path.name == "gsm8k.yaml"
    assert (own.config["output_type"], own.config["dataset_path"]) == ("generate_until", "openai/gsm8k")
    leave_task(tmp_path, YAML.replace("task: mine", "task: gsm8k"), name="gsm8k")
    assert declared(section("gsm8k"), tmp_path).path == tmp_path / "mine" / "gsm8k.yaml"
    with pytest.raises(BadRecipe, match="did you mean gsm8k"):
        declared(TaskSection(name="maths", lm_eval="gsm8k_"), tmp_path)


def test_the_files_of_a_task_are_its_yaml_its_functions_and_its_data(tmp_path):
    head, tail = YAML.split("\n", 1)
    leave_task(tmp_path, f"{head}\ninclude: shared/rest.yaml\n")
    (tmp_path / "mine" / "shared").mkdir()
    (tmp_path / "mine" / "shared" / "rest.yaml").write_text(tail.replace("CACHE", str(tmp_path / "cache")))
    (tmp_path / "mine" / "marks.py").write_text("")
    (tmp_path / "mine" / "another.yaml").write_text("task: another\n")
    found = [str(path.relative_to(tmp_path / "mine")) for path in harness_files(section(), tmp_path)]
    assert found == ["data/rows.jsonl", "marks.py", "mine.yaml", "shared/rest.yaml"]
    assert harness_files(TaskSection(name="maths", lm_eval="gsm8k"), tmp_path) == []
    assert len(read_harness_task(section(), tmp_path).prompts) == len(ROWS)


def test_changed_data_are_read_anew(tmp_path):
    for references in ("abc", "cab", "de"):
        leave_task(tmp_path, YAML, rows_of(*references))
        assert [prompt.reference for prompt in read_harness_task(section(), tmp_path).prompts] == [*references]


def test_lm_eval_says_nothing_of_its_own_accord(tmp_path, capfd):
    asked_of(
        tmp_path,
        YAML.replace("generation_kwargs:", "generation_kwargs: {}\ndescription: #"),
        rows_of("a", "b"),
        "a",
        "b",
    )
    assert capfd.readouterr() == ("", "")


def test_lm_eval_is_imported_only_when_a_task_is_read():
    heavy = ["lm_eval", "datasets", "torch", "transformers"]
    look = f"import sys, potstill.eval.harness; print([name for name in {heavy} if name in sys.modules])"
    said = subprocess.run([sys.executable, "-P", "-c", look], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"
