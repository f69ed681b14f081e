# SPDX-License-Identifier: Apache-2.0
"""Rebuild a process through the simplifying builder: folding, merging of equal values, wires, dead code."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from hwgen.hlsc import ir
from hwgen.hlsc.back import rules_arith, rules_logic, rules_wires
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.back.knownbits import Bits

RULES = {**rules_arith.RULES, **rules_logic.RULES, **rules_wires.RULES}

Translate = Callable[[Builder, ir.Value, Sequence[int]], int]
"""Given the builder, an old value and the new ids of its arguments, return the new id."""


def live_values(process: ir.Process) -> list[bool]:
    """Tell for each value whether an output, a stream access or live storage needs it."""
    states = {s.name: s.next for s in process.states}
    rams = {r.name: r.store for r in process.rams}
    live = [False] * len(process.values)
    work = [v.id for v in process.values if v.opcode == "read"]
    for write in process.writes:
        work.extend((write.data,) if write.predicate is None else (write.data, write.predicate))
    seen: set[str] = set()
    values = process.values
    while work:
        value = values[work.pop()]
        if live[value.id]:
            continue
        live[value.id] = True
        for arg in value.args:
            if not live[arg]:
                work.append(arg)
        if value.opcode in ("state", "ram") and f"{value.opcode} {value.attr}" not in seen:
            seen.add(f"{value.opcode} {value.attr}")
            if value.opcode == "state":
                work.append(states[str(value.attr)])
            else:
                store = rams[str(value.attr)]
                work.extend((store.address, store.data))
                work.extend(() if store.predicate is None else (store.predicate,))
    return live


def copy(b: Builder, value: ir.Value, args: Sequence[int]) -> int:
    """Translate a value to itself."""
    return b.op(value.opcode, value.width, args, value.attr)


def rebuild(
    process: ir.Process,
    translate: Translate = copy,
    facts: Mapping[str, Bits] | None = None,
    widths: Mapping[str, int] | None = None,
    addresses: Mapping[str, int] | None = None,
) -> ir.Process:
    """Return the process with every live value translated through a simplifying builder.

    Parameters
    ----------
    process
        A verified process.
    translate
        How a value becomes a new one of the same width and meaning.
    facts
        Known bits of stored words, see `Builder`.
    widths
        New widths of stored words, by "kind name": their low bits are kept. `translate` gives the values that read
        them the new width.
    addresses
        New widths of the store addresses of RAMs, by name.
    """
    b = Builder(RULES, facts)
    live = live_values(process)
    new: list[int] = [-1] * len(process.values)
    for value in process.values:
        if live[value.id]:
            b.loc, b.name, b.bind, b.slot = value.loc, value.name, value.bind, value.slot
            new[value.id] = translate(b, value, [new[a] for a in value.args])
    return sweep(_connect(process, b, new, widths or {}, addresses or {}))


def _connect(
    process: ir.Process, b: Builder, new: Sequence[int], widths: Mapping[str, int], addresses: Mapping[str, int]
) -> ir.Process:
    one, zero = b.const(1, 1), b.const(1, 0)

    def predicate(value: int | None) -> int | None:
        return None if value is None or new[value] == one else new[value]

    def state(old: ir.State) -> ir.State:
        width = widths.get(f"state {old.name}", old.width)
        return replace(old, width=width, reset=old.reset & ones(width), next=b.extract(new[old.next], 0, width))

    def ram(old: ir.Ram) -> ir.Ram:
        width = widths.get(f"ram {old.name}", old.width)
        data = b.extract(new[old.store.data], 0, width)
        address = new[old.store.address]
        address = b.resize(address, addresses.get(old.name, b.width(address)), False)
        init = old.init if old.init is None or width == old.width else tuple(w & ones(width) for w in old.init)
        return replace(old, width=width, store=ir.Store(address, data, predicate(old.store.predicate)), init=init)

    def rom(old: ir.Rom) -> ir.Rom:
        width = widths.get(f"rom {old.name}", old.width)
        return old if width == old.width else replace(old, width=width, words=tuple(w & ones(width) for w in old.words))

    return replace(
        process,
        states=tuple(state(s) for s in process.states if new[s.next] >= 0),
        roms=tuple(rom(r) for r in process.roms),
        rams=tuple(ram(r) for r in process.rams if min(new[r.store.address], new[r.store.data]) >= 0),
        writes=tuple(
            replace(w, data=new[w.data], predicate=predicate(w.predicate))
            for w in process.writes
            if predicate(w.predicate) != zero
        ),
        values=tuple(b.values),
    )


def sweep(process: ir.Process) -> ir.Process:
    """Drop dead values and storage and renumber; nothing else changes."""
    live = live_values(process)
    new: list[int] = [-1] * len(process.values)
    values: list[ir.Value] = []
    used: set[str] = set()
    for value in process.values:
        if not live[value.id]:
            continue
        new[value.id] = len(values)
        values.append(value.moved(len(values), tuple([new[a] for a in value.args])))
        if value.opcode in ("state", "ram", "rom"):
            used.add(f"{value.opcode} {value.attr}")

    def renumber(value: int | None) -> int | None:
        return None if value is None else new[value]

    return replace(
        process,
        values=tuple(values),
        states=tuple(replace(s, next=new[s.next]) for s in process.states if f"state {s.name}" in used),
        roms=tuple(r for r in process.roms if f"rom {r.name}" in used),
        rams=tuple(
            replace(r, store=ir.Store(new[r.store.address], new[r.store.data], renumber(r.store.predicate)))
            for r in process.rams
            if f"ram {r.name}" in used
        ),
        writes=tuple(replace(w, data=new[w.data], predicate=renumber(w.predicate)) for w in process.writes),
    )
