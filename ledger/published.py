"""The prices that genai-prices publishes for a model at an endpoint."""

from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

from .prices import MILLION, Band, Tariff, Usage, cache_parts, free

if TYPE_CHECKING:
    from genai_prices.types import ConditionalPrice, ModelPrice

THOUSAND = 1_000


def published(model: str, base_url: str) -> Tariff | None:
    """The tariff of a model at an endpoint; None if its price per token is not known.

    A model that is listed without prices counts as unknown, unless its name ends with `:free`.
    """
    from genai_prices import Usage as Counted
    from genai_prices import __version__, calc_price

    try:
        found = calc_price(Counted(input_tokens=1, output_tokens=1), model, provider_api_url=base_url).model
    except LookupError:
        return None
    source = f"genai-prices {__version__}"
    lists = _possible(found.prices, datetime.now(tz=UTC))
    if found.id.endswith(":free") and not any(prices.__dict__ for prices in lists):
        return free(f"{found.id} in {source}")
    if any(prices.input_mtok is None or prices.output_mtok is None for prices in lists):
        return None
    bands = tuple(band for prices in lists for band in _bands(prices))
    if len(lists) == 1:
        return Tariff(bands, source)

    def at_this_hour(usage: Usage) -> float:
        cached, written = cache_parts(usage)
        counted = Counted(
            input_tokens=usage.input_tokens,
            output_tokens=usage.output_tokens,
            cache_read_tokens=cached,
            cache_write_tokens=written,
        )
        return float(calc_price(counted, model, provider_api_url=base_url).total_price)

    return Tariff(bands, source, at_this_hour)


def _possible(prices: "ModelPrice | Sequence[ConditionalPrice]", now: datetime) -> "list[ModelPrice]":
    """The price lists that can be in force now or later: the last one whose condition holds is."""
    from genai_prices.types import ModelPrice, StartDateConstraint

    if isinstance(prices, ModelPrice):
        return [prices]
    found = []
    for conditional in reversed(prices):
        found.append(conditional.prices)
        constraint = conditional.constraint
        if constraint is None or (isinstance(constraint, StartDateConstraint) and constraint.active(now)):
            return found
    return [*found, prices[0].prices]  # in force where no condition holds


def _bands(prices: "ModelPrice") -> list[Band]:
    from genai_prices.types import TieredPrices

    tiers = [
        tier.start for price in prices.__dict__.values() if isinstance(price, TieredPrices) for tier in price.tiers
    ]
    return [_band(prices, above) for above in sorted({-1, *tiers})]


def _band(prices: "ModelPrice", above: int) -> Band:
    from genai_prices.types import TieredPrices

    def price(name: str) -> float | None:
        value: Decimal | TieredPrices | None = getattr(prices, name)
        if isinstance(value, TieredPrices):
            reached = [tier.price for tier in value.tiers if tier.start <= above]
            value = reached[-1] if reached else value.base
        return None if value is None else float(value)

    plain, cached, written = price("input_mtok") or 0.0, price("cache_read_mtok"), price("cache_write_mtok")
    return Band(
        input=plain / MILLION,
        output=(price("output_mtok") or 0.0) / MILLION,
        cached_input=(plain if cached is None else cached) / MILLION,
        cache_write=(plain if written is None else written) / MILLION,
        request=(price("requests_kcount") or 0.0) / THOUSAND,
        above=above,
    )
