# SPDX-License-Identifier: Apache-2.0
"""Demanded bits: which bits of each value can influence an output, a stream access or a stored word that matters."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.back.intervals import Fact


def demanded(process: ir.Process, facts: Sequence[Fact]) -> list[int]:
    """Return per value the mask of bits that can influence an output or stored word that matters."""
    masks = [0] * len(process.values)
    for write in process.writes:
        masks[write.data] = ones(process.values[write.data].width)
        if write.predicate is not None:
            masks[write.predicate] = 1
    nexts = {s.name: s.next for s in process.states}
    stores = {r.name: r.store for r in process.rams}
    for value in process.values:
        if value.opcode == "read" and value.args:
            masks[value.args[0]] = 1
    done = [0] * len(masks)
    changed = True
    while changed:
        changed = False
        for value in reversed(process.values):
            mask = masks[value.id]
            if mask == done[value.id]:
                continue
            done[value.id] = mask
            if value.opcode == "state":
                target = nexts[str(value.attr)]
                changed |= bool(mask & ~masks[target])
                masks[target] |= mask
            elif value.opcode == "ram":
                changed |= _demand_store(stores[str(value.attr)], mask, masks, process)
            if value.args:
                _propagate(value, mask, masks, process, facts)
    return masks


def _demand_store(store: ir.Store, mask: int, masks: list[int], process: ir.Process) -> bool:
    wanted = [(store.data, mask), (store.address, ones(process.values[store.address].width))]
    wanted += [] if store.predicate is None else [(store.predicate, 1)]
    changed = any(bits & ~masks[index] for index, bits in wanted)
    for index, bits in wanted:
        masks[index] |= bits
    return changed


def _propagate(value: ir.Value, mask: int, masks: list[int], process: ir.Process, facts: Sequence[Fact]) -> None:
    for arg, bits in zip(value.args, _wanted(value, mask, process, facts), strict=True):
        masks[arg] |= bits


def _wanted(value: ir.Value, mask: int, process: ir.Process, facts: Sequence[Fact]) -> list[int]:
    """Return the bits of each argument that `mask` of a value asks for."""
    args, opcode = value.args, value.opcode
    if opcode == "extract":
        assert isinstance(value.attr, int)
        return [mask << value.attr]
    if opcode == "xor":
        return [mask, mask]
    if opcode == "and":
        return [mask & ~facts[args[1]].zeros, mask]
    if opcode == "or":
        return [mask & ~facts[args[1]].ones, mask]
    if opcode == "select":
        return [1, mask, mask]
    low = ones(mask.bit_length())
    if opcode in ("add", "sub", "mul"):
        return [low, low]
    widths = [process.values[a].width for a in args]
    if opcode in ("zext", "sext", "trunc"):
        sign = 1 << (widths[0] - 1) if opcode == "sext" and mask >> widths[0] else 0
        return [mask & ones(widths[0]) | sign]
    wanted = [ones(w) for w in widths]
    if opcode == "shl":
        wanted[0] = low
    elif opcode == "concat":
        offset = value.width
        for position, width in enumerate(widths):
            offset -= width
            wanted[position] = mask >> offset & wanted[position]
    return wanted
