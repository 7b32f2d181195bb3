"""What a request costs and the most it can cost, by prices that are looked up once."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from ..recipe import Price

MILLION = 1_000_000

_ROUNDING = 1 + 1e-12
"""A sum of floating-point products may come out this much above the bound that it keeps to on paper."""


class Usage(NamedTuple):
    """Tokens of one request as the provider counted them. Output includes reasoning, input includes what was cached."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0
    """Input tokens that the provider had in its cache."""
    cache_write_tokens: int = 0
    """Input tokens that it put there; some providers bill them apart."""


@dataclass(frozen=True, slots=True)
class Band:
    """Prices of a request with more than `above` input tokens, in US dollars per token and per request."""

    input: float
    output: float
    cached_input: float
    cache_write: float
    request: float = 0.0
    above: int = -1


@dataclass(frozen=True, slots=True)
class Tariff:
    """US dollars for a usage, and at most."""

    bands: tuple[Band, ...]
    """By `above`, lowest first. A request is billed whole by the last band that it reaches."""
    source: str
    """Where the prices come from."""
    at_this_hour: Callable[[Usage], float] | None = None
    """Reckons where the price depends on the time; then `bands` are those of all hours, good for the bound alone."""

    @property
    def is_free(self) -> bool:
        """Whether nothing costs anything."""
        return not self.worst(MILLION * MILLION, 1)

    def __call__(self, usage: Usage) -> float:
        """US dollars. Counts of the cache that do not fit into the input are cut to it."""
        if self.at_this_hour is not None:
            return self.at_this_hour(usage)
        asked = usage.input_tokens
        band = self.bands[0]
        for higher in self.bands:
            if asked > higher.above:
                band = higher
        usd = asked * band.input + usage.output_tokens * band.output + band.request
        if usage.cached_tokens or usage.cache_write_tokens:
            cached, written = cache_parts(usage)
            usd += cached * (band.cached_input - band.input) + written * (band.cache_write - band.input)
        return usd

    def worst(self, input_tokens: int, output_tokens: int) -> float:
        """The most US dollars that a request of up to so many tokens can cost, whatever is cached, and at any hour."""
        return _ROUNDING * max(
            input_tokens * max(band.input, band.cached_input, band.cache_write)
            + output_tokens * band.output
            + band.request
            for band in self.bands
            if input_tokens > band.above
        )


def cache_parts(usage: Usage) -> tuple[int, int]:
    """The input tokens read from a cache and those written to one, together never more than the input."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    return cached, min(usage.cache_write_tokens, usage.input_tokens - cached)


def free(source: str) -> Tariff:
    """The tariff of what costs nothing, and why it does not."""
    return Tariff((Band(0.0, 0.0, 0.0, 0.0),), source)


def stated(price: Price, source: str) -> Tariff:
    """The tariff of a price that the user states; what is not said of a cache costs as other input."""
    cached = price.input if price.cached_input is None else price.cached_input
    written = price.input if price.cache_write is None else price.cache_write
    return Tariff((Band(price.input / MILLION, price.output / MILLION, cached / MILLION, written / MILLION),), source)


def describe(tariff: Tariff) -> str:
    """The tariff in a few words, for people."""
    if tariff.is_free:
        return f"free: {tariff.source}"
    first = tariff.bands[0]
    if tariff.at_this_hour is not None:
        asked, answered = (_span([band.input for band in tariff.bands]), _span([band.output for band in tariff.bands]))
        return f"{asked} per million tokens in, {answered} out, by the hour ({tariff.source})"
    told = f"{_usd(first.input)} per million tokens in, {_usd(first.output)} out"
    if len(tariff.bands) > 1:
        told += f", more above {tariff.bands[1].above:,} tokens in"
    return f"{told} ({tariff.source})"


def _span(prices: list[float]) -> str:
    return f"{_usd(min(prices))} to {_usd(max(prices))}"


def _usd(price: float) -> str:
    """A price of a token as dollars per million, to the cent, or finer where that is not enough."""
    usd = round(price * MILLION, 9)
    return f"${usd:,.2f}" if usd == round(usd, 2) else f"${usd:,.6g}"
