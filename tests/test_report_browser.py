"""The page in a real browser: every picture drawn, nothing wider than the screen, nothing asked of the network."""

import asyncio
import os
from itertools import product
from pathlib import Path
from typing import Any, Literal

import pytest

from .chromium import chromium, open_tab
from .reporting import World, make_run, report_of, rich

WIDTHS = (1280, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")

SEEN = """(() => {
  const box = one => { const {left, top, right, bottom, width, height} = one.getBoundingClientRect();
                       return {left, top, right, bottom, width, height}; };
  const drawn = [...document.querySelectorAll("svg")].filter(one => getComputedStyle(one).display !== "none");
  const out = (inner, outer) => inner.left < outer.left - 1 || inner.right > outer.right + 1
                                || inner.top < outer.top - 1 || inner.bottom > outer.bottom + 1;
  const scrolls = one => one.closest(".scroll") !== null;
  return {
    width: innerWidth,
    scrollWidth: document.documentElement.scrollWidth,
    paper: getComputedStyle(document.documentElement).backgroundColor,
    charts: drawn.map(svg => ({
      ...box(svg),
      said: svg.getAttribute("aria-label"),
      marks: svg.querySelectorAll("path, use, text").length,
      outside: [...svg.querySelectorAll("text")].filter(text => out(box(text), box(svg))).map(text => text.textContent),
    })),
    wide: [...document.querySelectorAll("body *")].filter(one => !scrolls(one) && box(one).right > innerWidth + 1).map(
      one => one.tagName + " " + one.textContent.slice(0, 40)),
  };
})()"""
"""What a page looks like from inside; letters that reach out of their picture are told."""

POOR, BARE, RICH, JUDGED = "poor", "bare", "rich", "judged"
CHARTS = {POOR: 1, BARE: 3, RICH: 6, JUDGED: 6}
"""The funnel alone; arms, funnel, curves; all of them."""


def pages(home: Path) -> dict[str, Path]:
    """A page of each kind."""
    poor = make_run(home / POOR)
    for stage in ("student", "scorecard"):
        (poor.folder / stage / "manifest.json").unlink()
    runs = {
        POOR: poor,
        BARE: make_run(home / BARE, world=World()),
        RICH: make_run(home / RICH, world=rich()),
        JUDGED: make_run(home / JUDGED, world=rich("pairs")),
    }
    return {name: report_of(run) / "report.html" for name, run in runs.items()}


async def look(program: str, profile: Path, shown: dict[str, Path]) -> dict[tuple[str, int, str], dict[str, Any]]:
    """What each page looks like at each width in each scheme, and what it asked for."""
    seen: dict[tuple[str, int, str], dict[str, Any]] = {}
    async with open_tab(program, profile) as tab:
        for (name, page), width, scheme in product(shown.items(), WIDTHS, SCHEMES):
            await tab.open(page, width, scheme)
            found = await tab.evaluate(SEEN)
            seen[name, width, scheme] = found | {"requested": list(tab.requested), "page": page.as_uri()}
    return seen


@pytest.fixture(scope="module")
def seen(tmp_path_factory: pytest.TempPathFactory) -> dict[tuple[str, int, str], dict[str, Any]]:
    program = chromium()
    if program is None:
        assert not os.environ.get("CI_CHROMIUM"), (
            "CI_CHROMIUM is set, and there is no chromium: install Debian's `chromium`"
        )
        pytest.skip("there is no chromium here: install Debian's `chromium`")
    home = tmp_path_factory.mktemp("browser")
    return asyncio.run(look(program, home / "profile", pages(home)))


def test_nothing_is_wider_than_the_screen(seen: dict[tuple[str, int, str], dict[str, Any]]) -> None:
    for where, page in seen.items():
        assert page["width"] == where[1]
        assert page["scrollWidth"] <= page["width"], where
        assert not page["wide"], where


def test_every_chart_is_drawn_inside_the_screen_with_its_letters_inside_it(
    seen: dict[tuple[str, int, str], dict[str, Any]],
) -> None:
    for where, page in seen.items():
        charts = page["charts"]
        assert len(charts) == CHARTS[where[0]], where
        for chart in charts:
            assert chart["said"], where
            assert chart["marks"] > 5, (where, chart["said"])
            assert chart["width"] > 250, (where, chart["said"])
            assert chart["height"] > 60, (where, chart["said"])
            assert chart["left"] >= 0, (where, chart["said"])
            assert chart["right"] <= page["width"], (where, chart["said"])
            assert not chart["outside"], (where, chart["said"], chart["outside"])


def test_light_and_dark_differ(seen: dict[tuple[str, int, str], dict[str, Any]]) -> None:
    for name, width in product(CHARTS, WIDTHS):
        assert seen[name, width, "light"]["paper"] != seen[name, width, "dark"]["paper"]


def test_nothing_is_asked_of_the_network(seen: dict[tuple[str, int, str], dict[str, Any]]) -> None:
    for where, page in seen.items():
        assert page["requested"] == [page["page"]], where
