# SPDX-License-Identifier: Apache-2.0
"""Figures as files: PNG and SVG, the same bytes for the same data."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from matplotlib.axes import Axes

SIZE = (9.0, 6.0)
SETTINGS: dict[Any, Any] = {
    "svg.hashsalt": "hwgen",
    "svg.fonttype": "none",
    "font.family": "DejaVu Sans",
    "axes.grid": True,
    "grid.alpha": 0.3,
}


def write_figure(stem: Path, draw: Callable[[Axes], None]) -> None:
    """Write ``<stem>.png`` and ``<stem>.svg``.

    Parameters
    ----------
    draw
        Draws on the axes that it is given.
    """
    from matplotlib import rc_context
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    stem.parent.mkdir(parents=True, exist_ok=True)
    with rc_context(SETTINGS):
        figure = Figure(figsize=SIZE, layout="constrained")
        FigureCanvasAgg(figure)
        draw(figure.add_subplot())
        figure.savefig(stem.with_suffix(".png"), dpi=120, metadata={"Software": None})
        figure.savefig(stem.with_suffix(".svg"), metadata={"Date": None, "Creator": "hwgen"})
