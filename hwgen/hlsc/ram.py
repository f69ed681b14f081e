# SPDX-License-Identifier: Apache-2.0
"""Arrays with a run-time index: RAMs with one write port."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

from hwgen.hlsc import ir
from hwgen.hlsc.address import Place
from hwgen.hlsc.back.fold import ones, to_signed
from hwgen.hlsc.bindings import bound, independent
from hwgen.hlsc.llconst import Unreadable, image
from hwgen.hlsc.llparse import Inst, Operand
from hwgen.hlsc.lltypes import Int
from hwgen.hlsc.lower_ops import Refused
from hwgen.hlsc.partition import Key, Layout
from hwgen.hlsc.streams import Access, check_exclusive, combine
from hwgen.packing import signed_bits, unsigned_bits

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
    """One RAM, or one lane of the words of one: all elements of an object at one byte of its rows.

    `low` is the lowest bit of the lane, `word` the width of the RAM's words.
    """

    name: str
    size: int
    depth: int
    form: Format
    loc: ir.Loc | None
    init: tuple[int, ...] | None
    word: int
    low: int = 0
    stores: list[Access] = field(default_factory=list)
    loaded: bool = False


@dataclass
class _Array:
    """An object with its banks; where they are lanes of one RAM, `layout.word` says so."""

    layout: Layout
    banks: dict[Key, _Bank] = field(default_factory=dict)


class Rams:
    """The RAMs of a process."""

    def __init__(self, low: Lowering, touches: Sequence[Touch]) -> None:
        self._low = low
        self._touches = touches
        self._arrays: dict[str, _Array] = {}

    def _array(self, place: Place) -> _Array:
        """Return the array that a place is in, made with all its banks at its first use."""
        if place.object in self._arrays:
            return self._arrays[place.object]
        low = self._low
        touches = [t for t in self._touches if t[0].object == place.object]
        inst = low.addresses.defined.get(place.object)
        whole = low.module.variable(place.object).type if inst is None else inst.types[0]
        variables, name = low.memory.variables, low.memory.name(place)
        wanted = [d for n in ("ARRAY_PARTITION", "ARRAY_RESHAPE") for d in variables.of(n, place.object)]
        array = _Array(
            Layout(wanted, name, whole, variables.shape(place.object), [(p, size) for p, size, _ in touches])
        )
        layout, keys = array.layout, array.layout.keys()
        self._check(place, keys, layout.step)
        word = low.names.unique(name, "ram") if layout.word else ""
        for key, size in keys:
            stores = [i for p, _, i in touches if i.opcode == "store" and layout.where(p)[0] == key]
            initial = self._initial(place.object, layout, key, size)
            form = stored(low, stores, size * 8, initial or ())
            init = None if initial is None else tuple(number & ones(form.width) for number in initial)
            number = layout.first(key) // size
            unique = word or low.names.unique(f"{name}_{number}" if len(keys) > 1 else name, "ram")
            array.banks[key] = _Bank(unique, size, layout.depth(key), form, low.place, init, form.width)
        if layout.word:
            _side_by_side([*array.banks.values()])
        self._arrays[place.object] = array
        return array

    def _check(self, place: Place, keys: Sequence[tuple[Key, int]], step: int) -> None:
        """Refuse elements of several widths, or that overlap."""
        for (key, size), (after, _) in pairwise(keys):
            if key == after or (key[0] == after[0] and key[1] + size > after[1]):
                self._mixed(place)
        if any(key[1] + size > step for key, size in keys):
            self._mixed(place)

    def _initial(self, name: str, layout: Layout, key: Key, size: int) -> list[int] | None:
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
        starts = [layout.first(key) + row * layout.step for row in range(layout.depth(key))]
        return [int.from_bytes(data[at : at + size].tobytes(), "little") for at in starts]

    def _mixed(self, place: Place) -> None:
        raise Refused(
            f"The array {self._low.memory.name(place)} must be read and written in elements of one width.",
            "Read and write whole elements.",
        )

    def _bank(self, place: Place, kind: Int) -> tuple[_Bank, int]:
        """Return the bank that a place is in, and the row as a value."""
        array = self._array(place)
        key, local = array.layout.where(place)
        bank = array.banks[key]
        if bank.size != touched(kind):
            self._mixed(place)
        return bank, self._low.memory.row(local, array.layout.step, bank.depth)

    def load(self, place: Place, kind: Int, block: str) -> int:
        """Return an element; a store earlier in the same iteration is forwarded."""
        low, builder = self._low, self._low.builder
        bank, address = self._bank(place, kind)
        bank.loaded = True
        value = builder.extract(builder.leaf("ram", bank.word, bank.name, (address,)), bank.low, bank.form.width)
        for old in bank.stores:
            if old.block == block or low.flow.reaches(old.block, block):
                same = builder.make("eq", 1, (old.address, address))
                value = builder.select(builder.both(old.predicate, same), old.data, value)
        wide = builder.extend(value, touched(kind) * 8, bank.form.signed)
        return builder.extend(wide, kind.width, False)

    def store(self, place: Place, kind: Int, value: int, block: str) -> None:
        """Write an element."""
        low = self._low
        bank, address = self._bank(place, kind)
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
        return ((name, bank.name) for name, array in self._arrays.items() for bank in array.banks.values())

    def finish(self) -> tuple[ir.Ram, ...]:
        """Return the RAMs that are read."""
        found = []
        for name, array in self._arrays.items():
            banks = [*array.banks.values()]
            groups = [banks] if array.layout.word else [[bank] for bank in banks]
            found += [self._ram(name, group) for group in groups if any(bank.loaded for bank in group)]
        return tuple(found)

    def _ram(self, name: str, banks: Sequence[_Bank]) -> ir.Ram:
        """Return the RAM of one bank, or of the lanes of its words."""
        builder, first = self._low.builder, banks[0]
        if not all(bank.stores for bank in banks):
            raise Refused(f"The array {first.name} must be written before it is read.", "Give it values, or remove it.")
        ports = [combine(builder, bank.stores) for bank in banks]
        if len({(address, predicate) for address, _, predicate in ports}) > 1:
            raise Refused(
                f"The array {first.name} must be written in whole words to be reshaped: all its lanes in one row, "
                "under one condition.",
                "Write ARRAY_PARTITION, which gives each lane a RAM, or write the other lanes with what they held.",
            )
        address, _, predicate = ports[0]
        data = builder.concat([data for _, data, _ in reversed(ports)])
        depth = max(bank.depth for bank in banks)
        init = None if first.init is None else _words(banks, depth)
        variables = self._low.memory.variables
        kept = bound(variables, name, False, init is not None and any(init))
        init = None if kept.storage == "uram" else init
        store, free = ir.Store(address, data, predicate), independent(variables, name)
        return ir.Ram(first.name, first.word, depth, store, kept.storage, first.loc, init, kept.latency, free)


def _side_by_side(banks: Sequence[_Bank]) -> None:
    """Give banks their places in the words of one RAM, the first one lowest."""
    low = 0
    for bank in banks:
        bank.low = low
        low += bank.form.width
    for bank in banks:
        bank.word = low


def _words(banks: Sequence[_Bank], depth: int) -> tuple[int, ...]:
    """Return the initial words of the RAM that banks make; a lane that ends early has zeros there."""
    columns = [(*(bank.init or ()), *[0] * (depth - len(bank.init or ()))) for bank in banks]
    return tuple(
        sum(word << bank.low for bank, word in zip(banks, row, strict=True)) for row in zip(*columns, strict=True)
    )
