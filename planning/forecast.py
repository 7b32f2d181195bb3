"""What asking will cost, said before anything is asked: from sizes, caps and the price alone.

low, likely and high are no statistics here but stated assumptions (docs/planning.md); `most` is a bound.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from ..ledger.prices import Tariff, Usage
from ..teacher.traffic.stated import Permitted
from .caps import Caps, uses_from
from .range import NOTHING, Range
from .sizes import Size

REFERENCE_TIMES = Range(0.5, 1.0, 3.0)
"""How long an answer may be as a multiple of its reference."""

SHORT_REFERENCE = 10
"""Tokens below which a reference tells little of an answer's length: a label or a number comes with a sentence around it."""

CAP_TIMES = Range(1 / 16, 1 / 4, 1.0)
"""How long an answer may be as a share of its cap, where no row has a reference: a guess, but for the high end."""


@dataclass(frozen=True, slots=True)
class Most:
    """The worst that a stage's requests can come to, those that are lost on the way not counted: a bound, not a guess."""

    requests: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    usd: float = 0.0

    def __add__(self, other: "Most") -> "Most":
        return Most(
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
        )


@dataclass(frozen=True, slots=True)
class Forecast:
    """What one stage is still to ask and to pay."""

    prompts: int
    """Prompts of which some draw is still to be bought."""
    draws: int
    requests: Range
    input_tokens: Range
    output_tokens: Range
    usd: Range
    most: Most
    seconds: Range | None = None
    """None where nothing is known of the time."""

    def __add__(self, other: "Forecast") -> "Forecast":
        timed = self.seconds is not None and other.seconds is not None
        return Forecast(
            self.prompts + other.prompts,
            self.draws + other.draws,
            self.requests + other.requests,
            self.input_tokens + other.input_tokens,
            self.output_tokens + other.output_tokens,
            self.usd + other.usd,
            self.most + other.most,
            (self.seconds or NOTHING) + (other.seconds or NOTHING) if timed else None,
        )


def forecast(sizes: Sequence[Size], caps: Caps, tariff: Tariff) -> Forecast:
    """The forecast of one stage from what is known offline.

    At low and likely cost the draws of a prompt come in one request, whose input is billed once; at high cost each has a
    request of its own.
    """
    asked = [size for size in sizes if size.draws]
    answers = answers_of(asked, caps.first)
    requests = Range(len(asked), len(asked), sum(size.draws for size in asked))
    into = Range(
        sum(size.input.low for size in asked),
        sum(size.input.likely for size in asked),
        sum(size.input.high * size.draws for size in asked),
    )
    out = Range(
        sum(answer.low * size.draws for size, answer in zip(asked, answers, strict=True)),
        sum(answer.likely * size.draws for size, answer in zip(asked, answers, strict=True)),
        sum(answer.high * size.draws for size, answer in zip(asked, answers, strict=True)),
    )
    draws = sum(size.draws for size in asked)
    usd = Range(
        dollars(tariff, into.low, out.low, requests.low),
        dollars(tariff, into.likely, out.likely, requests.likely),
        dollars(tariff, into.high, out.high, requests.high),
    )
    most = at_most(asked, caps, tariff)
    return Forecast(len(asked), draws, requests, into, out, usd.at_most(most.usd), most)


def answers_of(sizes: Sequence[Size], cap: int) -> list[Range]:
    """The tokens of one answer to each prompt: by its reference, else like those with one, else by the cap."""
    known = [size.reference for size in sizes if size.reference is not None]
    if not known:
        return [CAP_TIMES.times(cap)] * len(sizes)
    count = len(known)
    usual = Range(
        sum(one.low for one in known) / count,
        sum(one.likely for one in known) / count,
        sum(one.high for one in known) / count,
    )
    return [_by_reference(size.reference or usual, cap) for size in sizes]


def _by_reference(tokens: Range, cap: int) -> Range:
    times = REFERENCE_TIMES
    longest = Range(tokens.low * times.low, tokens.likely * times.likely, tokens.high * times.high)
    return longest.at_most(cap)


def at_most(sizes: Iterable[Size], caps: Caps, tariff: Tariff) -> Most:
    """The worst case: a token for every byte, a request for every draw, every answer at its cap, all of it asked once more."""
    worst = Most()
    for size in sizes:
        times = [(use, size.fresh) for use in uses_from(size.body, caps.first, caps)]
        times += [(use, 1) for uses in size.begun for use in uses]
        for use, count in times:
            usd = tariff.worst(use.input_tokens, use.output_tokens)
            worst += Most(count, count * use.input_tokens, count * use.output_tokens, count * usd)
    return worst


@dataclass(frozen=True, slots=True)
class Rates:
    """US dollars per token, at the mean request: a price that rises with a request's length is met there."""

    input: float
    output: float


def rates(tariff: Tariff, mean_input: float, mean_output: float) -> Rates:
    """What a token costs in requests of this mean size."""
    into, out = max(1, round(mean_input)), max(1, round(mean_output))
    alone = tariff(Usage(into, 0))
    return Rates(alone / into, (tariff(Usage(into, out)) - alone) / out)


def dollars(tariff: Tariff, input_tokens: float, output_tokens: float, requests: float) -> float:
    """What so many tokens cost in so many requests of the same size."""
    if not requests:
        return 0.0
    rate = rates(tariff, input_tokens / requests, output_tokens / requests)
    return input_tokens * rate.input + output_tokens * rate.output


def counted(sizes: Iterable[Size], caps: Caps, tokens: Range, *, counts_caps: bool | None) -> Range:
    """The tokens that a limit counts: those that requests use, or where output caps count (OpenAI) those that they may use."""
    if not counts_caps:
        return tokens
    asked = [size for size in sizes if size.draws]
    return tokens.at_least(Range.exactly(sum(size.body / 4 + caps.first * size.draws for size in asked)))


def paced(requests: Range, tokens: Range, permitted: Permitted) -> Range:
    """Seconds that limits make a stage take at least."""
    by_requests = requests.times(60 / permitted.requests_per_minute)
    return by_requests.at_least(tokens.times(60 / permitted.tokens_per_minute))
