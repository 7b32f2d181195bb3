"""Parts of the report: how numbers are written, and rows drawn by chance alone."""

from collections import Counter

import pytest

from potstill.report import words
from potstill.report.gallery import reservoir


@pytest.mark.parametrize(
    ("amount", "written"),
    [
        (None, "–"),
        (0, "$0"),
        (0.00012345, "$0.00012"),
        (0.0123, "$0.012"),
        (0.5, "$0.50"),
        (1234.5, "$1,234.50"),
        (0.004, "$0.004"),
        (0.08, "$0.08"),
        (0.0996, "$0.10"),
        (1e-15, "less than $0.00000001"),
    ],
)
def test_small_money_is_not_rounded_to_nothing(amount: float | None, written: str) -> None:
    assert words.dollars(amount) == written


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (words.percent(0.9653), "96.5%"),
        (words.percent(0.9996), "99.9%"),
        (words.percent(0.0004), "0.1%"),
        (words.span(-0.011, 0.02), "−1.1 to 2.0%"),
        (words.span(None, 0.02), "–"),
        (words.span(0.9411, 0.9811), "94.1 to 98.2%"),
        (words.span(0.291, 0.57), "29.1 to 57.0%"),
        (words.points_span(-0.0301, 0.0051), "−3.1 to +0.6"),
        (words.points_span(-0.00001, 0.0), "−0.1 to 0.0"),
        (words.points(-0.012), "−1.2"),
        (words.points(0.012), "+1.2"),
        (words.points(-0.0), "0.0"),
        (words.points(0.0001), "0.0"),
        (words.percent(-0.0001), "0.0%"),
        (words.chance(0.0), "<\N{NO-BREAK SPACE}0.001"),
        (words.chance(0.0123), "0.012"),
        (words.chance(1.0), "1.00"),
        (words.large(860_000), "0.86 million"),
        (words.large(596_049_920), "596 million"),
        (words.large(1_540_000_000), "1.54 billion"),
        (words.large(12_345), "12,345"),
        (words.size(1_650_000), "1.65 MB"),
        (words.size(999), "999 bytes"),
        (words.duration(0.031), "31 ms"),
        (words.duration(57.0), "57 s"),
        (words.duration(119.99), "2 min"),
        (words.duration(12_000), "3 h 20 min"),
        (words.decimal(0.0000123), "0.0000123"),
        (words.decimal(12.34), "12.3"),
        (words.decimal(1234.5), "1,234"),
    ],
)
def test_numbers_are_written_for_people(written: str, expected: str) -> None:
    assert written == expected


def test_a_cut_is_said() -> None:
    assert words.cut("short") == "short"
    assert words.cut("x" * 5000, 10) == "xxxxxxxxxx … (cut here: 5,000 characters in all)"


def test_backticks_become_code_and_nothing_else_becomes_html() -> None:
    assert words.prose("a `<b>` & c") == "a <code>&lt;b&gt;</code> &amp; c"
    assert words.prose("one ` only <b>") == "one ` only &lt;b&gt;"


def test_a_reservoir_is_the_same_each_time_and_in_order() -> None:
    rows = [{"place": place} for place in range(1000)]
    drawn, seen = reservoir(iter(rows), "kept")
    assert (drawn, seen) == reservoir(iter(rows), "kept")
    assert seen == 1000
    assert [row["place"] for row in drawn] == sorted(row["place"] for row in drawn)
    assert drawn != reservoir(iter(rows), "dropped")[0], "each wall has a seed of its own"


def test_a_reservoir_takes_all_of_few() -> None:
    rows = [{"place": place} for place in range(3)]
    assert reservoir(rows, "kept") == (rows, 3)


def test_a_reservoir_prefers_no_place() -> None:
    drawn = Counter(
        row["place"]
        for name in range(4000)
        for row in reservoir(({"place": place} for place in range(10)), str(name), 3)[0]
    )
    # 1,200 expected each; five standard deviations are 145.
    assert all(abs(many - 1200) < 145 for many in drawn.values())
    assert len(drawn) == 10
