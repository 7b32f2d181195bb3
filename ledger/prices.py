"""What a request costs: the recipe's price, else genai-prices; one's own hosts are free."""

from collections.abc import Callable
from dataclasses import dataclass

from ..errors import BadRecipe
from ..recipe import Price

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Usage:
    """Tokens of one request as the provider counted them. Output includes reasoning, input includes what was cached."""

    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


Tariff = Callable[[Usage], float]
"""US dollars for a usage."""


def free(usage: Usage) -> float:
    """The tariff of one's own machines."""
    return 0.0


def stated(price: Price) -> Tariff:
    """The tariff of a price that the recipe states."""
    cached_price = price.input if price.cached_input is None else price.cached_input

    def usd(usage: Usage) -> float:
        fresh = usage.input_tokens - usage.cached_tokens
        return (fresh * price.input + usage.cached_tokens * cached_price + usage.output_tokens * price.output) / MILLION

    return usd


def published(model: str, base_url: str) -> Tariff:
    """The tariff that genai-prices knows for a model at an endpoint.

    Raises:
        BadRecipe: it knows none; the message holds the lines to put into the recipe.
    """
    from genai_prices import Usage as Counted
    from genai_prices import calc_price

    def usd(usage: Usage) -> float:
        counted = Counted(
            input_tokens=usage.input_tokens, output_tokens=usage.output_tokens, cache_read_tokens=usage.cached_tokens
        )
        return float(calc_price(counted, model, provider_api_url=base_url).total_price)

    try:
        usd(Usage(1, 1))
    except LookupError:
        raise BadRecipe(
            f"nobody knows what {model!r} at {base_url} costs, and unpriced requests are not sent. Put its price "
            "(US dollars per million tokens) into the recipe, 0 if it is free:\n"
            "  teacher:\n    price:\n      input: 0.00\n      output: 0.00"
        ) from None
    return usd
