# SPDX-License-Identifier: Apache-2.0
"""The pictures of docs/images: the report of digits-cnn, photographed in headless Chromium (``make pictures``)."""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import hwgen  # noqa: E402
from tests.report.browser import Browser, installed  # noqa: E402

DESIGN = ROOT / "designs" / "digits-cnn"
IMAGES = ROOT / "docs" / "images"
ALONE = (
    "<style>main > :not(#{0}), .bar, footer {{ display: none }} section {{ margin: 0; border: none }}</style></head>"
)
"""What leaves one section of a page."""
SHOTS = {"report-top": ("", 1180, 1180), "report-pipeline": ("pipeline", 1180, 500)}
"""For each picture the section that it shows, the whole page where it is empty; width and height in pixels."""


def shoot(page: Path, folder: Path) -> None:
    """Write `SHOTS` of a report's page into a folder."""
    program = installed()
    if program is None:
        sys.exit("The pictures need Chromium, and none is installed. Try apt-get install chromium.")
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as name:
        browser, copy = Browser(program, Path(name) / "profile"), Path(name) / "page.html"
        for stem, (section, width, height) in SHOTS.items():
            text = page.read_text(encoding="utf-8").replace('lang="en"', 'lang="en" data-theme="light"')
            copy.write_text(text.replace("</head>", ALONE.format(section)) if section else text, encoding="utf-8")
            browser.shoot(copy, folder / f"{stem}.png", width, height)


if __name__ == "__main__":
    result = hwgen.build(
        DESIGN / "model.onnx", budget=DESIGN / "budget.yaml", inputs=DESIGN / "inputs.npz", frames=50, synth=True
    )
    shoot(result.out / "report" / "index.html", IMAGES)
