"""What `potstill explain` says to people: what each stage made of a row, in the order of the stages."""

import json
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from textwrap import wrap
from typing import Any

Facts = Mapping[str, Any]

COLUMNS = 100
SHOWN = 600
"""Characters of a text that are printed."""
_LABEL = 12
_MADE_BY = {"completions": "generate", "samples": "filter", "student": "train", "scorecard": "eval"}


def lines(facts: Facts, *, full: bool) -> Iterator[str]:
    """The row in words: lines that are not indented are headings."""
    for number, part in enumerate(_parts(facts, None if full else SHOWN)):
        told = list(part)
        if number and told:
            yield ""
        yield from told


def _parts(facts: Facts, shown: int | None) -> Iterator[Iterator[str]]:
    yield _prompt(facts, shown)
    if facts["row"]["kind"] == "near":
        return
    heldout = bool(facts["prompt"]) and facts["prompt"]["side"] == "heldout"
    yield from (_answer(facts, answer, shown) for answer in facts["answers"])
    yield _other_answers(facts)
    yield _missing(facts, heldout=heldout)
    if heldout and facts["stages"]["scorecard"] == "done":
        yield _items(facts, shown)
    yield _verdict(facts)


def _prompt(facts: Facts, shown: int | None) -> Iterator[str]:
    prompt = facts["prompt"]
    if prompt is None:
        yield f"prompt {facts['row']['prompt_id']}"
        yield from _field("gone", f"{Path(facts['run']) / 'prompts'} was made anew without it")
        return
    near = facts["row"]["kind"] == "near"
    yield f"{'near duplicate' if near else 'prompt'} {prompt['id']}"
    yield from _field("read from", _where(prompt))
    if near:
        alike = f"it is {prompt['similarity']:.0%} alike to {prompt['mate']}, which is"
        yield from _field("not asked", f"{alike} (`potstill explain {prompt['mate']}`)")
    yield from _field("family", prompt["family"])
    yield from _field("slice", prompt.get("slice") or "")
    if not near:
        yield from _field("side", f"{prompt['side']}, by the hash of its family and the salt {facts['salt']!r}")
    for twin in facts["near_duplicates"]:
        told = f"{twin['id']} ({_where(twin)}) is not asked: {twin['similarity']:.0%} alike"
        yield from _field("instead of", told)
    if prompt["reference"] is not None:
        yield from _text("reference", prompt["reference"], shown)
    for turn in prompt["messages"]:
        yield from _text(turn["role"], turn["content"], shown)


def _where(prompt: Facts) -> str:
    numbers = [f"{line:,}" for line in prompt["lines"]]
    if len(numbers) == 1:
        return f"{prompt['source']}, line {numbers[0]}"
    return f"{prompt['source']}, lines {', '.join(numbers[:-1])} and {numbers[-1]}, merged: they ask the same"


def _answer(facts: Facts, answer: Facts, shown: int | None) -> Iterator[str]:
    yield f"answer {answer['id']}, draw {answer['draw']}"
    ended = f", finish reason {answer['finish_reason']}" if answer["finish_reason"] else ""
    yield from _field("status", answer["status"] + ended)
    yield from _field("error", answer["error"])
    by = f"answered by {answer['snapshot']}" if answer["snapshot"] else "no model answered"
    yield from _field("model", f"{answer['model']} at {answer['provider']}, {by}; method {answer['method']}")
    tokens = f"{answer['input_tokens']:,} tokens in, {answer['output_tokens']:,} out"
    yield from _field("cost", f"{tokens}, ${answer['usd']:,.6f}")
    yield from _field("key", answer["key"])
    yield from _field("ledger", _ledger(facts, answer["ledger"]))
    yield from _text("text", answer["text"], shown)
    if answer["filter"]:
        yield from _filter(answer)
    elif facts["stages"]["samples"] == "done":
        yield from _field("filter", f"{Path(facts['run']) / 'samples'} has no such answer")
    yield from _training(facts, answer)


def _ledger(facts: Facts, bought: Facts | None) -> str:
    if bought is None:
        return f"nothing under this key in {facts['ledger']}"
    when = f"{bought['when']:%Y-%m-%d %H:%M} UTC"
    if bought["rejected"]:
        return f"rejected for good on {when}: {bought['rejected']}"
    fills = f", for a reply that fills {bought['draws']:,} draws" if bought["draws"] > 1 else ""
    worst = "" if bought["settled"] else ", at its worst case: no usage came back"
    who = f" by run {bought['run']}, stage {bought['stage']}" if bought["run"] else ""
    return f"bought on {when}{who}: ${bought['usd']:,.6f}{fills}{worst}"


def _filter(answer: Facts) -> Iterator[str]:
    label = answer["filter"]
    other = (
        "" if label["key"] == answer["key"] else f"; of an earlier answer under this id, with the key {label['key']}"
    )
    yield from _field("filter", ("kept" if label["kept"] else f"dropped by {label['rule']}: {label['reason']}") + other)
    scored = [f"{name} {_value(value)}" for name, value in label["scores"].items() if value is not None]
    yield from _field("scores", ", ".join(scored))
    yield from _field("not scored", ", ".join(name for name, value in label["scores"].items() if value is None))


def _value(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    return value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)


def _training(facts: Facts, answer: Facts) -> Iterator[str]:
    for number, (arm, one) in enumerate(answer["training"].items()):
        label = "" if number else "training"
        name = f"{arm} ({facts['student']})" if arm == "student" else arm
        if one["among"] is None:
            yield from _field(label, f"{name}: cannot be said: {one['why']}")
        elif not one["among"]:
            yield from _field(label, f"{name}: no, {one['why']}")
        else:
            unseen = ", so that not every row was seen" if one["epochs"] < 1 else ""
            took = f"{one['steps']:,} steps, {one['epochs']:g} epochs{unseen}"
            yield from _field(label, f"{name}: yes, among its {one['rows']:,} rows; {took}")


def _other_answers(facts: Facts) -> Iterator[str]:
    if facts["other_answers"]:
        yield "other answers to the prompt"
        yield from (f"  {one}" for one in facts["other_answers"])


def _missing(facts: Facts, *, heldout: bool) -> Iterator[str]:
    """A line for each stage that has not said anything of the row."""
    run, stages = Path(facts["run"]), facts["stages"]
    if heldout:
        yield from _field("generate", "a held-out prompt is not asked for training; `eval` asks it")
    elif stages["completions"] == "done" and not facts["answers"]:
        yield from _field("generate", f"{run / 'completions'} has no answer to it")
    for folder, command in _MADE_BY.items():
        if stages[folder] != "done" and not (heldout and folder in ("completions", "samples")):
            state = "begun and not finished" if stages[folder] == "begun" else "not run yet"
            yield from _field(command, f"{state}; `potstill {command}` makes {run / folder}")
    for folder, sources in facts["outdated"].items():
        told = f"{run / folder} was made from other {' and '.join(sources)} than there are now"
        yield from _field(_MADE_BY[folder], f"out of date: {told}; `potstill {_MADE_BY[folder]}` makes it anew")


def _items(facts: Facts, shown: int | None) -> Iterator[str]:
    yield "how it was judged"
    if not facts["items"]:
        why = "" if facts["prompt"]["reference"] is not None else ", and the prompt has no reference"
        yield from _field("eval", f"the scorecard has no item of it{why}")
    for item in facts["items"]:
        score = "" if item.get("score") is None else f", score {item['score']:g}"
        reason = f": {item['reason']}" if item.get("reason") else ""
        status = "" if item["status"] == "ok" else f" (status {item['status']})"
        yield from _field(item["arm"], f"{item['verdict']}{score}{reason}{status}")
        yield from _text("", item["text"], shown)


def _verdict(facts: Facts) -> Iterator[str]:
    if facts["verdict"]:
        yield "verdict of the run"
        yield from (f"  {line}" for line in wrap(facts["verdict"], COLUMNS - 2))


def _field(label: str, value: str) -> Iterator[str]:
    """A label and its value, wrapped below itself; nothing where there is no value."""
    indent = " " * (_LABEL + 2)
    told = wrap(_safe(value), COLUMNS - len(indent), break_long_words=False, break_on_hyphens=False)
    if told and len(label) >= _LABEL:
        yield f"  {label}"
        label = ""
    for number, line in enumerate(told):
        yield f"  {label if number == 0 else '':<{_LABEL}}{line}"


def _text(label: str, text: str, shown: int | None) -> Iterator[str]:
    """A text as it is, line by line behind a bar, cut where it is long."""
    if label:
        yield f"  {label}"
    if not text:
        yield "    (empty)"
        return
    cut = text if shown is None else text[:shown]
    yield from (f"    | {line}" for line in _safe(cut).split("\n"))
    if len(cut) < len(text):
        yield f"    … cut: {len(cut):,} of {len(text):,} characters are shown; --full shows all"


def _safe(text: str) -> str:
    """Without what a terminal would obey: control characters are spelled out."""
    return "".join(
        repr(sign)[1:-1] if unicodedata.category(sign) == "Cc" and sign not in "\n\t" else sign for sign in text
    )
