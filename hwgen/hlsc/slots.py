# SPDX-License-Identifier: Apache-2.0
"""Variables that live in memory but have constant places: `static` scalars, and temporaries that LLVM left there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from hwgen.hlsc.address import Place
from hwgen.hlsc.back.fold import ones
from hwgen.hlsc.flow import END
from hwgen.hlsc.llconst import image
from hwgen.hlsc.llparse import Inst
from hwgen.hlsc.lltypes import Int
from hwgen.hlsc.ram import Format, Touch, stored

if TYPE_CHECKING:
    from hwgen.hlsc.lower import Lowering


@dataclass(frozen=True)
class _Slot:
    """Bytes that are accessed together: a register of `form.width` bits that stands for `size` bytes."""

    object: str
    offset: int
    size: int
    register: int
    form: Format
    reset: int


class Slots:
    """All registers in memory of a process.

    Parameters
    ----------
    low
        The function being lowered.
    touches
        Every access to an object whose places are all constant.
    """

    def __init__(self, low: Lowering, touches: Sequence[Touch]) -> None:
        self._low = low
        self._spans: dict[str, list[tuple[int, int]]] = {}
        self._stores: dict[tuple[str, int], list[tuple[int, Inst]]] = {}
        self._whole: dict[tuple[str, int], bool] = {}
        self._slots: dict[tuple[str, int], _Slot] = {}
        self._out: dict[tuple[tuple[str, int], str], int] = {}
        for name in dict.fromkeys(place.object for place, _, _ in touches):
            self._spans[name] = _join({(p.offset, p.offset + size) for p, size, _ in touches if p.object == name})
        for place, size, inst in touches:
            start, end = self._span(place)
            key = (place.object, start)
            self._whole[key] = self._whole.get(key, True) and (start, end) == (place.offset, place.offset + size)
            if inst.opcode == "store":
                self._stores.setdefault(key, []).append((size, inst))

    def _span(self, place: Place) -> tuple[int, int]:
        return next(span for span in self._spans[place.object] if span[0] <= place.offset < span[1])

    def _slot(self, place: Place) -> _Slot:
        """Return the register of a place, made at its first use."""
        start, end = self._span(place)
        key = (place.object, start)
        if key not in self._slots:
            reset, width = 0, (end - start) * 8
            if place.object.startswith("@"):
                data = image(self._low.module.variable(place.object), self._low.module.types)
                reset = int.from_bytes(data[start:end].tobytes(), "little")
            form = Format(width, False)
            if self._whole[key]:
                form = stored(self._low, [inst for _, inst in self._stores.get(key, [])], width, [reset])
            name = self._low.names.unique(self._low.memory.name(place), "s")
            register = self._low.builder.leaf("state", form.width, name)
            self._low.builder.label(register, name)
            self._slots[key] = _Slot(place.object, start, end - start, register, form, reset & ones(form.width))
        return self._slots[key]

    def load(self, place: Place, kind: Int, block: str) -> int:
        """Return what a place holds."""
        slot, builder = self._slot(place), self._low.builder
        held = builder.extend(self._current(slot, block), slot.size * 8, slot.form.signed)
        return builder.extract(held, (place.offset - slot.offset) * 8, kind.width)

    def store(self, place: Place, value: int, block: str) -> None:
        """Write a place."""
        slot, builder = self._slot(place), self._low.builder
        size = (builder.width(value) + 7) // 8 * 8
        value = builder.extend(value, size, False)
        low, top = (place.offset - slot.offset) * 8, slot.size * 8
        if size != top:
            held = self._current(slot, block)
            parts = [builder.extract(held, low + size, top - low - size)] if low + size < top else []
            parts += [value, *([builder.extract(held, 0, low)] if low else [])]
            value = builder.concat(parts)
        self._out[(slot.object, slot.offset), block] = builder.extend(value, slot.form.width, False)

    def _current(self, slot: _Slot, block: str) -> int:
        """Return what a register holds at this point of `block`."""
        key = ((slot.object, slot.offset), block)
        if key not in self._out:
            flow = self._low.flow
            before = flow.before[block]
            if block == flow.first or not before:
                self._out[key] = slot.register
            else:
                values = {edge: self._current(slot, edge) for edge in before}
                same = len(set(values.values())) == 1
                self._out[key] = next(iter(values.values())) if same else flow.merge(block, values)
        return self._out[key]

    def leave(self) -> None:
        """Give every register its next value."""
        for slot in self._slots.values():
            self._low.states.keep(slot.register, slot.reset, self._current(slot, END))


def _join(spans: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Return the union of byte ranges as disjoint ranges; ranges that only touch stay apart."""
    found: list[tuple[int, int]] = []
    for start, end in sorted(spans):
        if found and start < found[-1][1]:
            found[-1] = (found[-1][0], max(end, found[-1][1]))
        else:
            found.append((start, end))
    return found
