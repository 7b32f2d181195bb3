"""How the report writes numbers: percents, intervals, dollars, sizes. What is not known is a dash."""

import math
from datetime import datetime
from decimal import Decimal

from markupsafe import Markup, escape

from ..store.rounding import down, nearest, up

UNKNOWN = "–"
_MINUS = "\N{MINUS SIGN}"


def percent(share: float | None) -> str:
    """`0.965` as `96.5%`."""
    return UNKNOWN if share is None else _signed(f"{nearest(share):z.1f}%")


def span(low: float | None, high: float | None) -> str:
    """An interval of shares, its ends rounded outwards as the verdict's are: `94.1 to 98.2%`."""
    if low is None or high is None:
        return UNKNOWN
    return _signed(f"{down(low):z.1f} to {up(high):z.1f}%")


def at_least(share: float | None) -> str:
    """The lower end of an interval of shares, rounded down."""
    return UNKNOWN if share is None else _signed(f"{down(share):z.1f}%")


def at_most(share: float | None) -> str:
    """The upper end of an interval of shares, rounded up."""
    return UNKNOWN if share is None else _signed(f"{up(share):z.1f}%")


def points(difference: float | None) -> str:
    """A difference of shares in percentage points, with its sign unless it rounds to nought."""
    return UNKNOWN if difference is None else _plus(100 * difference)


def points_span(low: float | None, high: float | None) -> str:
    """An interval of differences in percentage points, its ends rounded outwards."""
    return UNKNOWN if low is None or high is None else f"{_plus(down(low))} to {_plus(up(high))}"


def apart(difference: float | None) -> str:
    """How far two shares are from one another, rounded up: `3.2 points`."""
    return UNKNOWN if difference is None else f"{up(difference):.1f} points"


def chance(p: float | None) -> str:
    """A p-value to two digits, never as nought."""
    if p is None:
        return UNKNOWN
    return "<\N{NO-BREAK SPACE}0.001" if p < 0.001 else f"{p:.2g}" if p < 0.1 else f"{p:.2f}"


def count(number: float | None) -> str:
    """A whole number with its thousands apart."""
    return UNKNOWN if number is None else _signed(f"{round(number):,}")


def decimal(number: float | None) -> str:
    """A measured number to three significant digits, without an exponent."""
    if number is None:
        return UNKNOWN
    return count(number) if abs(number) >= 100 else _signed(f"{Decimal(f'{number:.3g}').normalize():f}")


def large(number: float | None) -> str:
    """A large number in words: `0.86 million`, `1.5 billion`."""
    if number is None or number < 100_000:
        return count(number)
    size, word = (1e9, "billion") if number >= 1e9 else (1e6, "million")
    return f"{float(f'{number / size:.3g}'):g} {word}"


def dollars(amount: float | None) -> str:
    """US dollars: cents where there are cents, two significant digits below one."""
    if amount is None:
        return UNKNOWN
    if amount == 0:
        return "$0"
    if abs(amount) >= 0.1:
        return _signed(f"{'-' if amount < 0 else ''}${abs(amount):,.2f}")
    if abs(amount) < 1e-8:
        return "less than $0.00000001"
    digits = 1 - math.floor(math.log10(abs(amount)))
    whole, _, cents = f"{abs(amount):.{digits}f}".rstrip("0").partition(".")
    return _signed(f"{'-' if amount < 0 else ''}${whole}.{cents:0<2}")


def size(number: float | None) -> str:
    """Bytes in decimal units: `1.65 MB`."""
    if number is None:
        return UNKNOWN
    for unit, step in (("GB", 1e9), ("MB", 1e6), ("kB", 1e3)):
        if number >= step:
            return f"{number / step:.3g} {unit}"
    return f"{number:.0f} bytes"


def duration(seconds: float | None) -> str:
    """Seconds as a person says them: `48 s`, `12 min`, `3 h 20 min`."""
    if seconds is None:
        return UNKNOWN
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 119.5:
        return f"{seconds:.3g} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def day(moment: datetime | None) -> str:
    """A moment as a date and a minute in its own time zone."""
    return UNKNOWN if moment is None else moment.strftime("%Y-%m-%d %H:%M %Z").strip()


def cut(text: str, most: int = 700) -> str:
    """A text short enough for a page; a cut is said."""
    if len(text) <= most:
        return text
    return f"{text[:most].rstrip()} … (cut here: {len(text):,} characters in all)"


def prose(text: str) -> Markup:
    """A sentence of the run's, escaped, with what stands between backticks as code."""
    pieces = text.split("`")
    if len(pieces) % 2 == 0:
        return escape(text)
    code = Markup("<code>{}</code>")
    return Markup("").join(code.format(piece) if place % 2 else piece for place, piece in enumerate(pieces))


def markdown(text: str) -> str:
    """A sentence of the run's for Markdown: no HTML, but for what stands between backticks, which is code there."""
    pieces = text.split("`")
    return "`".join(piece if place % 2 else _without_html(piece) for place, piece in enumerate(pieces))


def plain(text: str, most: int = 200) -> str:
    """A text of the run's on one line of Markdown, with nothing in it that would be a cell's end or HTML."""
    line = cut(" ".join(text.split()), most)
    return _without_html(line).replace("|", "\\|")


def _without_html(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _plus(per_cent: float) -> str:
    written = f"{per_cent:+z.1f}"
    return "0.0" if written == "+0.0" else _signed(written)


def _signed(text: str) -> str:
    return text.replace("-", _MINUS)
