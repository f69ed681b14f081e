# SPDX-License-Identifier: Apache-2.0
"""The roofline as places on a page: axes by powers of ten, roofs, layers, the network."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

GIGA = 1e9
WIDTH, HEIGHT = 760, 420
LEFT, TOP, RIGHT, BOTTOM = 62, 14, 740, 376
"""Pixels: the corners of the plane in the picture."""
NAMED = 5
"""Layers with the most work, whose names are written beside them."""
LINE = 15
"""Pixels between two names one below the other."""


@dataclass(frozen=True)
class Plane:
    """Powers of ten at the edges: operations a byte from left to right, 10^9 operations a second from low to high."""

    left: int
    right: int
    low: int
    high: int

    def x(self, value: float) -> float:
        """Return the pixel of so many operations a byte."""
        return round(LEFT + (RIGHT - LEFT) * (math.log10(value) - self.left) / (self.right - self.left), 1)

    def y(self, value: float) -> float:
        """Return the pixel of so many operations a second."""
        return round(BOTTOM - (BOTTOM - TOP) * (math.log10(value / GIGA) - self.low) / (self.high - self.low), 1)

    def roof(self, roof: Mapping[str, Any]) -> dict[str, Any]:
        """Return a roof with both of its ends."""
        bytes_at = (10.0**self.left, 10.0**self.right)
        ends = [(self.x(at), self.y(roof["ops_per_s"] * (at if roof["sloped"] else 1))) for at in bytes_at]
        return {**roof, "from": ends[0], "to": ends[1]}

    def dot(self, dot: Mapping[str, Any]) -> dict[str, Any]:
        """Return a layer, or the network, with its place."""
        return {**dot, "x": self.x(dot["ops_per_byte"]), "y": self.y(dot["ops_per_s"])}


def roof_chart(data: Mapping[str, Any]) -> dict[str, Any]:
    """Return roofs, dots and axes of the report's ``roofline`` in pixels."""
    dots = [*data["layers"], data["network"]]
    flat = [roof for roof in data["roofs"] if not roof["sloped"]]
    across = _decades([dot["ops_per_byte"] for dot in dots])
    upwards = _decades([item["ops_per_s"] / GIGA for item in (*dots, *flat)])
    plane = Plane(*across, *upwards)
    most = {dot["name"] for dot in sorted(data["layers"], key=lambda dot: -dot["macs"])[:NAMED]}
    return {
        "width": WIDTH, "height": HEIGHT, "left": LEFT, "top": TOP, "right": RIGHT, "bottom": BOTTOM,
        "across": RIGHT - LEFT, "down": BOTTOM - TOP, "centre": (LEFT + RIGHT) / 2, "middle": (TOP + BOTTOM) / 2,
        "roofs": [{**plane.roof(roof), "shade": number} for number, roof in enumerate(data["roofs"])],
        "dots": _labelled([{**plane.dot(dot), "named": dot["name"] in most} for dot in data["layers"]]),
        "network": plane.dot(data["network"]),
        "columns": [(f"{10.0**at:g}", plane.x(10.0**at)) for at in range(across[0], across[1] + 1)],
        "rows": [(f"{10.0**at:g}", plane.y(GIGA * 10.0**at)) for at in range(upwards[0], upwards[1] + 1)],
    }  # fmt: skip


def _decades(values: Sequence[float]) -> tuple[int, int]:
    """Return the powers of ten around some values, at least one apart."""
    low = math.floor(math.log10(min(values)))
    return low, max(low + 1, math.ceil(math.log10(max(values))))


def _labelled(dots: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Add to every dot the place of its name, moved down so that no two names are on one line."""
    taken: list[float] = []
    for dot in sorted((dot for dot in dots if dot["named"]), key=lambda dot: dot["y"]):
        at = dot["y"] + 4
        while any(abs(at - other) < LINE for other in taken):
            at += 1
        taken.append(at)
        dot |= {"label_x": dot["x"] + 9, "label_y": at}
    return list(dots)
