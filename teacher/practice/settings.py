"""How the practice teacher behaves: what it gets wrong, what fails on the way, and who it is in the ledger."""

from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from ...errors import BadRecipe
from ...recipe.section import Section
from ...store.manifest import digest_of_file
from .url import checked, host_of, query_of

MODEL = "practice-1"
"""The simulated model's name, the only one it knows."""

PRACTICE_KEY = "practice-key"
"""The key it asks for when `require_key` is set; no secret."""


class PracticeSettings(Section):
    """One practice teacher. Shares are of all draws, from 0 to 1."""

    kind: Literal["skills", "replay", "judge"] = "skills"
    """`skills`: it computes its answers; `replay`: it repeats recorded ones; `judge`: it judges those of `skills`."""

    seed: int = 0
    """Another seed is another sample of answers and of faults."""

    wrong: float = Field(default=0.12, ge=0, le=1)
    """Share of draws with one wrong field, another one each time."""

    misread: float = Field(default=0, ge=0, le=1)
    """Share of the prompts that can be misread (three in ten) that are answered with the same mistake in every draw."""

    habit: float = Field(default=0.6, ge=0, le=1)
    """Share of draws answered in another shape, for the one phrasing of each skill that has this habit."""

    refused: float = Field(default=0.01, ge=0, le=1)
    """Share of draws that are a refusal."""

    truncated: float = Field(default=0.01, ge=0, le=1)
    """Share of draws cut off with finish_reason `length`."""

    content_filter: float = Field(default=0, ge=0, le=1)
    """Share of draws without text and with finish_reason `content_filter`."""

    file: Path | None = None
    """For `replay`: the JSONL file of recorded answers, relative to the recipe's folder."""

    prompt: str = "prompt"
    """For `replay`: the column that holds what was asked; found by the same text, runs of white space being one blank."""

    answer: str = "answer"
    """For `replay`: the column that holds what was answered."""

    noise: float = Field(default=0.1, ge=0, le=1)
    """For `judge`: share of verdicts that are drawn by chance."""

    unparsable: float = Field(default=0.02, ge=0, le=1)
    """For `judge`: share of replies that end without a verdict."""

    manner: Literal["", "random", "first", "longest", "shortest", "even", "silent"] = ""
    """For `judge`: how a broken one judges: by chance; the first of two (of one answer: always the best grade); the longest or
    the shortest; all alike; or not at all. Empty: by the one right answer."""

    latency_ms: float = Field(default=0, ge=0)
    """Milliseconds before each answer."""

    fail_429: float = Field(default=0, ge=0, le=1)
    """Share of attempts answered with status 429."""

    fail_500: float = Field(default=0, ge=0, le=1)
    """Share of attempts answered with status 500."""

    fail_reset: float = Field(default=0, ge=0, le=1)
    """Share of attempts whose connection is cut without an answer."""

    fail_torn: float = Field(default=0, ge=0, le=1)
    """Share of attempts answered with status 200 and half of the JSON."""

    fail_hang: float = Field(default=0, ge=0, le=1)
    """Share of attempts answered only after `hang_s`."""

    fail_times: int = Field(default=3, ge=0)
    """A request (its very bytes) fails at most so often and is then answered."""

    retry_after_s: float = Field(default=0.05, ge=0)
    """Seconds that a 429 by fault tells the client to wait."""

    hang_s: float = Field(default=30, ge=0)
    """Seconds that a hanging answer takes."""

    rpm: int = Field(default=0, ge=0)
    """Requests a minute, held from second to second; 0 is no limit."""

    require_key: bool = False
    """Answer 401 to whoever does not send `Authorization: Bearer practice-key`."""

    unsupported: str = ""
    """Fields of the request body, with commas between, that this teacher answers with 400."""

    @model_validator(mode="after")
    def _shares_fit(self) -> "PracticeSettings":
        if self.wrong + self.refused + self.truncated + self.content_filter > 1:
            raise ValueError(
                "wrong, refused, truncated and content_filter are shares of the same draws: at most 1 in all"
            )
        if self.fail_429 + self.fail_500 + self.fail_reset + self.fail_torn + self.fail_hang > 1:
            raise ValueError("the fail_… are shares of the same attempts: at most 1 in all")
        if (self.kind == "replay") != (self.file is not None):
            raise ValueError("file= goes with practice://replay, and practice://replay needs it")
        return self

    def identity(self) -> str:
        """Who answers, for the ledger: every setting that shapes answers, and no other; of a file, its content.

        Raises:
            BadRecipe: the file of recorded answers cannot be read.
        """
        shaping = (ONLY_FOR[self.kind] | {"seed"}) - {name for name in LATER if not getattr(self, name)}
        return f"practice/{self.kind}?" + "&".join(f"{name}={self._as_text(name)}" for name in sorted(shaping))

    def _as_text(self, name: str) -> str:
        value = getattr(self, name)
        if isinstance(value, Path):
            try:
                return digest_of_file(value)
            except OSError as error:
                raise BadRecipe(f"{value}: the recorded answers cannot be read: {error.strerror}") from None
        return f"{value:.15g}" if isinstance(value, float) else str(value)


ONLY_FOR = {
    "skills": {"wrong", "misread", "habit", "refused", "truncated", "content_filter"},
    "replay": {"file", "prompt", "answer"},
    "judge": {"noise", "unparsable", "manner"},
}
"""The settings that shape what a kind answers; they mean nothing to the other kinds."""

LATER = frozenset({"misread", "manner"})
"""Settings that came later: at 0, or empty, they are no part of the identity, so that what was answered before is not asked
again."""


def practice_settings(url: str, home: Path = Path()) -> PracticeSettings:
    """The settings that an address says, such as `practice://replay?file=…`; `file` is relative to `home`.

    Raises:
        BadRecipe: an unknown key or a value out of bounds.
    """
    kind = host_of(url, ONLY_FOR)
    foreign = {"kind"}.union(*(names for other, names in ONLY_FOR.items() if other != kind))
    values: dict[str, object] = dict(
        query_of(url, [name for name in PracticeSettings.model_fields if name not in foreign])
    )
    if "file" in values:
        values["file"] = home / Path(str(values["file"])).expanduser()
    return checked(url, PracticeSettings, {**values, "kind": kind})
