"""What the distillation cost, all of it: answers, held-out answers, judges, and the machine that trained."""

import json
from collections.abc import Mapping
from typing import Any

from ..ledger.ledger import Ledger
from ..store.run import Run
from .teacher_arm import Asked, bought_for_training


def costs(run: Run, asked: Asked, judged: Mapping[str, Any] | None) -> dict[str, Any]:
    """In US dollars. What is used counts, whenever and by whichever run it was paid; `paid_by_this_run` is what the ledger
    charged.
    """
    heldout = asked.costs()
    bought = bought_for_training(run.folder / "completions", heldout.keys())
    rent, seconds = run.recipe.eval.machine_usd_per_hour, _training_seconds(run)
    parts = {
        "answers_usd": bought.usd,
        "heldout_usd": sum(usd for key, usd in heldout.items() if key not in bought.again),
        "filter_judge_usd": _filter_judge_usd(run),
        "eval_judge_usd": judged["cost_usd"] if judged else 0.0,
        "training_usd": rent / 3600 * seconds if rent is not None else 0.0,
    }
    with Ledger(run.ledger) as ledger:
        paid = ledger.bill(run.recipe.name).usd
    return {
        **parts,
        "training_seconds": seconds,
        "distillation_usd": sum(parts.values()),
        "paid_by_this_run": paid,
    }


def _training_seconds(run: Run) -> float:
    """Of all students, the controls too: without them nobody would know what filtering bought."""
    record = run.folder / "student" / "training.json"
    arms = json.loads(record.read_bytes())["arms"] if record.exists() else {}
    return float(sum(arm.get("seconds", 0.0) for arm in arms.values()))


def _filter_judge_usd(run: Run) -> float:
    samples = run.finished("samples")
    return samples.counts.get("judge", {}).get("cost_usd", 0.0) if samples else 0.0
