"""`potstill check`: look everything over before anything is paid: prompts, key, endpoint, model, price, student, disk.

Then ask the teacher a few tokens, if that is free, and see whether it does what the recipe relies on.
"""

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Annotated

import typer

from .options import DEFAULT_RECIPE, DEFAULT_RUNS, AsJson, Overrides, RecipePath, RunsFolder, open_run
from .output import print_json

if TYPE_CHECKING:
    from ..prompts.stage import Loaded
    from ..recipe import TaskSection, TeacherSection
    from ..recipe.judge import JudgeSection
    from ..store.run import Run
    from ..store.stage import Stage
    from ..teacher.probes import Finding, Probe

FREE_GB_WANTED = 2.0
MARKS = {"ok": "ok ", "note": "but", "wrong": "NO "}

Probing = Annotated[
    bool | None,
    typer.Option(
        "--probe/--no-probe",
        help="Ask the teacher a few tokens to see what it ignores; if not given, only where that is free.",
    ),
]


def check(
    recipe: RecipePath = DEFAULT_RECIPE,
    set_: Overrides = None,
    runs: RunsFolder = DEFAULT_RUNS,
    json: AsJson = False,
    probe: Probing = None,
) -> None:
    """Look everything over; nothing is paid unless --probe is given. Ends with exit code 2 if anything would stop a run."""
    from ..errors import BadInput

    job = open_run(recipe, set_, runs, quiet=json)
    found: list[Finding] = []
    for finding in _findings(job, probe):
        found.append(finding)
        if not json:
            typer.echo(f"{MARKS[finding.level]} {finding.check}: {finding.says}")
    passed = all(finding.level != "wrong" for finding in found)
    if json:
        told = [
            {"check": one.check, "ok": one.level != "wrong", "note": one.level == "note", "says": one.says}
            for one in found
        ]
        print_json({"ok": passed, "checks": told})
    if not passed:
        raise typer.Exit(BadInput.exit_code)


def _findings(job: "Run", probe: bool | None) -> "Iterator[Finding]":
    from ..errors import BadInput
    from ..teacher.probes import Finding

    wrong: dict[str, str] = {}
    loaded = cache(lambda: _load(job))
    for name, look in _checks(job, loaded):
        try:
            told = look()
            yield told if isinstance(told, Finding) else Finding(name, "ok", told)
        except BadInput as error:
            said = str(error)
            yield Finding(name, "wrong", f"as for {wrong[said]}" if said in wrong else said)
            wrong.setdefault(said, name)
    if hint := _hint(job, wrong):
        yield Finding("schema", "note", hint)
    if wrong:
        yield Finding("probes", "note", "the teacher was not asked: mend what is said above first")
    else:
        yield from _probe(job, loaded(), probe)


def _hint(job: "Run", wrong: Mapping[str, str]) -> str | None:
    """What it means that the recipe's schema is not for strict endpoints, if it is one and is not."""
    from ..graders.structured import why_a_hint

    why = None if "generate" in wrong.values() else why_a_hint(job.recipe.generate, job.home)
    return why and (
        f"goes out with `strict: false`, for OpenAI and its like would refuse it otherwise ({why}): they take it as a hint "
        "(vLLM keeps to it all the same), and an answer that does not fit costs a second request"
    )


def _checks(job: "Run", loaded: "Callable[[], Loaded]") -> "Iterator[tuple[str, Callable[[], str | Finding]]]":
    from .. import pipeline

    yield "prompts", lambda: _prompts(job, loaded())
    for task in job.recipe.eval.tasks:
        yield f"task {task.name}", lambda task=task: _task(job, task)
    yield "teacher", lambda: _teacher(job)
    yield "price", lambda: _price(job)
    if (judge := job.recipe.filter.judge) is not None and judge.teacher is not None:
        yield "judge", lambda: _judge(job, judge, "filter.judge")
    if (judge_of_eval := job.recipe.eval.judge) is not None and judge_of_eval.teacher is not None:
        yield "eval.judge", lambda: _judge(job, judge_of_eval, "eval.judge")
    yield "disk", lambda: _disk(job)
    if job.ledger.exists():
        yield "ledger", lambda: _ledger(job)
    for stage in pipeline.STAGES:
        if stage.command not in ("prompts", "report"):
            yield stage.command, lambda stage=stage: _stage(job, stage)


def _probe(job: "Run", loaded: "Loaded", wanted: bool | None) -> "Iterator[Finding]":
    """What the teacher does with what the recipe relies on."""
    from ..teacher.identity import tariff
    from ..teacher.loop import run_async
    from ..teacher.probes import Finding, most, probe_all

    probes = _probes(job, loaded)
    answers, usd = most(probes, job.recipe.teacher.model, tariff(job.recipe.teacher, job.home))
    if wanted is False or (wanted is None and usd):
        price = f"for less than ${(math.floor(usd * 100) + 1) / 100:.2f}" if usd else "for nothing"
        says = f"what the teacher ignores was not tried: --probe asks at most {answers} short questions {price}"
        yield Finding("probes", "note" if wanted is None else "ok", says)
        return
    yield from run_async(probe_all(job, probes))


def _probes(job: "Run", loaded: "Loaded") -> "list[Probe]":
    from ..generate.elicitation import elicitation_of
    from ..teacher.probes import probes_of

    elicitation, recipe = elicitation_of(job), job.recipe
    prompt = next((prompt for prompt in loaded.prompts if prompt.side == "train"), loaded.prompts[0])
    seeds = recipe.teacher.seeds or recipe.generate.seed is not None
    return probes_of(elicitation.asking, prompt.messages, elicitation.draws, seeds=seeds)


def _stage(job: "Run", stage: "Stage") -> str:
    from ..pipeline import missing_packages

    if missing := missing_packages(stage):
        return f"left out of a run here ({', '.join(missing)} not installed): pip install 'potstill[{stage.extra}]'"
    stage.preflight(job)
    return "ready"


def _load(job: "Run") -> "Loaded":
    from ..prompts.stage import load

    return load(job)


def _prompts(job: "Run", loaded: "Loaded") -> "str | Finding":
    from ..eval.marking import to_ask, way_of
    from ..planning.telling import rests_on
    from ..teacher.probes import Finding

    heldout = [prompt for prompt in loaded.prompts if prompt.side == "heldout"]
    way = way_of(job.recipe.eval, heldout)
    asked, graded = to_ask(way, heldout), sum(prompt.reference is not None for prompt in heldout)
    told = f"{len(loaded.prompts):,} distinct of {loaded.rows:,} rows, {len(heldout):,} of them held out"
    told = f"{told}, {graded:,} of those with a reference: {rests_on(way, len(asked))}"
    if job.recipe.eval.judge is not None and way not in ("pairs", "grades"):
        told += "; eval.judge is not asked"
    return told if asked else Finding("prompts", "note", told)


def _task(job: "Run", task: "TaskSection") -> "str | Finding":
    from ..errors import MissingExtra
    from ..planning.evaluation import prompts_of
    from ..teacher.probes import Finding

    try:
        prompts = prompts_of(task, job.home)
    except MissingExtra as error:  # where that is wrong, `eval` says so; elsewhere it is left out of a run
        return Finding(f"task {task.name}", "note", str(error))
    asked = "teacher, base and student are" if task.teacher else "base and student are"
    return f"{len(prompts):,} prompts, marked by {_marked_by(task)}; {asked} asked"


def _marked_by(task: "TaskSection") -> str:
    return f"lm-eval ({task.lm_eval})" if task.lm_eval is not None else f"{task.grader.kind} against their references"


def _judge(job: "Run", judge: "JudgeSection", where: str) -> "str | Finding":
    from ..errors import BadInput
    from ..graders.judge import of_judge
    from ..teacher.probes import Finding

    try:
        found, price = _teacher(job, judge.teacher), _price(job, judge.teacher)
    except BadInput as error:
        raise of_judge(error, judge, where) from None
    if isinstance(found, Finding):
        return Finding("judge" if where == "filter.judge" else where, found.level, f"{found.says}; {price}")
    return f"{found}; {price}"


def _ledger(job: "Run") -> str:
    """Whether it can be read and written; whether all of it is sound only `ledger verify` says, which reads it all."""
    from ..errors import BadInput, BrokenWorld
    from ..ledger.network import refuse_network
    from ..ledger.stats import size_on_disk
    from ..ledger.verification import reading
    from .ledger_reading import in_words

    refuse_network(job.ledger)
    try:
        with in_words(job.ledger), reading(job.ledger) as read:
            draws, replies = read.execute(
                "SELECT (SELECT count(*) FROM draws), (SELECT count(*) FROM replies)"
            ).fetchone()
    except BrokenWorld as error:
        raise BadInput(str(error)) from None
    if not os.access(job.ledger.parent, os.W_OK) or not os.access(job.ledger, os.W_OK):
        raise BadInput(
            f"{job.ledger}: nothing can be written there; make it writable, or set POTSTILL_LEDGER to a copy elsewhere"
        )
    return f"{job.ledger}: {draws:,} draws of {replies:,} replies, {size_on_disk(job.ledger) / 1e6:,.1f} MB"


def _teacher(job: "Run", other: "TeacherSection | None" = None) -> "str | Finding":
    from ..teacher.identity import check_replicas, identity
    from ..teacher.loop import run_async
    from ..teacher.open import greet, serving
    from ..teacher.probes import Finding

    section = other or job.recipe.teacher
    check_replicas(section)
    with serving(job, section) as base_url:
        found = run_async(greet(section, [base_url, *section.replicas]))
    down = "".join(f"; {why}" for why in found.down)
    name = f"in the ledger it is {identity(section, job.home)}{down}"
    if found.nothing_at:
        says = f"{found.nothing_at[0]}/models answered 404: does the address end in /v1, or wherever this server has its API?"
        return Finding("teacher", "note", f"{says} If it keeps no list of models, the first request will tell; {name}")
    known = "is there" if found.models else "is not listed by the endpoint; the first request will tell"
    return f"{section.model} {known}; {name}"


def _price(job: "Run", other: "TeacherSection | None" = None) -> str:
    from ..ledger.prices import describe
    from ..teacher.identity import tariff

    return describe(tariff(other or job.recipe.teacher, job.home))


def _disk(job: "Run") -> str:
    from ..errors import BadInput

    there = next(folder for folder in [job.folder.resolve(), *job.folder.resolve().parents] if folder.exists())
    free = shutil.disk_usage(there).free / 1e9
    if free < FREE_GB_WANTED:
        raise BadInput(f"{free:.1f} GB free at {there}; make room for {FREE_GB_WANTED:.0f} GB")
    return f"{free:,.0f} GB free at {there}"
