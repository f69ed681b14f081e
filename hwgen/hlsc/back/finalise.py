# SPDX-License-Identifier: Apache-2.0
"""Last rewrite before scheduling: memory addresses of exact width, and the word of a read not taken forced to 0.

After it a `read` may return anything where its predicate is 0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.normalise import rebuild

_DEPTH = 12


def address_width(depth: int) -> int:
    """Return the number of address bits of a memory."""
    return max(1, (depth - 1).bit_length())


class _Observers:
    """Finds out whether a read's word can matter in an iteration that does not take it."""

    def __init__(self, process: ir.Process) -> None:
        self.process = process
        self.users: list[list[int]] = [[] for _ in process.values]
        for value in process.values:
            for arg in dict.fromkeys(value.args):
                self.users[arg].append(value.id)
        self.sinks: dict[int, list[int | None]] = {}
        for write in process.writes:
            self.sinks.setdefault(write.data, []).append(write.predicate)
        for ram in process.rams:
            self.sinks.setdefault(ram.store.data, []).append(ram.store.predicate)
            self.sinks.setdefault(ram.store.address, []).append(ram.store.predicate)
            if ram.store.predicate is not None:
                self.sinks.setdefault(ram.store.predicate, []).append(None)
        for write in process.writes:
            if write.predicate is not None:
                self.sinks.setdefault(write.predicate, []).append(None)
        for state in process.states:
            self.sinks.setdefault(state.next, []).append(None)

    def implies(self, condition: int, truth: bool, goal: int, depth: int = _DEPTH) -> bool:
        """Tell whether `condition == truth` makes the predicate `goal` 1, as far as its gates show."""
        if condition == goal:
            return truth
        value, target = self.process.values[condition], self.process.values[goal]
        if depth == 0:
            return False
        inverted = target.opcode == "xor" and self._one(target.args[1])
        if inverted and self._false_when(condition, truth, target.args[0], depth - 1):
            return True
        if target.opcode == "and" and all(self.implies(condition, truth, a, depth - 1) for a in target.args):
            return True
        if target.opcode == "or" and any(self.implies(condition, truth, a, depth - 1) for a in target.args):
            return True
        if value.opcode == "xor" and self._one(value.args[1]):
            return self.implies(value.args[0], not truth, goal, depth - 1)
        if (value.opcode, truth) in (("and", True), ("or", False)):
            return any(self.implies(a, truth, goal, depth - 1) for a in value.args)
        return False

    def _false_when(self, condition: int, truth: bool, goal: int, depth: int) -> bool:
        if condition == goal:
            return not truth
        value = self.process.values[condition]
        if depth == 0:
            return False
        if value.opcode == "xor" and self._one(value.args[1]):
            return self._false_when(value.args[0], not truth, goal, depth - 1)
        if (value.opcode, truth) in (("and", True), ("or", False)):
            return any(self._false_when(a, truth, goal, depth - 1) for a in value.args)
        return False

    def _one(self, index: int) -> bool:
        value = self.process.values[index]
        return value.opcode == "const" and value.attr == 1 and value.width == 1

    def hidden(self, read: ir.Value) -> bool:
        """Tell whether nothing sees the word of `read` unless its predicate is 1."""
        goal = read.args[0]
        seen: set[int] = set()
        work = [read.id]
        while work:
            index = work.pop()
            if index in seen:
                continue
            seen.add(index)
            if any(p is None or not self.implies(p, True, goal) for p in self.sinks.get(index, ())):
                return False
            for user in self.users[index]:
                value = self.process.values[user]
                if value.opcode == "read":
                    return False
                if value.opcode == "select" and self._blocked(value, index, goal):
                    continue
                work.append(user)
        return True

    def _blocked(self, select: ir.Value, index: int, goal: int) -> bool:
        condition, one, zero = select.args
        return (
            condition != index
            and (one != index or self.implies(condition, True, goal))
            and (zero != index or self.implies(condition, False, goal))
        )


def _is_final(process: ir.Process, depths: Mapping[str, int]) -> bool:
    """Tell whether all addresses are exact and no read has a predicate."""
    values = process.values
    stores = [(f"ram {r.name}", r.store.address) for r in process.rams]
    loads = [(f"{v.opcode} {v.attr}", v.args[0]) for v in values if v.opcode in ("rom", "ram")]
    exact = all(values[address].width == address_width(depths[name]) for name, address in (*stores, *loads))
    return exact and not any(v.args for v in values if v.opcode == "read")


def finalise(process: ir.Process) -> ir.Process:
    """Return the process with exact memory addresses and with reads masked where that can be seen."""
    depths = {f"rom {r.name}": len(r.words) for r in process.roms}
    depths |= {f"ram {r.name}": r.depth for r in process.rams}

    if _is_final(process, depths):
        return process
    observers = _Observers(process)

    def translate(b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        if value.opcode in ("rom", "ram"):
            bits = address_width(depths[f"{value.opcode} {value.attr}"])
            return b.op(value.opcode, value.width, (b.resize(args[0], bits, False),), value.attr)
        found = b.op(value.opcode, value.width, args, value.attr)
        if value.opcode == "read" and value.args and not observers.hidden(value):
            return b.op("select", value.width, (args[0], found, b.const(value.width, 0)))
        return found

    return rebuild(process, translate, addresses={r.name: address_width(r.depth) for r in process.rams})
