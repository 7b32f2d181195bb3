"""A bench of several parts: each is a module with a `measure(effort)`; the claims of all end in one line of JSON."""

import argparse
import importlib
import sys
import traceback
from collections.abc import Mapping, Sequence
from dataclasses import asdict

import orjson

from .claims import Claim, Effort, print_table

Parts = Mapping[str, Sequence[str]]
"""The parts by name, and the claims that each makes."""


def measure(bench: str, part: str, names: Sequence[str], effort: Effort) -> list[Claim]:
    """The claims of the module `<bench>_<part>`; without values if it fails, and the reason goes to standard error."""
    try:
        return importlib.import_module(f".{bench}_{part}", __package__).measure(effort)
    except Exception:  # noqa: BLE001 - the other parts are still worth measuring
        traceback.print_exc()
        return [Claim(name, None, "could not be measured", None) for name in names]


def main(bench: str, parts: Parts, about: str | None) -> None:
    """Measure and tell, as the command line says.

    Args:
        bench: what the names of its modules begin with.
        parts: what there is to measure.
        about: what `--help` says of it.
    """
    parser = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default=",".join(parts), help="parts, with commas between: " + ", ".join(parts))
    parser.add_argument("--quick", action="store_true", help="small sizes: the figures mean nothing")
    parser.add_argument("--rounds", type=int, default=5, help="rounds where rivals are compared; the median counts")
    given = parser.parse_args()
    wanted = given.only.split(",")
    if unknown := [part for part in wanted if part not in parts]:
        parser.error(f"no part {', '.join(unknown)}; there are {', '.join(parts)}")
    effort = Effort(given.quick, given.rounds)
    claims = [claim for part in wanted for claim in measure(bench, part, parts[part], effort)]
    verdict = {True: "yes", False: "NO", None: "not measured"}
    rows = [
        (claim.name, "" if claim.value is None else claim.value, claim.target, verdict[claim.holds]) for claim in claims
    ]
    title = "Claims" + (" (quick: they mean nothing)" if given.quick else "") + ":"
    print_table(title, ("claim", "value", "target", "holds"), rows)
    sys.stdout.flush()
    print(orjson.dumps({"claims": [asdict(claim) for claim in claims]}).decode(), flush=True)
