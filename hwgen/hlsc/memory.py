# SPDX-License-Identifier: Apache-2.0
"""Loads and stores: streams, tables, registers that live in memory, and RAMs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwgen.hlsc import ir
from hwgen.hlsc.address import Choice, Place, Pointer, Unknown, leaves
from hwgen.hlsc.bindings import bound
from hwgen.hlsc.kept import check_kept
from hwgen.hlsc.llconst import Unreadable, image
from hwgen.hlsc.llparse import Inst
from hwgen.hlsc.lltypes import Int
from hwgen.hlsc.lower_ops import Refused
from hwgen.hlsc.mangle import identifier
from hwgen.hlsc.names import source_name
from hwgen.hlsc.partition import Layout
from hwgen.hlsc.ram import Rams, touched
from hwgen.hlsc.rom import Roms
from hwgen.hlsc.slots import Slots
from hwgen.hlsc.streams import Streams
from hwgen.hlsc.variables import Variables

if TYPE_CHECKING:
    from hwgen.hlsc.lower import Lowering

_FLOATS = ("fadd", "fsub", "fmul", "fdiv", "frem", "fneg", "fcmp", "sitofp", "uitofp", "fptosi", "fptoui")


class Memory:
    """All that a process reads and writes besides locals.

    Parameters
    ----------
    lowering
        The function being lowered.
    variables
        Directives about arrays.
    """

    def __init__(self, lowering: Lowering, variables: Variables) -> None:
        self._low = lowering
        self.variables = variables
        self.streams = Streams(lowering)
        self.roms = Roms()
        self._blocks = {inst.name: block.name for block in lowering.body.order for inst in block.insts if inst.name}
        self._accesses = [a for block in lowering.body.order for inst in block.insts for a in self._places(inst)]
        objects = dict.fromkeys(place.object for place, _, _ in self._accesses)
        self._kinds = {name: self._kind(name) for name in objects}
        for name in (name for name, kind in self._kinds.items() if kind == "rom"):
            self._table_layout(name)
        self.roms.group([(p, size) for p, size, _ in self._accesses if self._kinds[p.object] == "rom"])
        self.rams = Rams(lowering, [a for a in self._accesses if self._kinds[a[0].object] == "ram"])
        self.slots = Slots(lowering, [a for a in self._accesses if self._kinds[a[0].object] == "slot"])

    def _table_layout(self, name: str) -> None:
        """Refuse a partition or reshape of a table that its indices do not give."""
        wanted = [d for kind in ("ARRAY_PARTITION", "ARRAY_RESHAPE") for d in self.variables.of(kind, name)]
        places = [(place, size) for place, size, _ in self._accesses if place.object == name]
        if wanted and any(place.terms for place, _ in places):
            kind, shape = self._low.module.variable(name).type, self.variables.shape(name)
            Layout(wanted, self.name(places[0][0]), kind, shape, places, table=True)

    def _places(self, inst: Inst) -> list[tuple[Place, int, Inst]]:
        """Return the places that an instruction may touch, with the bytes touched."""
        if inst.opcode not in ("load", "store"):
            return []
        pointer = self._low.addresses.of(inst.operands[-1])
        kind = inst.type if inst.opcode == "load" else inst.types[0]
        size = touched(kind) if isinstance(kind, Int) else kind.size
        return [(place, size, inst) for place in leaves(pointer)]

    def _kind(self, name: str) -> str:
        if name in self._low.streams:
            return "stream"
        if name.startswith("@"):
            variable = self._low.module.variable(name)
            if variable.constant or not self.stores(name):
                try:
                    data = image(variable, self._low.module.types)
                except Unreadable:
                    return "unreadable"
                self.roms.image(name, data, bound(self.variables, name, True, True))
                return "rom"
        places = [place for place, _, _ in self._accesses if place.object == name]
        return "ram" if any(place.terms for place in places) else "slot"

    def stores(self, name: str) -> list[Inst]:
        """Return the stores to an object."""
        return [inst for place, _, inst in self._accesses if place.object == name and inst.opcode == "store"]

    def name(self, place: Place) -> str:
        """Return the source's name of an object."""
        return (
            identifier(place.object[1:].strip('"')) if place.object[0] == "@" else source_name(place.object) or "buffer"
        )

    def load(self, inst: Inst, block: str) -> int:
        """Return what a load gives."""
        if not isinstance(inst.type, Int):
            raise Refused("A load must give an integer, not a pointer, vector or float.", "Use ap_int, ap_uint or int.")
        return self._load(self._low.addresses.of(inst.operands[0]), inst.type, block)

    def _load(self, pointer: Pointer, kind: Int, block: str, condition: int | None = None) -> int:
        """Return what a load gives that matters where `condition` holds (None: always); else no stream is read."""
        if isinstance(pointer, Unknown):
            raise Refused(
                f"Memory must be a stream, a table, or an array of the process, not {pointer.reason}.",
                "Index the array by name.",
            )
        if isinstance(pointer, Choice):
            return self._choose(pointer, kind, block, condition)
        what = self._kinds[pointer.object]
        builder = self._low.builder
        if what == "stream":
            return builder.extend(self.streams.read(pointer, block, condition), kind.width, False)
        if what == "rom":
            return self._table(pointer, kind)
        if what == "ram":
            return self.rams.load(pointer, kind, block)
        if what == "unreadable":
            raise Refused(
                f"The table {self.name(pointer)} must hold integers only.", "Make its elements ap_int or ap_uint."
            )
        return self.slots.load(pointer, kind, block)

    def _choose(self, pointer: Choice, kind: Int, block: str, condition: int | None) -> int:
        builder, chosen = self._low.builder, [condition] * len(pointer.options)
        if any(self._kinds[place.object] == "stream" for place in leaves(pointer)):
            always = builder.const(1, 1) if condition is None else condition
            chosen = [builder.both(always, self._chosen(pointer.inst, n)) for n in range(len(chosen))]
        values = [self._load(o, kind, block, when) for o, when in zip(pointer.options, chosen, strict=True)]
        if pointer.inst.opcode == "select":
            return builder.select(self._low.value(pointer.inst.operands[0], 1), values[0], values[1])
        return self._low.flow.merge(
            self._blocks[pointer.inst.name], dict(zip(pointer.inst.detail, values, strict=True))
        )

    def _table(self, place: Place, kind: Int) -> int:
        if not place.terms:
            return self._low.builder.const(self.roms.constant(place, touched(kind)), kind.width)
        address = self.row(place, place.step, self.roms.rows(place))
        return self.roms.load(self._low.builder, place, touched(kind), kind.width, address, self.name(place))

    def row(self, place: Place, step: int, rows: int) -> int:
        """Return the row number of a place as a value of just enough bits."""
        builder = self._low.builder
        width = max(1, (rows - 1).bit_length())
        total = builder.const(place.offset // step, width)
        for term in place.terms:
            index = builder.extract(self._low.value(term.index, term.width), term.low, term.width - term.low)
            index = builder.extend(index, width, term.signed)
            factor = builder.const(term.scale // step, width)
            total = builder.make("add", width, (builder.make("mul", width, (index, factor)), total))
        return total

    def store(self, inst: Inst, block: str) -> None:
        """Lower a store."""
        pointer, kind = self._low.addresses.of(inst.operands[1]), inst.types[0]
        if isinstance(pointer, Choice) and isinstance(kind, Int):
            value = self._low.value(inst.operands[0], kind.width)
            if self._store_chosen(pointer, kind, value, self._low.builder.const(1, 1), block):
                return
        if not isinstance(pointer, Place) or not isinstance(kind, Int):
            reason = pointer.reason if isinstance(pointer, Unknown) else "one of several arrays"
            raise Refused(f"A store must go to one array or stream, not to {reason}.", "Write one if for each array.")
        value = self._low.value(inst.operands[0], kind.width)
        what = self._kinds[pointer.object]
        if what == "stream":
            self.streams.write(pointer, value, block)
        elif what == "ram":
            self.rams.store(pointer, kind, value, block)
        elif what == "slot":
            self.slots.store(pointer, value, block)
        else:
            raise Refused(f"The table {self.name(pointer)} is constant.", "Write to an array that is not const.")

    def _store_chosen(self, pointer: Pointer, kind: Int, value: int, condition: int, block: str) -> bool:
        """Write one of several registers; returns False, with nothing done, where one of them is no register."""
        if any(self._kinds[place.object] != "slot" for place in leaves(pointer)):
            return False
        builder = self._low.builder
        if isinstance(pointer, Place):
            held = self.slots.load(pointer, kind, block)
            self.slots.store(pointer, builder.select(condition, value, held), block)
        elif isinstance(pointer, Choice):
            for number, option in enumerate(pointer.options):
                chosen = builder.both(condition, self._chosen(pointer.inst, number))
                self._store_chosen(option, kind, value, chosen, block)
        return isinstance(pointer, Place | Choice)

    def _chosen(self, inst: Inst, number: int) -> int:
        """Return whether a `select` or `phi` of pointers takes its option `number`."""
        builder = self._low.builder
        if inst.opcode == "select":
            condition = self._low.value(inst.operands[0], 1)
            return condition if number == 0 else builder.invert(condition)
        flags = {edge: builder.const(int(n == number), 1) for n, edge in enumerate(inst.detail)}
        return self._low.flow.merge(self._blocks[inst.name], flags)

    def leave(self) -> None:
        """Give the registers in memory their next value."""
        self.slots.leave()

    def sets_array(self, inst: Inst) -> bool:
        """Whether an instruction sets (part of) a RAM, or an array at once."""
        if inst.opcode == "call" and inst.detail[0].startswith("@llvm.mem"):
            return True
        if inst.opcode != "store":
            return False
        return any(self._kinds[p.object] == "ram" for p in leaves(self._low.addresses.of(inst.operands[1])))

    def preamble(self, inst: Inst) -> None:
        """Refuse what may not be done before the loop."""
        target = (
            self._low.addresses.of(inst.operands[-1 if inst.opcode in ("load", "store") else 0])
            if inst.operands
            else None
        )
        if isinstance(target, Place) and target.object in self._low.streams:
            raise Refused(
                f"Stream {source_name(target.object)} must be read and written inside the loop only.",
                "Move the access into the loop, guarded by a test for the first iteration.",
            )
        if isinstance(target, Place) and inst.opcode != "load":
            raise Refused(
                f"The array {self.name(target)} must not be set before the loop: a RAM's contents survive reset.",
                "Write every element inside the loop before it is read, or index the array by constants only.",
            )
        raise Refused(
            "Nothing may be done before the loop of a process but to declare locals.",
            "Move it into the loop, guarded by a test for the first iteration.",
        )

    def check(self, process: ir.Process) -> None:
        """Refuse the directives about arrays that the lowered process does not follow."""
        names: dict[str, list[str]] = {}
        for array, name in (*self.roms.names(), *self.rams.names()):
            names.setdefault(array, []).append(name)
        check_kept(self.variables, names, process)

    def refuse(self, inst: Inst) -> None:
        """Refuse an instruction without a hardware form."""
        what = inst.detail[0] if inst.detail else inst.opcode
        if what in _FLOATS or "float" in " ".join(inst.detail) or "double" in " ".join(inst.detail):
            raise Refused("Floating-point numbers have no hardware form.", "Use ap_int or ap_uint fixed-point numbers.")
        if what.startswith("@llvm.mem"):
            raise Refused("Whole arrays must not be copied or cleared at once.", "Use a loop with #pragma HLS UNROLL.")
        raise Refused(f"The operation {what.lstrip('@')} has no hardware form.", "Write it with integer operators.")
