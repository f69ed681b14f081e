# SPDX-License-Identifier: Apache-2.0
"""Where boxes and curves of a network go: rows from top to bottom, branches side by side.

The usual way to draw a graph in layers (Sugiyama, Tagawa, Toda 1981): each box stands a row below the lowest box that
feeds it, a link over several rows gets a place in each of them, rows are ordered by the mean of what they are linked
to, and then moved towards it.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

WIDE, HIGH, APART, BELOW, MARGIN = 260, 56, 26, 34, 16
"""Pixels: a box, the room beside it and below it, the room around all."""
PASSING = 14
"""Pixels that a link passing by a row takes."""
SWEEPS = 6

Place = tuple[str, ...]
"""A box, by its name; or a link in a row that it passes, by source, target and row."""


@dataclass(frozen=True)
class Picture:
    """A drawing.

    Parameters
    ----------
    width, height
        Pixels.
    boxes
        Upper left corner of each box, by its name.
    curves
        For each link in the order given: its path as SVG has it, and where a word about it may stand.
    """

    width: float
    height: float
    boxes: Mapping[str, tuple[float, float]]
    curves: tuple[tuple[str, float, float], ...]


def draw(names: Sequence[str], links: Sequence[tuple[str, str]]) -> Picture:
    """Place boxes and links.

    Parameters
    ----------
    names
        Boxes, each behind those that feed it.
    links
        Pairs of names.
    """
    row = _rows(names, links)
    chains = [_chain(source, target, row) for source, target in links]
    rows = _places(names, row, chains)
    edges = [pair for chain in chains for pair in itertools.pairwise(chain)]
    above, below = _neighbours(edges)
    _order(rows, above, below)
    centre = _columns(rows, above, below)
    left = min(centre[place] - _width(place) / 2 for places in rows for place in places)
    right = max(centre[place] + _width(place) / 2 for places in rows for place in places)
    shift = MARGIN - left
    top = {place: MARGIN + i * (HIGH + BELOW) for i, places in enumerate(rows) for place in places}
    boxes = {name: (round(centre[(name,)] + shift - WIDE / 2, 1), float(top[(name,)])) for name in names}
    curves = tuple(_curve([(centre[place] + shift, top[place]) for place in chain]) for chain in chains)
    height = 2 * MARGIN + len(rows) * (HIGH + BELOW) - BELOW
    return Picture(round(right - left + 2 * MARGIN, 1), height, boxes, curves)


def _rows(names: Sequence[str], links: Sequence[tuple[str, str]]) -> dict[str, int]:
    """Return the row of each box; what nothing feeds stands right above what it feeds."""
    row = dict.fromkeys(names, 0)
    for name in names:
        row[name] = max((row[source] + 1 for source, target in links if target == name), default=0)
    fed = {target for _, target in links}
    for name in names:
        if name not in fed:
            row[name] = max(0, min((row[target] for source, target in links if source == name), default=1) - 1)
    return row


def _chain(source: str, target: str, row: Mapping[str, int]) -> list[Place]:
    passed = [(source, target, str(at)) for at in range(row[source] + 1, row[target])]
    return [(source,), *passed, (target,)]


def _places(names: Sequence[str], row: Mapping[str, int], chains: Iterable[Sequence[Place]]) -> list[list[Place]]:
    rows: list[list[Place]] = [[] for _ in range(max(row.values()) + 1)]
    for name in names:
        rows[row[name]].append((name,))
    for place in dict.fromkeys(place for chain in chains for place in chain[1:-1]):
        rows[int(place[2])].append(place)
    return rows


def _neighbours(edges: Iterable[tuple[Place, Place]]) -> tuple[dict[Place, list[Place]], dict[Place, list[Place]]]:
    above: dict[Place, list[Place]] = {}
    below: dict[Place, list[Place]] = {}
    for upper, lower in edges:
        below.setdefault(upper, []).append(lower)
        above.setdefault(lower, []).append(upper)
    return above, below


def _order(
    rows: list[list[Place]], above: Mapping[Place, Sequence[Place]], below: Mapping[Place, Sequence[Place]]
) -> None:
    """Sort each row by the mean position of what it is linked to, downwards and upwards in turn."""
    for sweep in range(SWEEPS):
        beside, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for places in order:
            at = {place: i for row in rows for i, place in enumerate(row)}
            places.sort(key=lambda place: _mean([at[p] for p in beside.get(place, ())], at[place]))


def _columns(
    rows: Sequence[Sequence[Place]], above: Mapping[Place, Sequence[Place]], below: Mapping[Place, Sequence[Place]]
) -> dict[Place, float]:
    """Return the middle of every place: near what it is linked to, without touching its neighbours."""
    centre: dict[Place, float] = {}
    for places in rows:
        _spread(places, dict.fromkeys(places, 0.0), centre)
    for sweep in range(SWEEPS):
        beside, order = (above, rows) if sweep % 2 == 0 else (below, rows[::-1])
        for places in order:
            wish = {place: _mean([centre[p] for p in beside.get(place, ())], centre[place]) for place in places}
            _spread(places, wish, centre)
    return centre


def _spread(places: Sequence[Place], wish: Mapping[Place, float], centre: dict[Place, float]) -> None:
    """Put a row's places as near to their wishes as their widths allow, keeping their order."""
    right, found = float("-inf"), []
    for place in places:
        half = _width(place) / 2
        found.append(max(wish[place], right + APART + half))
        right = found[-1] + half
    shift = _mean([wish[place] - at for place, at in zip(places, found, strict=True)], 0.0)
    centre.update({place: at + shift for place, at in zip(places, found, strict=True)})


def _width(place: Place) -> int:
    return WIDE if len(place) == 1 else PASSING


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _curve(points: Sequence[tuple[float, float]]) -> tuple[str, float, float]:
    """Return a path from the bottom of the first box past the rows between to the top of the last, and its middle."""
    (x, y), *rest = points
    y += HIGH
    path = [f"M{x:.1f} {y:.1f}"]
    word = (x + rest[0][0]) / 2, y + BELOW / 2
    for index, (to, top) in enumerate(rest):
        bend = BELOW * 0.55
        path.append(f"C{x:.1f} {y + bend:.1f} {to:.1f} {top - bend:.1f} {to:.1f} {top:.1f}")
        x, y = to, float(top)
        if index < len(rest) - 1:
            y += HIGH
            path.append(f"V{y:.1f}")
    return " ".join(path), round(word[0], 1), round(word[1], 1)
