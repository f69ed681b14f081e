# SPDX-License-Identifier: Apache-2.0
"""The page of a build: whole, by itself, readable, the same bytes each time, and quiet in a browser."""

from __future__ import annotations

import copy
import re
from collections import Counter
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from hwgen.plan import Plan
from hwgen.report.html import duration, page, short
from hwgen.report.network import GLUE
from hwgen.resources import data_folder

from . import browser

SHOTS = Path(__file__).resolve().parents[2] / "build" / "screenshots"
VOID = {"meta", "link", "br", "input"}
READABLE = 4.5
"""Least contrast of text: WCAG 2.2, success criterion 1.4.3."""


class Outline(HTMLParser):
    """Which tags are open, and the ids, links and attributes of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.ids: Counter[str] = Counter()
        self.links: list[str] = []
        self.attributes: set[str] = set()
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.attributes.update(found)
        if "id" in found:
            self.ids[str(found["id"])] += 1
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.attributes.update(dict(attrs))

    def handle_endtag(self, tag: str) -> None:
        assert self.open and self.open[-1] == tag, f"</{tag}> closes {self.open[-3:]}"
        self.open.pop()


def test_every_tag_is_closed_every_id_is_one_and_every_link_leads_somewhere(html: str) -> None:
    found = Outline(html)
    assert found.open == []
    assert found.ids and set(found.ids.values()) == {1}
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)


def test_the_page_asks_for_nothing_from_elsewhere(html: str) -> None:
    assert "Content-Security-Policy\" content=\"default-src 'none'" in html
    assert not re.search(r"https?://|//\w+\.|@import|url\(|\bsrc=|fetch\(|XMLHttp|import\(", html)
    assert not [name for name in Outline(html).attributes if name.startswith("on")]


def test_the_same_report_gives_the_same_bytes(plan: Plan, report: dict[str, Any], html: str) -> None:
    assert page(plan, copy.deepcopy(report)) == html


def test_every_layer_has_a_box_a_panel_a_row_and_a_lane(plan: Plan, html: str) -> None:
    for process in plan.processes:
        shown = process.op not in GLUE
        assert (f'<article id="at-{process.name}"' in html) == shown
        assert html.count(f'data-layer="{process.name}"') == 2 * shown
        assert f'<th scope="row">{process.name}</th>' in html


def test_what_was_measured_is_said_to_be_and_what_was_not_too(plan: Plan, report: dict[str, Any], html: str) -> None:
    assert "measured in the RTL simulation" in html and "accuracy not measured" in html
    assert "projected at 200 MHz" in html and "Verified down to RTL" in html
    assert "/stem/&lt;Relu&gt; &amp; Co" in html
    timeline = {**report["timeline"], "source": "plan"}
    none = dict.fromkeys(("golden", "csim", "layers", "rtl"))
    bare = page(plan, {**report, "timeline": timeline, "verify": {**none, "frames": 0, "problems": []}})
    assert "not simulated" in bare and "Not verified" in bare and "measured in the RTL" not in bare
    failed = {**report["verify"], "problems": [{"message": "Layer stem differs."}]}
    wrong = page(plan, {**report, "ok": False, "verify": failed})
    assert "Verification failed" in wrong and "Layer stem differs." in wrong


def test_a_report_without_roofs_and_times_has_no_such_sections(plan: Plan, report: dict[str, Any]) -> None:
    text = page(plan, {**report, "roofline": None, "timeline": None})
    found = Outline(text)
    assert not {"roofline", "pipeline"} & set(found.ids)
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids)


def test_a_bitstream_is_shown_with_the_clock_that_it_reached(plan: Plan, report: dict[str, Any], html: str) -> None:
    placed = {
        "file": "bitstream/net.bit", "bytes": 1234567, "top": "net_ulx3s", "clock_mhz": 40.0, "asked_mhz": 50.0,
        "fmax_mhz": 43.21, "utilisation": {"LUT": {"used": 800, "available": 83640}}, "tools": {"yosys": "0.66"},
    }  # fmt: skip
    text = page(plan, {**report, "bitstream": placed})
    assert "43.2 MHz reached" in text and "lowered from 50 MHz" in text and "1.0 % of the device" in text
    assert Outline(text).open == [] and "MHz reached" not in html


def test_text_stands_out_from_its_ground_in_both_themes() -> None:
    css = (data_folder("templates") / "report" / "page.css").read_text()
    names = ("ink", "soft", "accent", "hot", "good", "part", "bad", "dsp", "lut_const", "lut_generic", "xnor", "none")
    for block in (css.split("}")[0], css.split('[data-theme="dark"] {')[1].split("}")[0]):
        colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6});", block))
        for ground in ("paper", "card"):
            for name in names:
                ratio = contrast(colours[name], colours[ground])
                assert ratio >= READABLE, f"{name} on {ground}: {ratio:.2f}"
        assert min(contrast(colours[name], colours["hot-paper"]) for name in ("ink", "soft", "hot")) >= READABLE


def contrast(one: str, other: str) -> float:
    """Return the ratio of two colours' luminances as WCAG defines it."""
    dark, bright = sorted(luminance(colour) + 0.05 for colour in (one, other))
    return bright / dark


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_times_and_names_are_short() -> None:
    assert [duration(v) for v in (0.0042, 17.68, 2500.0)] == ["4.2 ns", "17.7 µs", "2.5 ms"]
    assert short("conv", 10) == "conv"
    assert short("a_very_long_name_of_a_layer", 11) == "a_ver…layer" and len(short("x" * 99, 30)) == 30


@pytest.fixture(scope="module")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> browser.Browser:
    return browser.find(tmp_path_factory.mktemp("profile"))


def test_a_browser_has_nothing_to_complain_of_and_the_script_works(
    chromium: browser.Browser, html: str, plan: Plan, tmp_path: Path
) -> None:
    file = tmp_path / "index.html"
    file.write_text(html)
    dom, console = chromium.run(file, "--dump-dom", "--window-size=1280,900")
    assert console == []
    assert f'<article id="at-{plan.bottleneck}" tabindex="-1" class="on">' in dom
    assert 'id="theme">Theme: auto</button>' in dom and '<button type="button">operator</button>' in dom


def test_a_browser_would_tell_of_an_error_and_of_anything_loaded(
    chromium: browser.Browser, html: str, tmp_path: Path
) -> None:
    file = tmp_path / "index.html"
    file.write_text(html.replace("</main>", '<img src="http://example.com/a.png"><script>missing();</script></main>'))
    console = "\n".join(chromium.run(file, "--dump-dom")[1])
    assert "missing is not defined" in console and "Content Security Policy" in console


@pytest.mark.parametrize(
    ("name", "width", "theme"), [("light", 1280, "light"), ("dark", 1280, "dark"), ("phone", 390, "light")]
)
def test_it_can_be_looked_at(
    chromium: browser.Browser, html: str, tmp_path: Path, name: str, width: int, theme: str
) -> None:
    file, picture = tmp_path / "index.html", SHOTS / f"report-{name}.png"
    file.write_text(html.replace('lang="en"', f'lang="en" data-theme="{theme}"'))
    assert chromium.shoot(file, picture, width, 1600) == []
    assert picture.read_bytes()[:4] == b"\x89PNG"
