# SPDX-License-Identifier: Apache-2.0
"""Structural verifier of the IR: run after every pass in tests and once at the back end's door."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from hwgen.errors import InternalError, Problem
from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import COMPARES
from hwgen.hlsc.scalars import ARGUMENTS

_BINARY = frozenset({"add", "sub", "mul", "and", "or", "xor"})
_SHIFTS = frozenset({"shl", "lshr", "ashr"})
_ARITY = {
    "const": 0,
    "state": 0,
    "valid": 0,
    "rom": 1,
    "ram": 1,
    "select": 3,
    "trunc": 1,
    "zext": 1,
    "sext": 1,
    "extract": 1,
}


def _what(index: int, value: ir.Value) -> str:
    return f"value {index} ({value.opcode} {value.name})"


class _Checker:
    def __init__(self, process: ir.Process) -> None:
        self.process = process
        self.widths = [v.width for v in process.values]
        self.streams = {s.name: s for s in process.streams}
        self.objects: dict[str, dict[str, int]] = {
            "state": {s.name: s.width for s in process.states},
            "rom": {r.name: r.width for r in process.roms},
            "ram": {r.name: r.width for r in process.rams},
        }

    def findings(self) -> Iterator[str]:
        for index, value in enumerate(self.process.values):
            yield from self.value(index, value)
        yield from self.accesses()
        yield from self.storage()

    def value(self, index: int, value: ir.Value) -> Iterator[str]:
        if value.id != index:
            yield f"{_what(index, value)} must have the id {index}, not {value.id}"
        if value.width < 1:
            yield f"{_what(index, value)} must be at least one bit wide, not {value.width}"
        if value.args and (min(value.args) < 0 or max(value.args) >= index):
            yield f"{_what(index, value)} must use earlier values only, not {value.args}"
            return
        widths = tuple(self.widths[a] for a in value.args)
        if not self.shape(value, widths):
            yield f"{_what(index, value)} must not have argument widths {widths} with result width {value.width}"
        if not self.attribute(value):
            yield f"{_what(index, value)} has a wrong attribute {value.attr!r} for its width {value.width}"
        if value.bind is not None and value.opcode not in ("mul", "dsp"):
            yield f"{_what(index, value)} must not be bound, only multiplications are"
        if value.slot and value.opcode != "read":
            yield f"{_what(index, value)} must not have a slot, only reads have"

    def shape(self, value: ir.Value, widths: tuple[int, ...]) -> bool:
        op, width = value.opcode, value.width
        if op in _BINARY:
            return widths == (width, width)
        if op in _SHIFTS:
            return len(widths) == 2 and widths[0] == width
        if op in COMPARES:
            return len(widths) == 2 and widths[0] == widths[1] and width == 1
        if op == "dsp":
            return len(widths) == 3 and widths[0] == widths[1] and widths[0] + widths[2] == width
        if op == "read":
            return widths in ((), (1,))
        if op == "concat":
            return sum(widths) == width
        if len(widths) != _ARITY[op]:
            return False
        if op == "select":
            return widths == (1, width, width)
        if op == "trunc":
            return widths[0] >= width
        if op in ("zext", "sext"):
            return widths[0] <= width
        return op != "extract" or (isinstance(value.attr, int) and 0 <= value.attr <= widths[0] - width)

    def attribute(self, value: ir.Value) -> bool:
        if value.opcode == "const":
            return isinstance(value.attr, int) and 0 <= value.attr < 1 << value.width
        if value.opcode in self.objects:
            return self.objects[value.opcode].get(str(value.attr)) == value.width
        if value.opcode == "read":
            stream = self.streams.get(str(value.attr))
            return stream is not None and stream.direction == "in" and stream.width == value.width
        if value.opcode == "valid":
            stream = self.streams.get(str(value.attr))
            return stream is not None and stream.direction == "in" and value.width == 1
        return True

    def accesses(self) -> Iterator[str]:
        if self.process.ii is not None and self.process.ii < 1:
            yield f"ii must be at least 1, not {self.process.ii}"
        reads = Counter(str(v.attr) for v in self.process.values if v.opcode == "read")
        written = Counter(w.stream for w in self.process.writes)
        most = self.process.ii
        yield from (
            f"stream {name} must be accessed {most} times an iteration, its ii, not {n} times"
            for name, n in (reads + written).items()
            if most is not None and n > most
        )
        last: dict[str, int] = {}
        for value in self.process.values:
            if value.opcode == "read":
                if value.slot <= last.get(str(value.attr), -1):
                    yield f"read {value.id} of {value.attr} must have a slot after {last[str(value.attr)]}"
                last[str(value.attr)] = value.slot
        asked = Counter(str(v.attr) for v in self.process.values if v.opcode == "valid")
        yield from (
            f"stream {name} must be asked for a word once an iteration, not {n} times, and be read once"
            for name, n in asked.items()
            if n > 1 or reads[name] != 1
        )
        for write in self.process.writes:
            stream = self.streams.get(write.stream)
            if stream is None or stream.direction != "out" or stream.width != self.width(write.data):
                yield f"write to {write.stream} must name an output stream of the data's width"
            if not self.predicate(write.predicate):
                yield f"write to {write.stream} must have a predicate of width 1"
        yield from self.scalars()

    def scalars(self) -> Iterator[str]:
        scalars = self.process.scalars
        stream, low = self.streams.get(ARGUMENTS), 0
        for scalar in scalars:
            if scalar.low != low or scalar.width < 1:
                yield f"scalar {scalar.name} must begin at bit {low}, behind the one before it, not at {scalar.low}"
            low += scalar.width
        if scalars and (stream is None or stream.direction != "in" or stream.width != low):
            yield f"scalars must come in an input stream {ARGUMENTS} of {low} bits"

    def storage(self) -> Iterator[str]:
        for kind, names in (
            ("state", [s.name for s in self.process.states]),
            ("rom", [r.name for r in self.process.roms]),
            ("ram", [r.name for r in self.process.rams]),
            ("stream", [s.name for s in self.process.streams]),
        ):
            if len(set(names)) != len(names):
                yield f"{kind} names must be unique: {sorted(names)}"
        for state in self.process.states:
            if self.width(state.next) != state.width or not 0 <= state.reset < 1 << state.width:
                yield f"state {state.name} must have a next value and a reset of its width {state.width}"
        for rom in self.process.roms:
            if not rom.words or min(rom.words) < 0 or max(rom.words) >> rom.width:
                yield f"rom {rom.name} must have words of {rom.width} bits"
            if rom.storage == "uram":
                yield f"rom {rom.name} must not be in UltraRAM, which has no initial contents"
        for ram in self.process.rams:
            store = ram.store
            if self.width(store.data) != ram.width or not self.predicate(store.predicate) or ram.depth < 1:
                yield f"ram {ram.name} must have a store of its width {ram.width} and a depth of at least 1"
            if self.width(store.address) == 0:
                yield f"ram {ram.name} must have a store address"
            if ram.init is not None and (len(ram.init) != ram.depth or min(ram.init) < 0 or max(ram.init) >> ram.width):
                yield f"ram {ram.name} must have {ram.depth} initial words of {ram.width} bits"
            if ram.init is not None and ram.storage == "uram":
                yield f"ram {ram.name} must not be in UltraRAM, which has no initial contents"
            if ram.distance < 0:
                yield f"ram {ram.name} must have a distance of at least 0"
        memories: tuple[ir.Rom | ir.Ram, ...] = (*self.process.roms, *self.process.rams)
        for memory in memories:
            if memory.latency is not None and memory.latency < 0:
                yield f"memory {memory.name} must have a latency of at least 0"

    def width(self, value: int) -> int:
        return self.widths[value] if 0 <= value < len(self.widths) else 0

    def predicate(self, value: int | None) -> bool:
        return value is None or self.width(value) == 1


def verify(process: ir.Process) -> None:
    """Raise `InternalError`, with every finding, unless the process is well formed."""
    findings = list(_Checker(process).findings())
    if findings:
        raise InternalError([Problem(f"IR of process {process.name}: {f}.") for f in findings])
