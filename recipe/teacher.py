"""The teacher: which model answers, where it is, and what it costs."""

import re
from typing import Literal

from pydantic import Field, field_validator

from .section import Section

_OPERATION = re.compile(r"/(chat/)?completions/*$", re.I)
_WITH_A_USER = re.compile(r"(?:\w+://)?[^/?#]*@")
# The lower-case beginnings are those of keys that could pass for names.
_VARIABLE = re.compile(r"(?!(?:sk|hf|gsk|csk|r8|fw)_)[A-Za-z_][A-Za-z0-9_]*")


class Price(Section):
    """What a teacher charges, in US dollars per million tokens."""

    input: float = Field(ge=0)
    """US dollars per million input tokens."""

    output: float = Field(ge=0)
    """US dollars per million output tokens, reasoning included."""

    cached_input: float | None = Field(default=None, ge=0)
    """US dollars per million input tokens that the provider had cached; the input price if not given."""

    cache_write: float | None = Field(default=None, ge=0)
    """US dollars per million input tokens that the provider writes to its cache; the input price if not given."""


class TeacherSection(Section):
    """The model that is asked: any OpenAI-compatible endpoint, vLLM, or the embedded practice teacher."""

    base_url: str
    """Where it answers: `https://api.openai.com/v1`, `http://gpu-box:8000/v1`, or `practice://skills` (simulated)."""

    model: str
    """The model's name as the endpoint knows it."""

    name: str | None = None
    """Its identity in the ledger: paid answers are found again under this name. If not given, host and model; a server of
    your own is `own/<model>` wherever it runs, so name two that serve other weights under one model name."""

    api_key_env: str | None = None
    """The environment variable that holds the key; OPENAI_API_KEY for foreign hosts, none needed for your own."""

    replicas: tuple[str, ...] = ()
    """Further addresses of the same model with the same weights; each request goes to whichever has the fewest in flight."""

    concurrency: int = Field(default=32, ge=1, le=4096)
    """Requests in flight at most, over all replicas."""

    requests_per_minute: int | None = Field(default=None, ge=1)
    """Requests a minute at most; if not given, learned from what the endpoint says or does."""

    tokens_per_minute: int | None = Field(default=None, ge=1)
    """Tokens a minute at most; if not given, learned from what the endpoint says or does."""

    attempts: int = Field(default=6, ge=1, le=20)
    """Times one request is tried before its row is an error. What costs nothing does not count: being told to slow down, a
    teacher that has answered and takes no connection, and, unless this is 1, its 5xx for a minute."""

    deadline_s: float = Field(default=60, gt=0)
    """Seconds that every request is given at least. One that is given up may have been billed, so each has four times as
    long as the slowest hundredth of those before it needed, if that is more."""

    output_cap: Literal["max_tokens", "max_completion_tokens"] | None = None
    """What the endpoint calls the cap on output tokens; if not given, `max_completion_tokens` for OpenAI and Azure, else
    `max_tokens`."""

    seeds: bool = True
    """Whether the endpoint takes a `seed`; each draw is then sent one of its own."""

    price: Price | None = None
    """Its price; taken from genai-prices if not given. Your own and loopback hosts cost nothing unless you say so."""

    terms: str | None = None
    """Where its terms of use are, kept with every row."""

    @field_validator("replicas")
    @classmethod
    def _are_base_urls(cls, urls: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(_checked, urls))

    @field_validator("base_url")
    @classmethod
    def _is_a_base_url(cls, url: str) -> str:
        return _checked(url)

    @field_validator("api_key_env")
    @classmethod
    def _names_a_variable(cls, name: str | None) -> str | None:
        if name is not None and not _VARIABLE.fullmatch(name):
            raise ValueError(
                "not the name of an environment variable; the key stays in the environment, and its variable's name, "
                "such as OPENAI_API_KEY, goes here"
            )
        return name


def _checked(url: str) -> str:
    """An address, which is written into recipes, manifests and reports; the message must not repeat what may be a secret."""
    if _WITH_A_USER.match(url):
        raise ValueError("an address with a user or a password in it; put the key into the environment (api_key_env)")
    if url.startswith("practice://"):
        return url
    if re.search("[?#]", url):
        raise ValueError(
            "an address with a ? or a # in it; it ends with the path, and a key stays in the environment (api_key_env)"
        )
    if operation := _OPERATION.search(url):
        raise ValueError(
            f"an address that ends in {operation[0]}, which Potstill puts there itself; leave that out, as in https://host/v1"
        )
    return url
