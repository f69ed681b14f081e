# SPDX-License-Identifier: Apache-2.0
"""Constant tables: loads with the same run-time index share one wide word, packed to the values' true range."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hwgen.hlsc import ir
from hwgen.hlsc.address import Place, Term
from hwgen.hlsc.bindings import Bound
from hwgen.hlsc.builder import Builder
from hwgen.hlsc.llconst import Bytes
from hwgen.packing import signed_bits, unsigned_bits

_Key = tuple[str, tuple[Term, ...], int]


@dataclass(frozen=True)
class Lane:
    """The values that one load may give, one for each row, and how they are stored: `width` bits from bit `low`."""

    low: int
    width: int
    signed: bool
    constant: int | None


@dataclass
class _Group:
    """Loads with one index: (byte in the row, bytes read) -> its lane once packed."""

    sizes: dict[tuple[int, int], Lane | None] = field(default_factory=dict)
    name: str = ""
    width: int = 0


class Roms:
    """The ROMs of a process; `group` every load first, `load` them afterwards."""

    def __init__(self) -> None:
        self._groups: dict[_Key, _Group] = {}
        self._images: dict[str, Bytes] = {}
        self._bound: dict[str, Bound] = {}
        self._tables: dict[
            tuple[str, int, tuple[tuple[int, int], ...]], tuple[ir.Rom | None, dict[tuple[int, int], Lane]]
        ]
        self._tables = {}
        self._names: dict[str, int] = {}
        self.roms: list[ir.Rom] = []

    def image(self, name: str, data: Bytes, bound: Bound) -> None:
        """Give the bytes of a constant object, and where it is to be kept."""
        self._images[name] = data
        self._bound[name] = bound

    def group(self, loads: Iterable[tuple[Place, int]]) -> None:
        """Collect loads, given as place and bytes read."""
        for place, size in loads:
            if place.terms:
                key = (place.object, place.terms, place.row)
                self._groups.setdefault(key, _Group()).sizes[place.lane, size] = None

    def constant(self, place: Place, size: int) -> int:
        """Return the bytes at a constant place as an unsigned number."""
        data = self._images[place.object][max(0, place.offset) : max(0, place.offset) + size]
        return int.from_bytes(data.tobytes(), "little")

    def names(self) -> Iterator[tuple[str, str]]:
        """Return the arrays in LLVM's IR with the ROMs that they became."""
        return ((key[0], rom.name) for key, (rom, _) in self._tables.items() if rom is not None)

    def rows(self, place: Place) -> int:
        """Return the number of rows of the object that `place` is in."""
        return max(1, -(-len(self._images[place.object]) // place.step))

    def load(self, builder: Builder, place: Place, size: int, width: int, address: int, name: str) -> int:
        """Return what a load at a run-time index gives.

        Parameters
        ----------
        builder
            Receives the values.
        place, size
            As given to `group` before.
        width
            Bits of the load's type.
        address
            The row number as a value.
        name
            Name of the table in the source.
        """
        lanes = tuple(sorted(self._groups[place.object, place.terms, place.row].sizes))
        key = (place.object, place.step, lanes)
        if key not in self._tables:
            self._tables[key] = self._pack(place, lanes, name, builder.loc)
        rom, packed = self._tables[key]
        lane = packed[place.lane, size]
        if lane.constant is not None or rom is None:
            return builder.const(lane.constant or 0, width)
        word = builder.leaf("rom", rom.width, rom.name, (address,))
        return builder.extend(builder.extract(word, lane.low, lane.width), width, lane.signed)

    def _pack(
        self, place: Place, lanes: tuple[tuple[int, int], ...], name: str, loc: ir.Loc | None
    ) -> tuple[ir.Rom | None, dict[tuple[int, int], Lane]]:
        """Build the table of one group of lanes."""
        data = self._images[place.object]
        rows, step = self.rows(place), place.step
        span = max(low + size for low, size in lanes)
        padded = np.zeros(rows * step + span, np.uint8)
        padded[: len(data)] = data
        columns = {lane: _column(padded, lane, rows, step) for lane in lanes}
        bits, found, low = [], {}, 0
        formats = {lane: _format(column, lane[1] * 8) for lane, column in columns.items()}
        for lane, column in columns.items():
            signed, width, constant = formats[lane]
            if constant is None:
                found[lane] = Lane(low, width, signed, None)
                bits.append(_bits(column, width))
                low += width
            else:
                found[lane] = Lane(0, 1, False, constant)
        if not bits:
            return None, found
        words = _words(np.concatenate(bits, axis=1))
        rom = ir.Rom(self._unique(name), low, words, loc, *self._bound[place.object])
        self.roms.append(rom)
        return rom, found

    def _unique(self, name: str) -> str:
        count = self._names[name] = self._names.get(name, 0) + 1
        return name if count == 1 else f"{name}_{count}"


def _column(data: Bytes, lane: tuple[int, int], rows: int, step: int) -> npt.NDArray[np.uint8]:
    """Return the bytes of one lane, shape (rows, size)."""
    low, size = lane
    starts = low + step * np.arange(rows)
    column: npt.NDArray[np.uint8] = data[starts[:, None] + np.arange(size)]
    return column


def _format(column: npt.NDArray[np.uint8], width: int) -> tuple[bool, int, int | None]:
    """Return (signed, bits, the value if it is always the same) of the narrowest format that holds a column."""
    if (column == column[0]).all():
        return False, 1, int.from_bytes(column[0].tobytes(), "little")
    if column.shape[1] > 8:
        numbers = [int.from_bytes(row.tobytes(), "little") for row in column]
        low = min(n - (1 << width) if n >> (width - 1) else n for n in numbers)
        high = max(n - (1 << width) if n >> (width - 1) else n for n in numbers)
        top = max(numbers)
    else:
        wide = np.zeros((len(column), 8), np.uint8)
        wide[:, : column.shape[1]] = column
        unsigned = wide.view("<u8")[:, 0]
        shift = np.uint64(64 - width)
        signed_values = (unsigned << shift).view(np.int64) >> np.int64(64 - width)
        low, high, top = int(signed_values.min()), int(signed_values.max()), int(unsigned.max())
    if low < 0:
        narrow = signed_bits(low, high)
        return (True, narrow, None) if narrow < unsigned_bits(top) else (False, unsigned_bits(top), None)
    return False, unsigned_bits(top), None


def _bits(column: npt.NDArray[np.uint8], width: int) -> npt.NDArray[np.uint8]:
    """Return the lowest `width` bits, shape (rows, width), least significant first."""
    found = np.unpackbits(column, axis=1, bitorder="little")[:, :width]
    if found.shape[1] < width:
        found = np.pad(found, ((0, 0), (0, width - found.shape[1])))
    return found


def _words(bits: npt.NDArray[np.uint8]) -> tuple[int, ...]:
    packed = np.packbits(bits, axis=1, bitorder="little")
    return tuple(int.from_bytes(row.tobytes(), "little") for row in packed)
