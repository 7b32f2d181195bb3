"""The model card and the dataset card, as the Hugging Face Hub reads them: YAML in front, then the page's figures in Markdown."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from ..student.sizes import PREFIX
from .columns import columns_of
from .facts import Facts
from .labels import METRICS, whole_label
from .page import said, templates

_HUB_NAME = re.compile(r"\w[\w.-]*/\w[\w.-]*")
_TAGS = ("potstill", "distillation")
_SIZES = (
    (1_000, "n<1K"),
    (10_000, "1K<n<10K"),
    (100_000, "10K<n<100K"),
    (1_000_000, "100K<n<1M"),
    (10_000_000, "1M<n<10M"),
)
"""The Hub's names for how many rows there are."""


def model_card(facts: Facts) -> str:
    """The card of the student that is kept."""
    return _card("model_card.md", _front(facts) | _model(facts), facts)


def dataset_card(facts: Facts, samples: Path) -> str:
    """The card of the training rows, which lie in `samples`."""
    return _card("dataset_card.md", _front(facts) | _dataset(facts), facts, columns=list(columns_of(samples)))


def _card(name: str, front: Mapping[str, Any], facts: Facts, **more: Any) -> str:
    head = yaml.safe_dump(dict(front), sort_keys=False, allow_unicode=True, width=1000)
    judgement = facts.judgement
    level = f"{100 * judgement.confidence:g}%" if judgement else ""
    body = templates().get_template(name).render(**said(facts), judged=judgement, level=level, **more)
    body = re.sub(r"\n{3,}", "\n\n", body).strip()
    return f"---\n{head}---\n\n{body}\n"


def _front(facts: Facts) -> dict[str, Any]:
    """Whether and how either may be passed on nobody here knows: it follows from the teacher's terms and the prompts' sources."""
    simulated = ("simulated-teacher",) if facts.simulated else ()
    return {"license": "unknown", "tags": [*_TAGS, *simulated]}


def _model(facts: Facts) -> dict[str, Any]:
    known: dict[str, Any] = {"library_name": "transformers", "pipeline_tag": "text-generation"}
    # A local folder or a student from scratch is no model that the Hub knows.
    if not facts.student.startswith(PREFIX) and _HUB_NAME.fullmatch(facts.student):
        known["base_model"] = facts.student
    if results := _results(facts):
        known["model-index"] = [{"name": facts.name, "results": results}]
    return known


def _results(facts: Facts) -> list[dict[str, Any]]:
    """The student's score, and its share of the teacher's, as the Hub lists results."""
    judgement = facts.judgement
    student = judgement.compared.arm("student") if judgement else None
    if judgement is None or student is None or student.score is None:
        return []
    metrics = [{"type": METRICS.get(judgement.by or "", "score"), "name": "score", "value": round(student.score, 4)}]
    # Of the very weights that lie here: with several seeds the verdict is of all students.
    if judgement.compared.kept_alone is not None:
        kept = round(judgement.compared.kept_alone.value, 4)
        metrics.append({"type": "retained", "name": f"share of {whole_label(judgement.by)}", "value": kept})
    return [
        {
            "task": {"type": "text-generation"},
            "dataset": {"type": "held-out", "name": f"{judgement.compared.graded} held-out prompts of {facts.name}"},
            "metrics": metrics,
        }
    ]


def _dataset(facts: Facts) -> dict[str, Any]:
    rows = facts.harvest.kept or 0
    return {
        "pretty_name": facts.name,
        "task_categories": ["text-generation"],
        "size_categories": [next((name for most, name in _SIZES if rows < most), "n>10M")],
        "configs": [{"config_name": "default", "data_files": [{"split": "train", "path": "train-*.parquet"}]}],
    }
