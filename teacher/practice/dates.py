"""The skill `dates`: a day written for people, answered as ISO 8601.

The month is a word, or the year comes first: no text can be read with day and month exchanged.
"""

from collections.abc import Mapping
from datetime import date, timedelta
from random import Random

from .skill import Skill

MONTHS: tuple[str, ...] = (
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
)
SHORT = tuple(name[:3] for name in MONTHS)
FIRST_DAY, DAYS = date(1990, 1, 1), 14_610
"""1990-01-01 to 2029-12-31."""


def invent(random: Random) -> date:
    """A day from 1990 to 2029."""
    return FIRST_DAY + timedelta(days=random.randrange(DAYS))


def spell(day: date) -> dict[str, str]:
    """Every form of a day."""
    return {
        "day": str(day.day),
        "ordinal": f"{day.day}{_ending(day.day)}",
        "month": MONTHS[day.month - 1],
        "short": SHORT[day.month - 1],
        "mm": f"{day.month:02d}",
        "dd": f"{day.day:02d}",
        "year": str(day.year),
    }


def _ending(day: int) -> str:
    if day in (11, 12, 13):
        return "th"
    return {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")


def recover(shown: Mapping[str, str]) -> date | None:
    """The day from the forms that a phrasing shows; None for 31 June and its like."""
    if "month" in shown:
        month = MONTHS.index(shown["month"]) + 1
    elif "short" in shown:
        month = SHORT.index(shown["short"]) + 1
    else:
        month = int(shown["mm"])
    day = shown.get("day") or shown.get("dd") or shown["ordinal"][:-2]
    return _date(int(shown["year"]), month, int(day))


def spoil(day: date, random: Random) -> date:
    """The day with another day of the month, another month, or another year of its decade."""
    decade = day.year - day.year % 10
    match random.choice(("day", "month", "year")):
        case "day":
            others = [_date(day.year, day.month, other) for other in range(1, 32)]
        case "month":
            others = [_date(day.year, other, day.day) for other in range(1, 13)]
        case _:
            others = [_date(other, day.month, day.day) for other in range(decade, decade + 10)]
    return random.choice([other for other in others if other is not None and other != day])


def misread(day: date) -> date:
    """The day with day and month exchanged, where that is a day."""
    return _date(day.year, day.day, day.month) or day


def _date(year: int, month: int, day: int) -> date | None:
    try:
        return date(year, month, day)
    except ValueError:
        return None


DATES = Skill(
    name="dates",
    marker="Date",
    phrasings=(
        "the {ordinal} of {month} {year}",
        "{day} {month} {year}",
        "{month} {day}, {year}",
        "{day} {short} {year}",
        "{year}/{mm}/{dd}",
    ),
    forms={
        "day": r"\d{1,2}",
        "ordinal": r"\d{1,2}(?:st|nd|rd|th)",
        "month": "|".join(MONTHS),
        "short": "|".join(SHORT),
        "mm": r"\d\d",
        "dd": r"\d\d",
        "year": r"\d{4}",
    },
    invent=invent,
    spell=spell,
    recover=recover,
    answer=date.isoformat,
    habit=lambda day: f"{day.day} {MONTHS[day.month - 1]} {day.year}",
    spoil=spoil,
    misread=misread,
    family=date.isoformat,
)
