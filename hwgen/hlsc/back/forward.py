# SPDX-License-Identifier: Apache-2.0
"""Forwarding around a RAM: what the last iterations write is kept in registers too, and a load looks there first.

The registers are states of the iteration, so they are exact whatever the stalls and bubbles. A load then does not care
whether the last `distance` iterations have written already: its address can be in an earlier stage than the store, and
the RAM be read through a register, as block RAM must be.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hwgen.hlsc import ir
from hwgen.hlsc.back.netlist import Netlist


@dataclass(frozen=True)
class _Past:
    """One earlier store: values of its address, its data and whether it happened."""

    address: int
    data: int
    happened: int


@dataclass
class _Rewriter:
    process: ir.Process
    distances: Mapping[str, int]
    values: list[ir.Value] = field(default_factory=list)
    new: list[int] = field(default_factory=list)
    past: dict[str, list[_Past]] = field(default_factory=dict)

    def run(self) -> ir.Process:
        rams = {r.name: r for r in self.process.rams if self.distances.get(r.name)}
        for old in self.process.values:
            made = len(self.values)
            self.values.append(replace(old, id=made, args=tuple(self.new[a] for a in old.args)))
            if old.opcode == "ram" and old.attr in rams:
                made = self._load(rams[str(old.attr)], made, old)
            self.new.append(made)
        states = [replace(s, next=self.new[s.next]) for s in self.process.states]
        for ram in rams.values():
            states += self._history(ram)
        return replace(
            self.process,
            values=tuple(self.values),
            states=tuple(states),
            rams=tuple(self._ram(r) for r in self.process.rams),
            writes=tuple(
                replace(w, data=self.new[w.data], predicate=self._moved(w.predicate)) for w in self.process.writes
            ),
        )

    def _add(self, opcode: ir.Opcode, width: int, args: tuple[int, ...], attr: str | None, load: ir.Value) -> int:
        """Add an operator that belongs to a load."""
        index = len(self.values)
        name = attr or f"{load.attr}_{'hit' if width == 1 else 'newest'}"
        self.values.append(ir.Value(index, opcode, width, args, attr, load.loc, name))
        return index

    def _moved(self, value: int | None) -> int | None:
        return None if value is None else self.new[value]

    def _ram(self, ram: ir.Ram) -> ir.Ram:
        store = ram.store
        moved = ir.Store(self.new[store.address], self.new[store.data], self._moved(store.predicate))
        return replace(ram, store=moved, distance=self.distances.get(ram.name, 0))

    def _load(self, ram: ir.Ram, word: int, old: ir.Value) -> int:
        """Return the word of a load unless a store that is still under way has the same address."""
        address = self.values[word].args[0]
        if ram.name not in self.past:
            self.past[ram.name] = [self._past(ram, n, old) for n in range(1, self.distances[ram.name] + 1)]
        for past in reversed(self.past[ram.name]):
            same = self._add("eq", 1, (past.address, address), None, old)
            hit = self._add("and", 1, (past.happened, same), None, old)
            word = self._add("select", ram.width, (hit, past.data, word), None, old)
        return word

    def _past(self, ram: ir.Ram, number: int, old: ir.Value) -> _Past:
        width = self.process.values[ram.store.address].width

        def state(what: str, bits: int) -> int:
            return self._add("state", bits, (), history(ram.name, what, number), old)

        return _Past(state("address", width), state("data", ram.width), state("written", 1))

    def _history(self, ram: ir.Ram) -> list[ir.State]:
        """Return the states that hold the last stores, each of which takes over from the one before."""
        store, found = ram.store, []
        happened = self._moved(store.predicate)
        if happened is None:
            happened = len(self.values)
            self.values.append(ir.Value(happened, "const", 1, (), 1))
        follow = _Past(self.new[store.address], self.new[store.data], happened)
        for past in self.past.get(ram.name, []):
            for current, following in (
                (past.address, follow.address), (past.data, follow.data), (past.happened, follow.happened)
            ):  # fmt: skip
                value = self.values[current]
                found.append(ir.State(str(value.attr), value.width, 0, following))
            follow = past
        return found


def history(name: str, what: str, number: int) -> str:
    """Return the name of the state with the address, the data or the `written` flag of the store `number` ago."""
    return f"{name}@{what}_{number}"


def forwarded(process: ir.Process, distances: Mapping[str, int]) -> ir.Process:
    """Return the process with forwarding around some RAMs.

    Parameters
    ----------
    process
        A process after `finalise`: the addresses of a RAM have one width.
    distances
        Per RAM for how many of the last iterations, none or 0 for no forwarding.
    """
    return _Rewriter(process, distances).run() if any(distances.values()) else process


def recurrent(process: ir.Process) -> tuple[str, ...]:
    """Return the RAMs with a store that depends on what an earlier load of the same RAM gave."""
    if not process.rams:
        return ()
    netlist = Netlist(process, {})
    found: list[str] = []
    base = len(process.values)
    for component in netlist.components(tied=True):
        inside = set(component)
        for node in component:
            sink = netlist.sink(node)
            if sink is None or sink.kind != "store" or sink.name in netlist.free:
                continue
            loads = [n for n in component if n < base and netlist.process.values[n].opcode == "ram"]
            if any(process.values[n].attr == sink.name and inside & {*netlist.consumers[n]} for n in loads):
                found.append(sink.name)
    return tuple(found)
