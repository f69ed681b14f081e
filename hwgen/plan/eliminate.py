# SPDX-License-Identifier: Apache-2.0
"""The least weighted cost of a space without its limits, exactly: lanes are eliminated one after the other.

Two sites know of each other only the lanes between them. With a price for every kind of resource, a site is therefore
a table over the lanes at its sides (its cheapest option for each), an edge one over the lanes at its ends, and the
least sum of all tables is found by eliminating one side's lanes at a time: the tables that know them are added, and
their minimum is a table over the other lanes in them. Prices are whole numbers below 2**53, so that the sums are exact.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from math import prod

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints
from hwgen.plan.space import KINDS, Crossing, Pool, Space

Floats = npt.NDArray[np.float64]
DENSE = 1 << 15
"""Entries up to which a site is one table over all of its sides."""
WIDEST = 1 << 22
"""Entries up to which tables are added before one of their lanes is eliminated."""


@dataclass(frozen=True)
class _Table:
    """What a table is over, and where its first entry is among those of all tables."""

    scope: tuple[int, ...]
    shape: tuple[int, ...]
    start: int


@dataclass(frozen=True)
class _Part:
    """A table in a step: which axis of the step each of its own axes is, and its shape among them."""

    table: int
    axes: tuple[int, ...]
    shape: tuple[int, ...]

    def placed(self, table: Floats) -> Floats:
        """Return the table with its axes where they are in the step."""
        return table.transpose(np.argsort(self.axes)).reshape(self.shape)

    def seen(self, whole: Floats) -> Floats:
        """Return the least of the step's entries for each entry of the table."""
        least = whole.min(axis=tuple(set(range(whole.ndim)) - set(self.axes)))
        return np.asarray(least).transpose(np.argsort(np.argsort(self.axes)))


@dataclass(frozen=True)
class _Step:
    """The elimination of one variable.

    Parameters
    ----------
    scope
        The variable, and those that it is met with.
    shape
        Their extents.
    parts
        The tables that are added.
    """

    scope: tuple[int, ...]
    shape: tuple[int, ...]
    parts: tuple[_Part, ...]


class Elimination:
    """Finds the cheapest choice of a space for any prices.

    Parameters
    ----------
    space
        Wirable.
    """

    def __init__(self, space: Space) -> None:
        self.space = space
        self._variables: dict[tuple[int, bool, int], int] = {}
        self._extents: list[int] = []
        self.sides: list[dict[int, Ints]] = [{} for _ in space.pools]
        for crossing in space.crossings:
            edge = crossing.edge
            self._side((edge.source, True, edge.source_side), crossing.outs(space.pools[edge.source]), crossing.source)
            self._side((edge.target, False, edge.target_side), crossing.ins(space.pools[edge.target]), crossing.target)
        self.tables: list[_Table] = []
        self._fixed: list[Floats] = []
        self.options = [self._site(pool, sides) for pool, sides in zip(space.pools, self.sides, strict=True)]
        self._edges = [self._edge(crossing) for crossing in space.crossings]
        self._entries = np.concatenate(self._fixed) if self._fixed else np.zeros(0)
        self._costs = np.concatenate([pool.cost for pool in space.pools]).astype(np.float64)
        self._ends = np.cumsum([len(pool.index) for pool in space.pools])[:-1]

    def _side(self, key: tuple[int, bool, int], places: Ints, lanes: Ints) -> None:
        """Note the variable of a site's side, and which of its values each of the site's options has."""
        if key not in self._variables:
            self._variables[key] = len(self._extents)
            self._extents.append(lanes.size)
            self.sides[key[0]][self._variables[key]] = places

    def _table(self, scope: tuple[int, ...], entries: Floats) -> int:
        """Add a table, and return where its first entry is."""
        start = self.tables[-1].start + prod(self.tables[-1].shape) if self.tables else 0
        self.tables.append(_Table(scope, entries.shape, start))
        self._fixed.append(entries.reshape(-1))
        return start

    def _site(self, pool: Pool, sides: Mapping[int, Ints]) -> Ints:
        """Add the table of a site, and return the entry that each of its options may fill.

        A site whose table would be too large gets a variable of its own, and a table for each side that says which
        lanes go with it.
        """
        scope = tuple(sides)
        shape = tuple(self._extents[v] for v in scope)
        if prod(shape) <= DENSE:
            places = np.zeros(len(pool.index), dtype=np.int64)
            for v in scope:
                places = places * self._extents[v] + sides[v]
            return self._table(scope, np.full(shape, np.inf)) + places
        alike, places = np.unique(np.stack([sides[v] for v in scope]), axis=1, return_inverse=True)
        own = len(self._extents)
        self._extents.append(alike.shape[1])
        for v, values in zip(scope, alike, strict=True):
            goes = np.full((alike.shape[1], self._extents[v]), np.inf)
            goes[np.arange(alike.shape[1]), values] = 0.0
            self._table((own, v), goes)
        return self._table((own,), np.full(alike.shape[1], np.inf)) + np.asarray(places, dtype=np.int64).reshape(-1)

    def _edge(self, crossing: Crossing) -> tuple[int, Floats]:
        """Add the table of an edge, and return its first entry and what its legal entries cost."""
        edge = crossing.edge
        scope = (
            self._variables[edge.source, True, edge.source_side],
            self._variables[edge.target, False, edge.target_side],
        )
        start = self._table(scope, np.where(crossing.legal, 0.0, np.inf))
        return start, np.where(crossing.legal[:, :, np.newaxis], crossing.cost, 0).reshape(-1, len(KINDS)).astype(float)

    @cached_property
    def steps(self) -> tuple[_Step, ...]:
        """The order of elimination: the variable whose sum of tables is smallest comes next."""
        scopes = dict(enumerate(table.scope for table in self.tables))
        knows: dict[int, set[int]] = {v: set() for v in range(len(self._extents))}
        for table, scope in scopes.items():
            for v in scope:
                knows[v].add(table)
        steps: list[_Step] = []
        sizes = {v: self._together(knows[v], scopes) for v in knows}
        while sizes:
            size, v = min((size, v) for v, size in sizes.items())
            near = {u for table in knows[v] for u in scopes[table]}
            for group in self._groups(sorted(knows[v]), scopes) if size > WIDEST else [sorted(knows[v])]:
                steps.append(self._step(v, {table: scopes[table] for table in group}))
                made = len(self.tables) + len(steps) - 1
                scopes[made] = steps[-1].scope[1:]
                for u in scopes[made]:
                    knows[u] = knows[u].difference(group) | {made}
            del sizes[v]
            sizes.update({u: self._together(knows[u], scopes) for u in near if u in sizes})
        return tuple(steps)

    def _together(self, tables: Iterable[int], scopes: Mapping[int, tuple[int, ...]]) -> int:
        """Return the entries of the sum of some tables."""
        return prod(self._extents[u] for u in {u for table in tables for u in scopes[table]})

    def _groups(self, tables: Iterable[int], scopes: Mapping[int, tuple[int, ...]]) -> list[list[int]]:
        """Split the tables that know a variable where all of them together were too large.

        Each group then finds a value of its own for the variable: the sum is at most the least, no longer exactly it.
        """
        groups: list[tuple[list[int], set[int]]] = []
        for table in tables:
            for group, scope in groups:
                if prod(self._extents[u] for u in scope | set(scopes[table])) <= WIDEST:
                    group.append(table)
                    scope.update(scopes[table])
                    break
            else:
                groups.append(([table], set(scopes[table])))
        return [group for group, _ in groups]

    def _step(self, v: int, tables: Mapping[int, tuple[int, ...]]) -> _Step:
        scope = (v, *sorted({u for own in tables.values() for u in own} - {v}))
        parts = tuple(
            _Part(table, tuple(map(scope.index, own)), tuple(self._extents[u] if u in own else 1 for u in scope))
            for table, own in tables.items()
        )
        return _Step(scope, tuple(self._extents[u] for u in scope), parts)

    def priced(self, prices: Ints) -> Sums:
        """Return the sums for prices of a unit of each kind, whole numbers in the order of `KINDS`."""
        weight = prices.astype(np.float64)
        entries = self._entries.copy()
        values = np.split(self._costs @ weight, self._ends)
        for own, places in zip(values, self.options, strict=True):
            np.minimum.at(entries, places, own)
        for start, cost in self._edges:
            entries[start : start + len(cost)] += cost @ weight
        return Sums(self, values, entries)


class Sums:
    """The tables of an elimination at one set of prices, and what they add up to.

    Parameters
    ----------
    made
        The elimination.
    values
        What every option costs, by site.
    entries
        Of all tables, before anything is eliminated.
    """

    def __init__(self, made: Elimination, values: Sequence[Floats], entries: Floats) -> None:
        self._made, self._values, self._entries = made, values, entries
        tables = [entries[t.start : t.start + prod(t.shape)].reshape(t.shape) for t in made.tables]
        self.least = float(sum(float(table) for table in tables if not table.ndim))
        """No choice costs less; one costs this much unless a table would have been too large."""
        self._added: list[Floats] = []
        for step in made.steps:
            total = np.zeros(step.shape)
            for part in step.parts:
                total = total + part.placed(tables[part.table])
            self._added.append(total)
            tables.append(np.asarray(total.min(axis=0)))
            self.least += float(tables[-1]) if total.ndim == 1 else 0.0

    def choice(self) -> tuple[int, ...]:
        """Return the choice that costs the least: for every site the place in its pool, the first of equals."""
        value: dict[int, int] = {}
        for step, total in zip(reversed(self._made.steps), reversed(self._added), strict=True):
            if step.scope[0] not in value:
                value[step.scope[0]] = int(_along(total, [value[u] for u in step.scope[1:]]).argmin())
        found = []
        for sides, own in zip(self._made.sides, self._values, strict=True):
            alike = np.ones(own.size, dtype=np.bool_)
            for v, places in sides.items():
                alike &= places == value[v]
            found.append(int(np.where(alike, own, np.inf).argmin()))
        return tuple(found)

    def through(self) -> list[Floats]:
        """Return for every option what no choice that has it costs less than, by site."""
        made = self._made
        beliefs: dict[int, Floats] = {}
        entries = np.full(self._entries.size, self.least)
        for number in reversed(range(len(made.steps))):
            step, added = made.steps[number], self._added[number]
            belief = beliefs.pop(number, added + (self.least - added.min()))
            for part in step.parts:
                own = part.seen(belief)
                below = part.table - len(made.tables)
                if below >= 0:
                    message = self._added[below].min(axis=0)
                    known = np.isfinite(message)
                    excess = np.where(known, own - np.where(known, message, 0), 0)
                    beliefs[below] = self._added[below] + excess
                else:
                    start = made.tables[part.table].start
                    entries[start : start + own.size] = own.reshape(-1)
        pairs = zip(made.options, self._values, strict=True)
        return [entries[places] - self._entries[places] + own for places, own in pairs]


def _along(table: Floats, places: Sequence[int]) -> Floats:
    """Return the entries of a table along its first axis, at places of the others."""
    for place in reversed(places):
        table = table[..., place]
    return table
