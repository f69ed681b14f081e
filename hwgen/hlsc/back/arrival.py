# SPDX-License-Identifier: Apache-2.0
"""When results arrive within a stage: the sum of operators on the way, or the table that synthesis makes of all of it.

Logic of few input bits costs no more than a table of those bits, however many operators describe it: synthesis
collapses it. Carry chains, multipliers, memories and tables of their own module it leaves alone.
"""

from __future__ import annotations

from collections.abc import Iterable

from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.netlist import Netlist, Slice

_MOST_BITS = 8
_OPAQUE = frozenset({"add", "sub", "ult", "slt", "mul", "dsp", "ram", "state", "read"})
_SUMS = frozenset({"add", "sub"})
_CHAIN = 2
_SMALL_TABLE = 16

Source = tuple[Slice, float | None]
"""A slice that a node consumes, and when it arrives in the node's stage: None out of a register."""


class Arrivals:
    """Arrival times; nodes come in topological order, again and again if they move."""

    def __init__(self, netlist: Netlist, model: DelayModel) -> None:
        self.netlist = netlist
        self.model = model
        self._tables = {r.name for r in netlist.process.roms if len(r.words) > _SMALL_TABLE}
        self._values = netlist.process.values
        self._unsummed: dict[int, float] = {}
        self._cones: dict[int, tuple[float, frozenset[Slice]] | None] = {}

    def arrive(self, node: int, delay: float, sources: Iterable[Source]) -> float:
        """Return when the result of a node is there, `delay` being that of its operator alone."""
        found = tuple(sources)
        ready = max((time for _, time in found if time is not None), default=0.0)
        self._cones[node] = None
        self._unsummed.pop(node, None)
        if self._opaque(node):
            return self._sum(node, delay, found) if node < len(self._values) else ready
        for start, support in (self._expanded(found), (ready, frozenset(piece for piece, _ in found))):
            bits = sum(piece.width for piece in support)
            if bits <= _MOST_BITS:
                self._cones[node] = start, support
                return min(ready + delay, start + self.model.table(1 << bits)) if bits else 0.0
        return ready + delay

    def _sum(self, node: int, delay: float, sources: Iterable[Source]) -> float:
        """Return the arrival of an opaque result.

        A product or sum with no other use than a sum of its own width gets no adder: its rows join those of the sum.
        """
        value, ready = self._values[node], 0.0
        for piece, time in sources:
            rows = self._unsummed.get(piece.node) if time is not None and value.opcode in _SUMS else None
            if rows is not None and piece.node in value.args and len(self.netlist.consumers[piece.node]) == 1:
                ready = max(ready, min(time or 0.0, rows + self.model.family.level))
            else:
                ready = max(ready, time or 0.0)
        if value.opcode in _SUMS:
            self._unsummed[node] = ready
        elif value.opcode == "mul":
            self._unsummed[node] = ready + min(delay, self.model.rows(self._values, value))
        return ready + delay

    def _expanded(self, sources: Iterable[Source]) -> tuple[float, frozenset[Slice]]:
        start, support = 0.0, frozenset[Slice]()
        for piece, time in sources:
            cone = self._cones.get(piece.node) if time is not None else None
            if cone is None:
                start, support = max(start, time or 0.0), support | {piece}
            else:
                start, support = max(start, cone[0]), support | cone[1]
        return start, support

    def _opaque(self, node: int) -> bool:
        if node >= len(self._values):
            return True
        value, values = self._values[node], self._values
        if value.opcode == "rom":
            return value.attr in self._tables
        narrow = value.opcode in ("add", "sub", "ult", "slt") and max(values[a].width for a in value.args) <= _CHAIN
        return value.opcode in _OPAQUE and not narrow
