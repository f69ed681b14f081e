# SPDX-License-Identifier: Apache-2.0
"""The last step of lowering: predicates of the reads, dead values out, values in order."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

from hwgen.hlsc import ir
from hwgen.hlsc.body import error
from hwgen.hlsc.lower_ops import Refused
from hwgen.hlsc.streams import WIDEN, Access, combine

if TYPE_CHECKING:
    from hwgen.hlsc.lower import Lowering


def finish(low: Lowering) -> ir.Process:
    """Return the process with values in topological order and nothing that is not used."""
    memory, builder = low.memory, low.builder
    try:
        streams = memory.streams.parameters()
        rams = memory.rams.finish()
    except Refused as refused:
        raise error(low.loc, refused.rule, refused.fix) from None
    _check_interval(low)
    for name, accesses in memory.streams.reads.items():
        for slot, reads in _slots(accesses):
            _, _, predicate = combine(builder, reads)
            leaf = builder.leaf("read", low.streams[name], name[1:], slot=slot)
            args = () if predicate is None else (predicate,)
            builder.values[leaf] = replace(builder.values[leaf], args=args, loc=reads[0].loc)
    writes = []
    for name, accesses in memory.streams.writes.items():
        for _, found in _slots(accesses):
            _, data, predicate = combine(builder, found)
            writes.append(ir.Write(name[1:], data, predicate, found[0].loc))
    process = _order(low, streams, rams, tuple(writes))
    memory.check(process)
    return process


def _check_interval(low: Lowering) -> None:
    """Refuse more accesses to a stream on a path than the II has clocks, or than a stream may have that is asked."""
    streams = low.memory.streams
    counts = {name: streams.most(name) for name in (*streams.reads, *streams.writes)}
    for name, count in counts.items():
        verb = "read" if name in streams.reads else "written"
        if low.ii is not None and count > low.ii:
            times = "once" if low.ii == 1 else f"{low.ii} times"
            raise error(
                streams.beyond(name, low.ii) or low.loc,
                f"Stream {name[1:]} must be {verb} at most {times} in an iteration at II={low.ii}, on any path, not "
                f"{count} times.",
                f"Write #pragma HLS PIPELINE II={max(counts.values())}, or w{WIDEN[1:]}",
            )
        if name in streams.asked and count > 1:
            raise error(
                streams.beyond(name, 1) or low.loc,
                f"Stream {name[1:]} must be read at most once in an iteration that asks whether a word waits on it.",
                "Read one word in an iteration.",
            )


def _slots(accesses: list[Access]) -> list[tuple[int, list[Access]]]:
    """Return the accesses to a stream by their slots, in ascending order."""
    return [(slot, [a for a in accesses if a.slot == slot]) for slot in sorted({a.slot for a in accesses})]


def _order(
    low: Lowering, streams: tuple[ir.Stream, ...], rams: tuple[ir.Ram, ...], writes: tuple[ir.Write, ...]
) -> ir.Process:
    values = low.builder.values
    states = {s.name: s for s in low.states.states}
    stores = {r.name: r.store for r in rams}
    roots = [v.id for v in values if v.opcode == "read"]
    roots += [root for w in writes for root in (w.data, w.predicate) if root is not None]
    order = _reach(low, roots, states, stores)
    new = {old: i for i, old in enumerate(order)}

    def moved(old: int | None) -> int | None:
        return None if old is None else new[old]

    used = {(values[old].opcode, values[old].attr) for old in order}
    final = tuple(values[old].moved(i, tuple([new[a] for a in values[old].args])) for i, old in enumerate(order))
    return ir.Process(
        low.name,
        streams,
        final,
        tuple(replace(s, next=new[s.next]) for s in states.values() if ("state", s.name) in used),
        tuple(r for r in low.memory.roms.roms if ("rom", r.name) in used),
        tuple(
            replace(r, store=ir.Store(new[r.store.address], new[r.store.data], moved(r.store.predicate)))
            for r in rams
            if ("ram", r.name) in used
        ),
        tuple(replace(w, data=new[w.data], predicate=moved(w.predicate)) for w in writes),
        low.trip,
        low.loc,
        low.ii,
        low.scalars,
    )


def _reach(low: Lowering, roots: list[int], states: dict[str, ir.State], stores: dict[str, ir.Store]) -> list[int]:
    """Return the values that matter, arguments before users."""
    values = low.builder.values
    order: list[int] = []
    done: set[int] = set()
    followed: set[tuple[str, str]] = set()
    work = list(roots)
    while work:
        for value in _postorder(low, work.pop(), done):
            order.append(value)
            found = values[value]
            key = (found.opcode, str(found.attr))
            if found.opcode == "state" and key not in followed:
                followed.add(key)
                work.append(states[key[1]].next)
            elif found.opcode == "ram" and key not in followed:
                followed.add(key)
                store = stores[key[1]]
                work += [v for v in (store.address, store.data, store.predicate) if v is not None]
    return order


def _postorder(low: Lowering, root: int, done: set[int]) -> Iterable[int]:
    values = low.builder.values

    def needs(value: int) -> Iterator[int]:
        before = low.memory.streams.before.get(value)
        return iter(values[value].args if before is None else (before, *values[value].args))

    if root in done:
        return
    path = {root}
    stack = [(root, needs(root))]
    while stack:
        value, rest = stack[-1]
        for arg in rest:
            if arg in path:
                raise error(
                    values[arg].loc or low.loc,
                    "Whether a stream is read must not depend on what is read from it in the same iteration.",
                    "Decide with values of earlier iterations.",
                )
            if arg not in done:
                path.add(arg)
                stack.append((arg, needs(arg)))
                break
        else:
            stack.pop()
            path.discard(value)
            done.add(value)
            yield value
