# SPDX-License-Identifier: Apache-2.0
"""How each RAM is kept that is read, changed and written again: one stage out of LUTs, or forwarding around it.

A RAM in LUTs whose loads, operators and store fit into one stage costs least. Else the loads go to an earlier stage and
the stores under way are forwarded; the number of stages is the least with which the recurrence fits the clock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from hwgen.hlsc import ir
from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.forward import forwarded, history, recurrent
from hwgen.hlsc.back.netlist import Netlist
from hwgen.hlsc.back.paths import Paths
from hwgen.hlsc.back.place import place_late
from hwgen.hlsc.back.schedule import Impossible, Schedule, schedule
from hwgen.hlsc.back.storage import Kept, check, memories
from hwgen.hlsc.errors import HlsError

_FARTHEST = 6


@dataclass(frozen=True)
class _Option:
    """A place for a RAM, and for how many iterations its stores are forwarded."""

    kept: Kept
    distance: int


def _options(ram: ir.Ram, kept: Kept, ii: int) -> list[_Option]:
    """Return what may be tried, the cheapest first."""
    far = [_Option(kept, distance) for distance in range(max(1, kept.latency // ii), _FARTHEST + 1)]
    if kept.latency < ii:
        return [_Option(kept, 0), *far]
    if ram.storage == "auto" and ram.latency is None:
        return [*far, _Option(Kept("distributed", 0), 0)]
    return far


class _Search:
    def __init__(self, process: ir.Process, model: DelayModel, ii: int) -> None:
        self.process = process
        self.ii = ii
        self.model = model
        self.memories = memories(process)
        self.rams = {r.name: r for r in process.rams}
        self.chosen: dict[str, _Option] = {}

    def run(self) -> Schedule:
        options = {n: _options(self.rams[n], self.memories[f"ram {n}"], self.ii) for n in recurrent(self.process)}
        self.chosen = {name: found[0] for name, found in options.items()}
        for name, found in options.items():
            self._choose(name, found)
        result = self._schedule()
        wrong = [n for n in self.chosen if self._delay(result, n) == inf]
        for name in wrong:
            self.chosen[name] = _Option(Kept("distributed", 0), 0)
        result = self._schedule() if wrong else result
        self._require(result)
        return result

    def _choose(self, name: str, options: list[_Option]) -> None:
        """Take the first option that fits the clock, else the fastest."""
        best, least = options[0], inf
        for option in options:
            self.chosen[name] = option
            delay = self._delay(self._schedule(), name)
            if delay < least:
                best, least = option, delay
            if delay == 0.0:
                break
        self.chosen[name] = best

    def _schedule(self) -> Schedule:
        distances = {name: option.distance for name, option in self.chosen.items()}
        wanted = self.memories | {f"ram {name}": option.kept for name, option in self.chosen.items()}
        return place_late(schedule(forwarded(self.process, distances), self.model, wanted, self.ii))

    def _delay(self, result: Schedule, name: str) -> float:
        """Return the delay of a RAM's recurrence where it is too slow, else 0; infinity where it would be wrong."""
        netlist = result.netlist
        chosen = self.chosen[name]
        moved = netlist.memories[f"ram {name}"] != chosen.kept
        if moved or netlist.gap(name, result.stage) // self.ii > chosen.distance:
            return inf
        stored = {name, *(history(name, what, 1) for what in ("address", "data", "written"))}
        values = netlist.process.values
        slow = [s.delay for s in result.slow if any(n < len(values) and values[n].attr in stored for n in s.nodes)]
        return max(slow, default=0.0)

    def _require(self, result: Schedule) -> None:
        """Refuse a directive that the recurrences do not allow."""
        kept: Mapping[str, Kept] = result.netlist.memories
        wanted: tuple[ir.Rom | ir.Ram, ...] = (*self.process.roms, *self.process.rams)
        for memory in wanted:
            key = f"{'rom' if isinstance(memory, ir.Rom) else 'ram'} {memory.name}"
            if kept[key] == self.memories[key]:
                continue
            if memory.latency is None and memory.storage not in ("bram", "uram"):
                continue
            asked = f"with a latency of {memory.latency}" if memory.latency is not None else f"out of {memory.storage}"
            raise HlsError(
                f"The array {memory.name} must not be read {asked}: its address depends on a word that was read from "
                f"it in the iteration before, and so has no clock to wait. The path: {self._path(result, memory)}, and "
                "back.",
                file=memory.loc.file if memory.loc else "",
                line=memory.loc.line if memory.loc else 0,
                column=memory.loc.column if memory.loc else 0,
                fix="Compute the address from the inputs or a counter, or remove the directive.",
            )

    def _path(self, result: Schedule, memory: ir.Rom | ir.Ram) -> str:
        """Return the values of the recurrence that a memory is in, with their places."""
        values, paths = result.netlist.process.values, Paths(result)
        for component in result.netlist.components(tied=True):
            loads = [n for n in component if n < len(values) and values[n].opcode in ("rom", "ram")]
            for load in (n for n in loads if values[n].attr == memory.name and len(component) > 1):
                steps = paths.steps(tuple(component), load)
                if steps:
                    return ", then ".join(str(step) for step in steps)
        return memory.name


def arrange(process: ir.Process, model: DelayModel) -> Schedule:
    """Schedule a process after `finalise`, with forwarding around its RAMs where it is needed.

    A process without an II (None) gets the smallest that has a clock for each access of a stream and at which its
    recurrences meet the clock; a recurrence that no II helps does not count.

    Raises
    ------
    HlsError
        For UltraRAM on a family without it, and for a latency that a recurrence does not allow.
    """
    check(process, model.family.name)
    ii = process.ii or max((len(nodes) for nodes in Netlist(process, {}).accesses.values()), default=1)
    while True:
        try:
            found = _Search(process, model, ii).run()
        except Impossible as refused:
            if process.ii is not None or refused.needed <= ii:
                raise
            ii = refused.needed
            continue
        wanted = max((s.needed for s in found.slow if s.needed is not None), default=ii)
        if process.ii is not None or wanted <= ii:
            return found
        ii = wanted
