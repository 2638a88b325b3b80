"""The page in a real browser, opened from the disk: Debian's chromium, without a screen."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from deapnets.reports.report import report_of
from deapnets.reports.story import read_stories


@pytest.fixture(scope="module")
def pages(finished: Path, searched: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the page of a run, of a search, and of both."""
    folder = tmp_path_factory.mktemp("pages")
    for name, runs in {
        "run": [finished],
        "search": [searched],
        "both": [finished, searched],
    }.items():
        (folder / f"{name}.html").write_text(report_of(read_stories(runs)), encoding="utf-8")
    return folder


@pytest.fixture
def opened(browser: Any, pages: Path) -> Callable[..., Any]:
    """Return a function that opens a page on a screen, and waits until all is drawn."""

    def opened(page: str, width: int, scheme: str) -> Any:
        media = [{"name": "prefers-color-scheme", "value": scheme}]
        browser.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
        screen = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": width < 600}
        browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", screen)
        for log in ("browser", "performance"):
            browser.get_log(log)  # what the page before has left
        browser.get((pages / f"{page}.html").as_uri())
        for _ in range(600):
            if browser.execute_script("return document.body.dataset.drawn"):
                return browser
            time.sleep(0.05)
        raise AssertionError(f"not drawn after 30 s: {browser.get_log('browser')}")

    return opened


SCREENS = [(1400, "light"), (390, "dark")]


@pytest.mark.parametrize("page", ["run", "search", "both"])
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_a_page_is_drawn_whole_without_an_error_or_a_request(opened, pages, page, width, scheme):
    driver = opened(page, width, scheme)
    assert driver.get_log("browser") == []
    asked = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    requests = [
        m["params"]["request"]["url"] for m in asked if m["method"] == "Network.requestWillBeSent"
    ]
    assert [url for url in requests if not url.startswith(("data:", "blob:"))] == [
        (pages / f"{page}.html").as_uri()
    ]
    drawn = driver.execute_script(
        "return [...document.querySelectorAll('.plot')].map(p => ["
        "p.querySelectorAll('.main-svg').length,"
        "p.querySelectorAll('.trace, .hm, .point, path.js-line').length])"
    )
    assert len(drawn) >= 4
    assert all(svgs and traces for svgs, traces in drawn), drawn


@pytest.mark.parametrize("page", ["run", "search", "both"])
@pytest.mark.parametrize(("width", "scheme"), SCREENS)
def test_nothing_sticks_out_of_the_screen(opened, page, width, scheme):
    driver = opened(page, width, scheme)
    assert driver.execute_script("return document.documentElement.scrollWidth") <= width
    wide = driver.execute_script(
        "return [...document.querySelectorAll('figure, pre, table, dl, p, h1')].filter("
        "e => !e.closest('.scroll') && e.getBoundingClientRect().right > innerWidth + 1"
        ").map(e => e.outerHTML.slice(0, 100))"
    )
    assert wide == []


@pytest.mark.parametrize(("scheme", "page", "ink"), [("light", 255, 31), ("dark", 20, 230)])
def test_page_and_charts_are_light_or_dark_as_the_system_is(opened, scheme, page, ink):
    driver = opened("run", 1400, scheme)

    def red(expression: str) -> int:
        colour = driver.execute_script(f"return {expression}")
        return int(colour.partition("(")[2].partition(",")[0])

    assert red("getComputedStyle(document.body).backgroundColor") == page
    assert red("getComputedStyle(document.body).color") == ink
    assert red("getComputedStyle(document.querySelector('.xtick text')).fill") == ink


def test_charts_follow_the_system_while_the_page_is_open(opened):
    driver = opened("run", 1400, "light")
    read = "return getComputedStyle(document.querySelector('.xtick text')).fill"
    assert driver.execute_script(read) == "rgb(31, 41, 51)"
    media = [{"name": "prefers-color-scheme", "value": "dark"}]
    driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": media})
    for _ in range(100):
        if driver.execute_script(read) == "rgb(230, 234, 238)":
            return
        time.sleep(0.05)
    raise AssertionError(driver.execute_script(read))


def test_curves_can_be_drawn_against_seconds(opened):
    driver = opened("run", 1400, "light")
    last = "const x = document.getElementById('fitness').data[0].x; return x[x.length - 1]"
    assert driver.execute_script(last) == 40
    driver.execute_script(
        "const s = document.getElementById('axis'); s.value = 'seconds';"
        "s.dispatchEvent(new Event('change'))"
    )
    assert 0 < driver.execute_script(last) < 40


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_counts_are_legible_on_the_darkest_mistake(opened, scheme):
    """The contrast that WCAG 2.1 asks of text, 4.5."""
    driver = opened("run", 1400, scheme)
    script = """
      const plot = document.querySelector('[id^=confusion]');
      const cell = plot.data[0].colorscale[1][1], ink = plot.data[0].textfont.color;
      const probe = document.createElement('i'); document.body.append(probe);
      return [cell, ink].map(colour => { probe.style.color = colour;
        return getComputedStyle(probe).color.match(/[0-9]+/g).map(Number); });
    """
    first, second = sorted(map(luminance, driver.execute_script(script)))
    assert (second + 0.05) / (first + 0.05) >= 4.5


def luminance(colour: list[int]) -> float:
    """Return the relative luminance of an sRGB colour, as WCAG 2.1 defines it."""
    linear = [
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4
        for part in (value / 255 for value in colour)
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
