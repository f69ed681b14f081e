# SPDX-License-Identifier: Apache-2.0
"""Arrays with a run-time index: RAMs with one write port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from math import gcd
from typing import TYPE_CHECKING

from hwgen.hlsc import ir
from hwgen.hlsc.address import Place
from hwgen.hlsc.back.fold import ones, signed_bits, to_signed, unsigned_bits
from hwgen.hlsc.bindings import bound, independent
from hwgen.hlsc.llconst import Unreadable, image
from hwgen.hlsc.llparse import Inst, Operand
from hwgen.hlsc.lltypes import Int
from hwgen.hlsc.lower_ops import Refused
from hwgen.hlsc.partition import check_partition
from hwgen.hlsc.streams import Access, check_exclusive, combine

if TYPE_CHECKING:
    from hwgen.hlsc.lower import Lowering

Touch = tuple[Place, int, Inst]


def touched(kind: Int) -> int:
    """Return the bytes that a load or store of an integer touches."""
    return (kind.width + 7) // 8


@dataclass(frozen=True)
class Format:
    """How a value is kept: `width` bits that are extended, by their sign if `signed`, to the memory form."""

    width: int
    signed: bool


def stored(low: Lowering, stores: Sequence[Inst], width: int, initial: Sequence[int] = ()) -> Format:
    """Return the narrowest format of all values stored; clang keeps `_BitInt(13)` in 16 bits of memory."""
    first = [_constant(word, width) for word in {0, *initial}]
    unsigned, signed = max(u for u, _ in first), max(s for _, s in first)
    for inst in stores:
        found = _Range(low, width).bits(inst.operands[0], 8)
        unsigned, signed = max(unsigned, found[0]), max(signed, found[1])
    if unsigned <= signed:
        return Format(min(width, unsigned), False)
    return Format(min(width, signed), True)


def _constant(number: int, width: int) -> tuple[int, int]:
    number &= ones(width)
    value = to_signed(number, width)
    return unsigned_bits(number), signed_bits(value, value)


class _Range:
    """Finds how many bits hold a value that is stored in `width` bits, as unsigned and as signed number."""

    def __init__(self, low: Lowering, width: int) -> None:
        self._low = low
        self._width = width
        self._objects: set[str] = set()

    def bits(self, value: Operand, depth: int) -> tuple[int, int]:
        """Return (bits as unsigned, bits as signed), looking `depth` instructions back."""
        width = self._width
        if not isinstance(value, str):
            return _constant(value if isinstance(value, int) else 0, width)
        inst = self._low.addresses.defined.get(value)
        if inst is None or not isinstance(inst.type, Int) or depth == 0:
            return width, width
        number = inst.operands[-1] if inst.operands else None
        if inst.opcode in ("zext", "sext"):
            source = inst.types[0]
            size = source.width if isinstance(source, Int) else width
            return (size, size + 1) if inst.opcode == "zext" else (width, size)
        if inst.opcode == "and" and isinstance(number, int) and number >= 0:
            return unsigned_bits(number), unsigned_bits(number) + 1
        if inst.opcode == "lshr" and isinstance(number, int):
            return inst.type.width - number, inst.type.width - number + 1
        if inst.opcode == "ashr" and isinstance(number, int):
            return width, inst.type.width - number
        if inst.opcode in ("phi", "select"):
            return self._widest(inst.operands if inst.opcode == "phi" else inst.operands[1:], depth)
        if inst.opcode == "load" and inst.type.width == width:
            return self._loaded(inst, depth)
        return width, width

    def _widest(self, values: Sequence[Operand], depth: int) -> tuple[int, int]:
        found = [self.bits(v, depth - 1) for v in values]
        return max((u for u, _ in found), default=1), max((s for _, s in found), default=1)

    def _loaded(self, inst: Inst, depth: int) -> tuple[int, int]:
        """Return the range of a load: of the stream's words, or of all that is stored in the local array."""
        place = self._low.addresses.of(inst.operands[0])
        if isinstance(place, Place) and place.object in self._low.streams:
            size = self._low.streams[place.object]
            return size, size + 1
        if not isinstance(place, Place) or not place.object.startswith("%"):
            return self._width, self._width
        if place.object in self._objects:
            return 1, 1
        self._objects.add(place.object)
        stores = self._low.memory.stores(place.object)
        if any(touched(i.types[0]) * 8 != self._width for i in stores if isinstance(i.types[0], Int)):
            return self._width, self._width
        return self._widest([i.operands[0] for i in stores], depth)


@dataclass
class _Bank:
    """One RAM: all elements of an object at one byte of its rows."""

    name: str
    size: int
    step: int
    depth: int
    form: Format
    loc: ir.Loc | None
    init: tuple[int, ...] | None
    stores: list[Access] = field(default_factory=list)
    loaded: bool = False


class Rams:
    """The RAMs of a process."""

    def __init__(self, low: Lowering, touches: Sequence[Touch]) -> None:
        self._low = low
        self._touches = touches
        self._banks: dict[tuple[str, int], _Bank] = {}

    def _bank(self, place: Place, kind: Int) -> _Bank:
        """Return the RAM that a place is in, made at its first use."""
        low = self._low
        touches = [t for t in self._touches if t[0].object == place.object]
        step = gcd(*(term.scale for p, _, _ in touches for term in p.terms))
        key = (place.object, place.offset % step)
        if key in self._banks:
            if self._banks[key].size != touched(kind):
                self._mixed(place)
            return self._banks[key]
        for p, size, _ in touches:
            lane = p.offset % step
            if lane != key[1] and lane < key[1] + touched(kind) and key[1] < lane + size:
                self._mixed(place)
        if touched(kind) > step:
            self._mixed(place)
        inst = low.addresses.defined.get(place.object)
        whole = low.module.variable(place.object).type if inst is None else inst.types[0]
        stores = [i for p, _, i in touches if i.opcode == "store" and p.offset % step == key[1]]
        name = low.memory.name(place)
        wanted = [d for n in ("ARRAY_PARTITION", "ARRAY_RESHAPE") for d in low.memory.variables.of(n, place.object)]
        check_partition(wanted, name, whole, touched(kind), step)
        lanes = {p.offset % step for p, _, _ in touches}
        unique = low.names.unique(f"{name}_{key[1] // touched(kind)}" if len(lanes) > 1 else name, "ram")
        depth = max(1, -(-(whole.size - key[1]) // step))
        initial = self._initial(place.object, key[1], step, touched(kind), depth)
        form = stored(low, stores, touched(kind) * 8, initial or ())
        init = None if initial is None else tuple(word & ones(form.width) for word in initial)
        self._banks[key] = _Bank(unique, touched(kind), step, depth, form, low.place, init)
        return self._banks[key]

    def _initial(self, name: str, lane: int, step: int, size: int, depth: int) -> list[int] | None:
        """Return the initial words of a bank, None for a local array."""
        if not name.startswith("@"):
            return None
        variable = self._low.module.variable(name)
        if "undef" in variable.initial:
            return None
        try:
            data = image(variable, self._low.module.types)
        except Unreadable:
            raise Refused("An array must hold integers only.", "Make its elements ap_int or ap_uint.") from None
        starts = range(lane, lane + depth * step, step)
        return [int.from_bytes(data[at : at + size].tobytes(), "little") for at in starts]

    def _mixed(self, place: Place) -> None:
        raise Refused(
            f"The array {self._low.memory.name(place)} must be read and written in elements of one width.",
            "Read and write whole elements.",
        )

    def load(self, place: Place, kind: Int, block: str) -> int:
        """Return an element; a store earlier in the same iteration is forwarded."""
        low, bank = self._low, self._bank(place, kind)
        bank.loaded = True
        address = low.memory.row(place, bank.step, bank.depth)
        value = low.builder.leaf("ram", bank.form.width, bank.name, (address,))
        for old in bank.stores:
            if old.block == block or low.flow.reaches(old.block, block):
                same = low.builder.make("eq", 1, (old.address, address))
                value = low.builder.select(low.builder.both(old.predicate, same), old.data, value)
        wide = low.builder.extend(value, touched(kind) * 8, bank.form.signed)
        return low.builder.extend(wide, kind.width, False)

    def store(self, place: Place, kind: Int, value: int, block: str) -> None:
        """Write an element."""
        low, bank = self._low, self._bank(place, kind)
        address = low.memory.row(place, bank.step, bank.depth)
        data = low.builder.extend(value, bank.form.width, False)
        access = Access(block, low.flow.predicate(block), data, address, low.place)
        check_exclusive(
            low.builder,
            low.flow,
            bank.stores,
            access,
            f"The array {low.memory.name(place)} must be written at most once in an iteration, on any path.",
            "Split the array, or choose the element and the value first and write once.",
        )
        bank.stores.append(access)

    def names(self) -> Iterator[tuple[str, str]]:
        """Return the arrays in LLVM's IR with the RAMs that they became."""
        return ((name, bank.name) for (name, _), bank in self._banks.items())

    def finish(self) -> tuple[ir.Ram, ...]:
        """Return the RAMs that are read."""
        found = []
        for (name, _), bank in self._banks.items():
            if not bank.loaded:
                continue
            if not bank.stores:
                raise Refused(
                    f"The array {bank.name} must be written before it is read.", "Give it values, or remove it."
                )
            address, data, predicate = combine(self._low.builder, bank.stores)
            variables = self._low.memory.variables
            kept = bound(variables, name, False, bank.init is not None and any(bank.init))
            init = None if kept.storage == "uram" else bank.init
            store, free = ir.Store(address, data, predicate), independent(variables, name)
            width = bank.form.width
            found.append(ir.Ram(bank.name, width, bank.depth, store, kept.storage, bank.loc, init, kept.latency, free))
        return tuple(found)
