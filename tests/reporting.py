"""A finished run, made up: tables, counts and a scorecard as the stages write them, rich in everything or poor."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pyarrow as pa

from potstill.eval.break_even import Price, break_even
from potstill.eval.circumstances import Judge, circumstances
from potstill.eval.exam import Exam
from potstill.eval.findings import CEILING, CHANCE, Way, find
from potstill.eval.items import ITEMS, NO_VERDICT, Answer, Item, Marked, item_columns, item_of
from potstill.eval.lengths import Lengths
from potstill.eval.marks import is_student, marks_of
from potstill.eval.scorecard import numbers, scorecard
from potstill.eval.slices import slices_of
from potstill.recipe import Recipe
from potstill.report.stage import STAGE
from potstill.store.manifest import Manifest
from potstill.store.rows import Completion, Prompt, conversation
from potstill.store.run import Run
from potstill.store.schemas import COMPLETIONS, PROMPTS, completion_columns, prompt_columns, samples_schema
from potstill.store.screen import PlainScreen
from potstill.store.tables import write_table
from potstill.student.tokenizer import train_tokenizer
from potstill.train.proof import prove_rows
from potstill.train.rows import Row, encode_rows

from .sampling import Sample, sample_columns

ATTACK = '<script>alert("1")</script> $x$ & "quoted"'
HELDOUT = range(1000, 1400)
RENT = 0.48
"""Of the student's machine, for an hour."""
RIGHT = {"teacher": 368, "student": 360, "control_unfiltered": 244, "base": 0}
"""Of 400 held-out prompts; an arm is right on the first ones."""
KINDS = ("dates in words", "dates in digits", "intervals and durations, spelled out at length", "holidays")


@dataclass(frozen=True, slots=True)
class World:
    """What is to be in the scorecard."""

    by: Way = "reference"
    right: Mapping[str, int] | None = None
    """By arm, how many of the 400 prompts; that of a run with a bare scorecard, if not given."""
    slices: bool = False
    tasks: bool = False
    priced: bool = False
    planned: bool = False
    """Whether there is a price for the student's machine, and so a break-even."""
    passed: bool = True
    """Whether the judge, if there is one, passed its examination."""


RICH = {
    "teacher": 368, "teacher_again": 362, "student": 360, "student_2": 366, "student_3": 352,
    "control_unfiltered": 244, "control_random": 331, "seeds_only": 287, "base": 31,
}  # fmt: skip


def prompt(number: int, side: Any = "train", sliced: bool = False) -> Prompt:
    asked = ("system", "Write the date as ISO 8601."), ("user", f"the {number % 28 + 1}th of May, {1900 + number}")
    return Prompt(
        id=f"p{number}",
        messages=conversation(*asked),
        family=f"f{number}",
        side=side,
        source="dates.jsonl",
        lines=(number + 1,),
        reference=f"{1900 + number}-05-{number % 28 + 1:02d}",
        slice=KINDS[number * 7 // 3 % len(KINDS)] if sliced else "",
    )


def completion(number: int, status: str = "ok") -> Completion:
    return Completion(
        id=f"c{number}",
        prompt_id=f"p{number}",
        method="answer",
        template="t",
        series="main",
        draw=0,
        status=status,
        text=f"{1900 + number}-05-{number % 28 + 1:02d}" if status == "ok" else "",
        finish_reason="stop",
        error="" if status == "ok" else "the endpoint said 500",
        key="00",
        provider="example",
        model="large",
        snapshot="large-2026-08-01",
        parameters="{}",
        terms="",
        input_tokens=30,
        output_tokens=12,
        usd=0.0002,
    )


def sample(number: int) -> Sample:
    if number % 10 == 3:
        return Sample(prompt(number), completion(number, "error:500"), {"agreement": None}, "status", "error:500")
    if number % 10 == 7:
        return Sample(prompt(number), completion(number), {"agreement": 1.0}, "format", ATTACK)
    return Sample(prompt(number), completion(number), {"agreement": 3.0})


def _item(world: World, arm: str, place: int, asked: Prompt, right: int, snapshot: str) -> Item:
    """An arm's marked answer: right, a win or the best grade on its first prompts."""
    good = place < right
    text = (asked.reference or "") if good else f"{arm} says {asked.id[1:]}"
    answer = Answer(text, "ok", "length" if place == 399 else "stop", 9, 0.1, snapshot if arm == "teacher" else "")
    verdict, score = _mark(world, arm, place, good)
    return item_of(asked, arm, answer, verdict, score, "its two orders contradict" if verdict == "inconsistent" else "")


def _mark(world: World, arm: str, place: int, good: bool) -> tuple[Marked, float | None]:
    if not world.passed:
        return "unparsable", None
    match world.by:
        case "pairs" if arm == "teacher":
            return "compared", 0.5
        case "pairs" if place % 20 == 9:
            return "inconsistent", None
        case "pairs":
            return ("tie", 0.5) if place % 3 == 0 else ("win", 1.0) if good and place % 2 else ("loss", 0.0)
        case "grades":
            return "graded", (0.75 if good else 0.25) + (0.25 if place % 4 == 0 else 0.0)
        case "agreement" if arm == "teacher":
            return "compared", None
        case _:
            return ("right", 1.0) if good else ("wrong", 0.0)


def _judge(world: World, items: Mapping[str, Sequence[Item]]) -> Judge | None:
    if world.by not in ("pairs", "grades"):
        return None
    # A judge that failed is asked nothing; a tie is the same text here, for which nobody is asked.
    put = [item for arm in items if is_student(arm) for item in items[arm] if world.passed and item.verdict != "tie"]
    return Judge(
        model="judge-large",
        simulated=False,
        own_family=True,
        students_family=False,
        family_known=True,
        exam=Exam(30, 28, 1, 1, 0.83) if world.passed else Exam(30, 15, 0, 15, 0.33),
        asked=len(put),
        inconsistent=sum(item.verdict == "inconsistent" for item in put),
        silent=sum(item.verdict in NO_VERDICT for item in put),
        lengths=Lengths(41.0, 37.0, 0.06) if world.passed else None,
    )


TASKS = {
    "ifeval": ("constraints", {"teacher": 150, "student": 96, "base": 88}),
    "arithmetic": ("maths", {"teacher": 170, "student": 61, "base": 74}),
}


def _task(name: str) -> dict[str, Any]:
    marked_by, right = TASKS[name]
    on = [prompt(number, "heldout") for number in HELDOUT[:200]]
    plain = World()
    items = {
        arm: [_item(plain, arm, place, one, many, "") for place, one in enumerate(on)] for arm, many in right.items()
    }
    told = numbers(items, {}, find(marks_of(items), "reference", 0.95, 0.95), 200)
    if marked_by == "constraints":
        for arm, many in right.items():
            told["arms"][arm]["constraints"] = [many + 80, 320]
    return {"name": name, "marked_by": marked_by, "prompts": 200, **told}


def card_of(run: Run, world: World, snapshot: str) -> tuple[dict[str, Any], dict[str, list[Item]]]:
    """`scorecard.json` and the items, from the functions of `eval` but for what is measured and billed."""
    on = [prompt(number, "heldout", world.slices) for number in HELDOUT]
    arms = world.right or RIGHT
    items = {
        arm: [_item(world, arm, place, one, many, snapshot) for place, one in enumerate(on)]
        for arm, many in arms.items()
    }
    compared = {name: arm for name, arm in items.items() if name != "teacher" or world.by != "agreement"}
    marks = marks_of(compared, CEILING[world.by])
    judge = _judge(world, items)
    around = circumstances(run.recipe, on, items, way=world.by, judge=judge)
    how = {name: f"{name.replace('_', ' ')}, asked the plain prompts, greedy" for name in items}
    card = scorecard(items, how, find(marks, world.by, 0.95, 0.95), around)
    if judge is not None:
        card["judge"] |= {
            "identity": "judges.example.org judge-large",
            "provider": "judges.example.org",
            "how": world.by,
        }
        card["judge"] |= {"cost_usd": 0.31}
    card |= {"slices": slices_of(marks, world.by, 0.95, 0.95) if world.slices else [], "slices_left": 0}
    card |= {"tasks": [_task(name) for name in TASKS] if world.tasks else [], **_money(world)}
    return card, items


def _money(world: World) -> dict[str, Any]:
    judged = 0.31 if world.by in ("pairs", "grades") else 0.0
    rent = 0.02 if world.priced else 0.0
    spent = {
        "answers_usd": 0.012,
        "heldout_usd": 0.16,
        "filter_judge_usd": 0.0,
        "eval_judge_usd": judged,
        "training_usd": rent,
    }
    student = {
        "engine": "transformers 5.0.0", "device": "CPU, 2 threads", "dtype": "float32", "parameters": 860_000,
        "bytes": 1_650_000, "peak_bytes": 512_000_000, "peak_of": "process", "prompts": 20, "batch_size": 64, "repeats": 3,
        "ttft_p50_s": 0.012, "ttft_p95_s": 0.02, "p50_s": 0.11, "p95_s": 0.16, "tokens_per_second": 1234.0,
        "seconds_per_request": 0.031, "seconds_per_request_low": 0.029, "seconds_per_request_high": 0.033,
        "mean_output_tokens": 11.5,
    }  # fmt: skip
    teacher = {"usd_per_1000": 0.4, "mean_input_tokens": 41.0, "mean_output_tokens": 12.0, "p50_s": 0.5, "p95_s": 1.4}
    hour = RENT if world.priced else None
    own = Price(0.0000043, 0.0000041, 0.0000045) if world.priced else None
    pays = asdict(break_even(sum(spent.values()), Price(0.0004, 0.00033, 0.00047), own, hour))
    price = {"student_usd_per_1000": 0.0043} if world.priced else {}
    costs = {**spent, "training_seconds": 22.4, "distillation_usd": sum(spent.values()), "paid_by_this_run": 8.13}
    return {"efficiency": {"student": student, "teacher": teacher, **price}, "costs": costs, "break_even": pays}


def write_scorecard(run: Run, world: World, snapshot: str) -> None:
    card, items = card_of(run, world, snapshot)
    folder = run.folder / "scorecard"
    rows = (item_columns(item) for row in zip(*items.values(), strict=True) for item in row)
    write_table(folder, "items", ITEMS, rows)
    (folder / "scorecard.json").write_bytes(orjson.dumps(card, option=orjson.OPT_SERIALIZE_NUMPY))


TOKENIZER = train_tokenizer(["the 4th of May, 1903", "1903-05-04"] * 3, vocab_size=300, context=256)


@cache
def training(arms: tuple[str, ...] = ("student", "control_unfiltered")) -> bytes:
    """`training.json` around a true mask proof."""
    asked = [Row(f"r{at}", prompt(at).messages, conversation(("assistant", f"{1900 + at}-05-04"))) for at in range(12)]
    rows = encode_rows(TOKENIZER, asked, max_length=256)
    changed = [replace(one, encoded=replace(one.encoded, change="white space")) for one in rows.rows[:10]]
    proof = prove_rows(TOKENIZER, [*changed, *rows.rows[10:]])

    def arm(loss: float) -> dict[str, Any]:
        return {
            "seed": 0, "rows": 4000, "distinct_prompts": 3210, "longest_answer": 12, "too_long": 2, "control_token": 77,
            "steps": 160, "epochs": 2.56, "tokens": 297_000, "trained_tokens": 112_000, "seconds": 22.4, "resumed_from": 0,
            "curve": [{"step": step, "loss": loss + 5 * 0.97**step} for step in range(0, 160, 5)], "final_loss": loss,
            "proof": {**proof, "batches": {"batches": 2, "rows": 12}}, "settings": {},
        }  # fmt: skip

    losses = {"student": 0.02, "student_2": 0.03, "student_3": 0.025, "control_random": 0.1, "seeds_only": 0.2}
    made = {name: arm(losses.get(name, 0.4)) for name in arms}
    known = {"references": 48, "parameters": 860_000, "device": "cpu", "packages": {"trl": "1.16.0"}}
    return orjson.dumps({"arms": made, **known})


_ASKED = {"sent": 400, "reused": 0, "failed": 1, "usd": 0.08, "input_tokens": 16000, "output_tokens": 4900}
COUNTS: dict[str, dict[str, Any]] = {
    "prompts": {"rows": 6600, "merged": 12, "near": 3, "train": 6188, "heldout": 400, "families": 6588},
    "completions": {"prompts": 60, "rows": 60, "status": {"ok": 54, "error:500": 6},
                    "sent": 58, "reused": 2, "failed": 6, "usd": 0.012, "input_tokens": 1800, "output_tokens": 720},
    "samples": {"rows": 60, "kept": 48, "dropped": 12, "heldout": 400, "scores": ["agreement"], "funnel": [
        {"rule": "status", "in": 60, "dropped": 6, "unscored": 0, "usd": 0.001, "alone": 6, "shared": {}, "only": 0,
         "instead": 0, "reasons": {"error:500": 6}},
        {"rule": "length", "in": 54, "dropped": 0, "unscored": 0, "usd": 0.0, "alone": 0, "shared": {}, "only": 0,
         "instead": 0, "reasons": {}},
        {"rule": "format", "in": 54, "dropped": 6, "unscored": 3, "usd": 0.001, "alone": 6, "shared": {"near": 2}, "only": 4,
         "instead": 0, "reasons": {"no shape <fits>": 6}},
    ]},
    "student": {"rows": 4000, "too_long": 2, "steps": 160, "seconds": 44.0, "parameters": 860_000},
    "scorecard": {"items": 400, "arms": 4, **_ASKED},
}  # fmt: skip

_RANGE = {"low": 0.1, "likely": 0.15, "high": 0.4}
PLAN = {
    "name": "dates", "basis": "offline", "ledger": {"draws": 460, "bought": 0},
    "stages": {"prompts": {"asks": False, "usd": 0.0}, "generate": {"asks": True, "usd": _RANGE, "most": {"usd": 1.5}},
               "filter": {"asks": False, "usd": 0.0}, "train": {"asks": False, "usd": 0.0},
               "eval": {"asks": True, "usd": _RANGE, "most": {"usd": 2.5}}, "report": {"asks": False, "usd": 0.0}},
    "total": {"asks": True, "usd": {"low": 0.2, "likely": 0.3, "high": 0.8}, "most": {"usd": 4.0}},
}  # fmt: skip


def make_run(
    home: Path,
    base_url: str = "https://api.example.org/v1",
    snapshot: str = "large-2026-08-01",
    world: World | None = None,
) -> Run:
    """A run with every stage finished."""
    world = world or World()
    said: dict[str, Any] = {
        "name": "dates",
        "teacher": {"base_url": base_url, "model": "large"},
        "prompts": {"path": "dates.jsonl"},
    }
    if world.priced:
        said["eval"] = {"machine_usd_per_hour": RENT}
    recipe = Recipe.model_validate(said)
    run = Run(recipe, home, home / "runs" / "dates", PlainScreen())
    answering = ("base", CHANCE)
    trained = tuple(name for name in world.right or RIGHT if not name.startswith("teacher") and name not in answering)
    fill(run.folder, [sample(number) for number in range(60)], trained)
    write_scorecard(run, world, snapshot)
    counts = dict(COUNTS)
    if world.by in ("pairs", "grades"):
        counts["scorecard"] = {**COUNTS["scorecard"], "judge": {**_ASKED, "usd": 0.31, "cost_usd": 0.31}}
    if world.planned:
        (run.folder / "plan.json").write_bytes(orjson.dumps(PLAN))
    for stage, counted in counts.items():
        Manifest(
            stage=stage, fingerprint="f", stage_version=1, potstill="0.1.0", recipe=recipe.digest(), inputs={},
            settings={}, counts=counted, seconds=12.5, finished=datetime(2026, 11, 20, 12, 30, tzinfo=UTC),
        ).write(run.folder / stage)  # fmt: skip
    return run


def rich(by: Way = "reference", *, passed: bool = True) -> World:
    """A world with everything that a page can show."""
    judged = {name: RICH[name] for name in ("teacher", "student", "base")}
    right = {"reference": RICH, "agreement": {**RICH, CHANCE: 4}, "pairs": judged, "grades": judged}[by]
    return World(by, right, slices=True, tasks=True, priced=True, planned=True, passed=passed)


def fill(folder: Path, samples: list[Sample], trained: tuple[str, ...]) -> None:
    asked = [one.prompt for one in samples] + [prompt(number, "heldout") for number in HELDOUT]
    write_table(folder / "prompts", "prompts", PROMPTS, map(prompt_columns, asked))
    write_table(
        folder / "completions", "completions", COMPLETIONS, (completion_columns(one.completion) for one in samples)
    )
    schema = samples_schema({"agreement": pa.float64()})
    write_table(folder / "samples", "train", schema, (sample_columns(one) for one in samples if one.kept))
    write_table(folder / "samples", "dropped", schema, (sample_columns(one) for one in samples if not one.kept))
    write_table(folder / "samples", "heldout", PROMPTS, (prompt_columns(one) for one in asked if one.side == "heldout"))
    example = {"id": "1", "reason": "no shape <fits>", "asked": ATTACK, "answer": ATTACK}
    (folder / "samples" / "funnel.json").write_bytes(orjson.dumps({"format": [example]}))
    file = {"texts": 400, "dropped": {"equal": 2}, "kept_for_other_numbers": 1, "trained_on": 0, "examples": []}
    leaks = {"files": {"held-out prompts": file}, "blind_spots": ["Paraphrases are not seen."]}
    (folder / "samples" / "leaks.json").write_bytes(orjson.dumps(leaks))
    (folder / "student").mkdir()
    (folder / "student" / "training.json").write_bytes(training(trained))


def report_of(run: Run) -> Path:
    """The folder that the stage writes."""
    folder = run.folder / "report"
    folder.mkdir(exist_ok=True)
    STAGE.work(run, folder)
    return folder


def page_of(run: Run) -> str:
    return (report_of(run) / "report.html").read_text(encoding="utf-8")


def edit(path: Path, change: Callable[[dict[str, Any]], None]) -> None:
    values = orjson.loads(path.read_bytes())
    change(values)
    path.write_bytes(orjson.dumps(values))
