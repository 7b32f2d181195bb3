"""What `potstill plan` says to people: one table and a few lines."""

from collections.abc import Iterator, Mapping
from math import ceil, floor, log10
from textwrap import wrap
from typing import Any

from ..planning.forecast import SHORT_REFERENCE
from ..store.rounding import down, nearest, up
from .heldout_words import heldout_lines

Facts = Mapping[str, Any]

COLUMNS = 100


def lines(facts: Facts, command: str) -> Iterator[str]:
    """The plan in words, readable at 100 columns; `command` is what to type for the same plan."""
    for line in _lines(facts, command):
        yield from wrap(line, COLUMNS, subsequent_indent="  ") if len(line) > COLUMNS else [line]


def _lines(facts: Facts, command: str) -> Iterator[str]:
    prompts = facts["prompts"]
    yield (
        f"{prompts['train']:,} training prompts × {_of(facts['draws'], 'draw')}, {prompts['heldout']:,} held out, "
        f"{prompts['with_reference']:,} of those with a reference; {facts['teacher']}"
    )
    yield from _evaluation(facts["evaluation"])
    yield f"price: {facts['price']}"
    yield from _judge(facts)
    yield from _bought(facts["ledger"])
    yield ""
    yield from _table(facts)
    yield ""
    yield from _basis(facts, command)
    yield from _most(facts)
    yield from _pilot(facts)
    yield from _budget(facts["budget"])
    yield from heldout_lines(facts["heldout_buys"], facts["evaluation"], prompts["heldout"])


def _evaluation(evaluation: Facts) -> Iterator[str]:
    """What `eval` asks the teacher, where that is more than the held-out prompts once."""
    tasks = [f"{prompts:,} of the task {name}" for name, prompts in evaluation["tasks"].items()]
    if evaluation["again"] or tasks:
        heldout = f"{evaluation['asked']:,} held-out prompts" + (" twice" if evaluation["again"] else "")
        yield f"eval asks the teacher {', '.join([heldout, *tasks])}"


def _judge(facts: Facts) -> Iterator[str]:
    """Who judges, and how many answers are counted for that."""
    if judge := facts["judge"]:
        counted = "every answer" if facts["pilot"] is None else "the share that the other rules kept of the pilot"
        yield f"judge: {judge['teacher']}, price: {judge['price']}; {counted} is taken to be judged anew"
    if judge := facts["eval_judge"]:
        how = "compares in both orders" if judge["how"] == "pairs" else "grades, beside the teacher's,"
        yield (
            f"eval.judge: {judge['teacher']}, price: {judge['price']}; it is examined on {_of(judge['exam'], 'prompt')}, then "
            f"{how} the answers of {', '.join(judge['arms'])}; low counts the examination alone"
        )


def _bought(ledger: Facts) -> Iterator[str]:
    if ledger["bought"]:
        yield f"the ledger settles {ledger['bought']:,} of {ledger['draws']:,} draws: they cost nothing and are not counted below"


def _table(facts: Facts) -> Iterator[str]:
    """Low, likely and high for each stage that asks; the others in one line."""
    columns = ["", "requests", "tokens in", "tokens out", "dollars", "time"]
    rows = []
    for name, stage in [*facts["stages"].items(), ("total", facts["total"])]:
        if stage["asks"]:
            untimed = "after a pilot" if facts["pilot"] is None else "not known"
            rows += [
                _row(name if place == "likely" else "", place, stage, untimed) for place in ("low", "likely", "high")
            ]
    widths = [max(len(row[place]) for row in [columns, *rows]) for place in range(len(columns))]
    for row in [columns, *rows]:
        cells = [row[0].ljust(widths[0]), *(text.rjust(width) for text, width in zip(row[1:], widths[1:], strict=True))]
        yield "  ".join(cells).rstrip()
    silent = [name for name, stage in facts["stages"].items() if not stage["asks"]]
    yield f"{', '.join(silent)}: $0, they ask nobody; their time is not estimated"


def _row(name: str, place: str, stage: Facts, untimed: str) -> list[str]:
    seconds = stage["seconds"]
    return [
        f"{name:<9}{place:<7}",
        count(stage["requests"][place]),
        count(stage["input_tokens"][place]),
        count(stage["output_tokens"][place]),
        f"${money(stage['usd'][place])}",
        untimed if seconds is None else duration(seconds[place]),
    ]


def _basis(facts: Facts, command: str) -> Iterator[str]:
    """What the three numbers are."""
    if pilot := facts["pilot"]:
        by = "the pilot" if pilot["sent"] else f"{pilot['prompts']:,} prompts that the ledger has, chosen by hash"
        yield f"By {by}: low to high holds {pilot['confidence']:.0%} of such runs, likely is the estimate."
        if facts["evaluation"]["tasks"]:
            yield "What the tasks' answers cost is not by the pilot but by the sizes of their prompts and references."
        return
    yield f"Offline: input by the bytes of the prompts. A pilot tells much more: {command} --pilot 30"
    if facts["ledger"]["bought"]:
        yield "The ledger's answers are no pilot of this: a run reached them in its order, or draws of it are missing."
    cap = facts["caps"]["first"]
    if facts["references"]:
        yield f"An answer is taken to be 1/2, 1 or 3 times as long as its reference, at most {cap:,} tokens."
        yield from _short_references(facts["median_reference_tokens"])
    else:
        told = "tells how long an answer is" if facts["prompts"]["with_reference"] else "is there"
        yield f"No reference {told}: an answer is taken to be 1/16, 1/4 or all of its cap of {cap:,} tokens."


def _short_references(median: float) -> Iterator[str]:
    """That the high end may be none, where references are labels more than answers."""
    if median < SHORT_REFERENCE:
        half = _of(max(round(median), 1), "token")
        yield (
            f"But half of the references are {half} or shorter: answers to such rows are often many times as long, and high "
            "may be far too low. Only a pilot can tell."
        )


def _most(facts: Facts) -> Iterator[str]:
    most = facts["total"]["most"]
    tokens = most["input_tokens"] + most["output_tokens"]
    yield (
        f"At most ${money_at_most(most['usd'])} and {tokens:,} tokens: a token for every byte, {facts['caps']['worst']}; "
        "requests that get lost on the way come on top."
    )


def _pilot(facts: Facts) -> Iterator[str]:
    pilot = facts["pilot"]
    if pilot is None:
        return
    statuses = ", ".join(f"{status} {number}" for status, number in pilot["status"].items())
    yield (
        f"pilot: {pilot['prompts']} prompts, {pilot['sent']} requests sent, ${money(pilot['usd'])} spent; {statuses}; "
        f"{pilot['seconds_a_request']:.2g} s a request"
    )
    if not pilot["sent"]:
        yield "nobody was asked now: limits that the teacher tells of in its headers are not in the time"
    limits = [f"{limit:,.0f} {name.split('_')[0]}" for name, limit in pilot["limits"].items() if limit is not None]
    if limits:
        yield f"the teacher says that it takes {' and '.join(limits)} a minute: the time is with that"
    share, rows = pilot["kept_share"], pilot["kept_rows"]
    yield (
        f"kept by the rules: {pilot['kept']} of {pilot['rows']}; of all, {nearest(share['likely'])}% "
        f"({down(share['low'])} to {up(share['high'])}%), {count(rows['likely'])} rows "
        f"({count(rows['low'])} to {count(rows['high'])})"
    )
    a_row = pilot["usd_per_kept_row"]
    if a_row is None:
        yield "no answer of the pilot was kept: what a kept row costs cannot be said"
    elif not facts["free"]:
        high = "no bound" if a_row["high"] is None else f"${money(a_row['high'])}"
        yield f"a kept row costs ${money(a_row['likely'])} (${money(a_row['low'])} to {high})"


def _budget(budget: Facts | None) -> Iterator[str]:
    for name, told in (budget or {}).items():
        unit, shown = ("$", money) if name == "usd" else ("", count)
        covers = [place for place, fits in told["covers"].items() if fits]
        short = [place for place, fits in told["covers"].items() if not fits]
        said = f"covers {', '.join(covers)}" if covers else "covers not even low"
        said += f"; not {', '.join(short)}: the run would stop with exit code 3" if short and covers else ""
        yield f"budget.{name} of {unit}{shown(told['cap'])}, {unit}{shown(told['spent'])} of it spent: {said}"


def money(usd: float) -> str:
    """Dollars with cents, or with two digits that say something."""
    return f"{usd:,.{_places(usd)}f}"


def money_at_most(usd: float) -> str:
    """A bound in dollars, rounded up to the digits that `money` shows."""
    unit = 10 ** _places(usd)
    return f"{ceil(usd * unit - 1e-9) / unit:,.{_places(usd)}f}"


def _places(usd: float) -> int:
    return 2 if usd >= 0.1 or usd <= 0 else 1 - floor(log10(usd))


def _of(number: int, what: str) -> str:
    """So many of something: 1 draw, 2 draws."""
    return f"{number:,} {what}" + ("" if number == 1 else "s")


def count(number: float) -> str:
    """A whole number in at most six characters or so."""
    for limit, unit in ((1e9, "G"), (1e6, "M"), (1e5, "k")):
        if number >= limit:
            divisor = 1e3 if unit == "k" else limit
            return f"{number / divisor:,.3g}{unit}" if number / divisor < 1000 else f"{number / divisor:,.0f}{unit}"
    return f"{number:,.0f}"


def duration(seconds: float) -> str:
    """A time as people say it."""
    for limit, size, unit in ((172_800, 86_400, "days"), (7_200, 3_600, "h"), (120, 60, "min")):
        if seconds >= limit:
            return f"{seconds / size:,.1f} {unit}"
    return f"{seconds:,.0f} s" if seconds >= 1 or not seconds else "under 1 s"
