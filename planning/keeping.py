"""`runs/<name>/plan.json`: what was expected before the first request, kept so that what it came to can be held against it."""

import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import orjson

from ..store.run import Run
from ..store.screen import PlainScreen
from .facts import Outlook, facts, look, recalled
from .telling import NO_VERDICT

FILE = "plan.json"


class _Unheard(PlainScreen):
    """Says nothing: the stages will say the same."""

    def line(self, text: str) -> None:
        """Say nothing."""


def kept_plan(run: Run) -> dict[str, Any] | None:
    """The plan that is kept: `facts()`, with `recipe` (its digest) and `made`; None where there is none that can be read."""
    try:
        found = orjson.loads((run.folder / FILE).read_bytes())
        datetime.fromisoformat(found["made"])
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return None
    return found


def keep(outlook: Outlook, found: dict[str, Any]) -> bool:
    """Keep a plan in place of the one that is there, unless the run has bought something since that was made; say whether it was.

    Raises:
        OSError: it cannot be written.
    """
    earlier = kept_plan(outlook.run)
    if earlier is not None and datetime.fromisoformat(earlier["made"]).timestamp() <= outlook.last_bought:
        return False
    _write(outlook.run, found)
    return True


def keep_before(run: Run) -> None:
    """Keep what is expected of a run that begins, unless it has bought something since it was planned, or nothing is left to buy;
    and say so where there will be no verdict.

    What stops a run is said before or after: a plan that cannot be made is a line, and no more.
    """
    earlier = kept_plan(run)
    if earlier is not None and earlier.get("recipe") == run.recipe.digest():
        return
    try:
        outlook = look(replace(run, screen=_Unheard()))
        found = facts(outlook, recalled(outlook))
        if found["total"]["requests"]["high"]:
            keep(outlook, found)
            if found["heldout_buys"] is None:
                run.screen.line(NO_VERDICT)
    except Exception as error:  # noqa: BLE001 - whatever it is, the run may go all the same
        run.screen.line(f"plan: what this run will cost cannot be said before it ({error})")


def _write(run: Run, found: dict[str, Any]) -> None:
    told = {**found, "recipe": run.recipe.digest(), "made": datetime.now(UTC).isoformat()}
    run.folder.mkdir(parents=True, exist_ok=True)
    temporary = run.folder / f"{FILE}.tmp"
    with temporary.open("wb") as file:
        file.write(orjson.dumps(told, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))
        file.flush()
        os.fsync(file.fileno())
    temporary.rename(run.folder / FILE)
