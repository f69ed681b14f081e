# SPDX-License-Identifier: Apache-2.0
"""Multiplications bound to multiplier blocks become blocks, several to a block where they share a factor."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.dsp import block, looping, single
from hwgen.hlsc.back.normalise import rebuild
from hwgen.hlsc.back.rows import Factor
from hwgen.packing import Block, Lane, Layout, cross, port_bits, signed_bits, stars, unsigned_bits

_CROSS = 4
"""Products of two and two factors."""


@dataclass(frozen=True)
class _Group:
    """Products in one block; `products[k]` is the multiplication of lane k, factors are old values."""

    layout: Layout
    wide: tuple[Factor, ...]
    narrow: tuple[Factor, ...]
    products: tuple[int, ...]


@dataclass(frozen=True)
class _Read:
    """A product as read from its block: `bits` (signed or not) minus `borrow` (signed or not), or plus a bit."""

    bits: int
    signed: bool
    borrow: int | None
    negative: bool
    plus: bool
    low: int
    high: int


def bound(value: ir.Value) -> bool:
    """Tell whether a value is a multiplication that a directive binds to a multiplier block."""
    return value.opcode == "mul" and value.bind is not None and value.bind.impl == "dsp"


class _Grouper:
    """Finds products that can share a block: on the same level, with the same binding, outside recurrences."""

    def __init__(self, process: ir.Process, ports: Block) -> None:
        self.process = process
        self.block = ports
        alone = looping(process)
        level = [0] * len(process.values)
        self.factors: dict[int, tuple[Factor, Factor]] = {}
        self.kind: dict[int, tuple[int, ir.Binding | None]] = {}
        for value in process.values:
            level[value.id] = max((level[a] for a in value.args), default=0) + bound(value)
            if bound(value) and value.id not in alone and all(self._variable(a) for a in value.args):
                left, right = (self._factor(a) for a in value.args)
                if left.value != right.value:
                    self.factors[value.id] = (left, right)
                    self.kind[value.id] = (level[value.id], value.bind)

    def _variable(self, index: int) -> bool:
        return self.process.values[index].opcode != "const"

    def _factor(self, index: int) -> Factor:
        value = self.process.values[index]
        if value.opcode in ("zext", "sext"):
            inner = self.process.values[value.args[0]]
            return Factor(inner.id, inner.width, value.opcode == "sext")
        return Factor(index, value.width, True)

    def run(self) -> list[_Group]:
        groups: list[_Group] = []
        for kind in dict.fromkeys(self.kind.values()):
            left = {p: self.factors[p] for p in self.factors if self.kind[p] == kind}
            groups += self._crosses(left)
            groups += self._stars(left)
        return groups

    def _crosses(self, left: dict[int, tuple[Factor, Factor]]) -> list[_Group]:
        """Take the products of two and two factors out of `left`, as groups of four."""
        groups: list[_Group] = []
        if self.block.most < _CROSS:
            return groups
        by_pair = {frozenset(pair): product for product, pair in left.items()}
        partners: dict[Factor, list[Factor]] = {}
        for one, other in left.values():
            partners.setdefault(one, []).append(other)
            partners.setdefault(other, []).append(one)
        for product, (x, w) in list(left.items()):
            if product not in left:
                continue
            found = self._cross(left, by_pair, partners, x, w)
            if found is not None:
                groups.append(found)
                for taken in found.products:
                    del left[taken]
        return groups

    def _cross(
        self,
        left: dict[int, tuple[Factor, Factor]],
        by_pair: dict[frozenset[Factor], int],
        partners: dict[Factor, list[Factor]],
        x: Factor,
        w: Factor,
    ) -> _Group | None:
        for x2 in partners[w]:
            for w2 in partners[x]:
                four = [by_pair.get(frozenset(pair), -1) for pair in ((x, w), (x, w2), (x2, w), (x2, w2))]
                if x2 == x or w2 == w or any(p not in left for p in four):
                    continue
                for wide, narrow in (((w, w2), (x, x2)), ((x, x2), (w, w2))):
                    layout = cross(wide, narrow, (self.block.wide, self.block.narrow))
                    if layout is not None:
                        return self._group(layout, wide, narrow, by_pair)
        return None

    @staticmethod
    def _group(
        layout: Layout, wide: tuple[Factor, ...], narrow: tuple[Factor, ...], by_pair: dict[frozenset[Factor], int]
    ) -> _Group:
        products = tuple(by_pair[frozenset((wide[lane.wide], narrow[lane.narrow]))] for lane in layout.lanes)
        return _Group(layout, wide, narrow, products)

    def _stars(self, left: dict[int, tuple[Factor, Factor]]) -> list[_Group]:
        """Take the products that share a factor out of `left`, as many to a group as fit."""
        groups: list[_Group] = []
        shared: dict[Factor, list[int]] = {}
        for product, pair in left.items():
            for one in pair:
                shared.setdefault(one, []).append(product)
        for x in sorted(shared, key=lambda f: -len(shared[f])):
            waiting = [p for p in shared[x] if p in left]
            others = [next(w for w in left[p] if w != x) for p in waiting]
            for chosen, layout in stars(others, x, self.block):
                taken = tuple(waiting[k] for k in chosen)
                groups.append(_Group(layout, tuple(others[k] for k in chosen), (x,), taken))
                for product in taken:
                    del left[product]
        return groups


class _Packer:
    """Translates a process; products of a group become one block when the first of them is needed."""

    def __init__(self, process: ir.Process, model: DelayModel) -> None:
        self.process = process
        self.model = model
        self.ports = block(model.family)
        self.group = {p: g for g in _Grouper(process, self.ports).run() for p in g.products}
        self.read: dict[int, _Read] = {}
        self.new: dict[int, int] = {}

    def translate(self, b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        """Translate a value; see `normalise.rebuild`."""
        self.new[value.id] = self._translate(b, value, args)
        return self.new[value.id]

    def _translate(self, b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        if value.id in self.group:
            return self._product(b, value.id, value.width)
        if bound(value):
            return single(b, self.model, value, args)
        if value.opcode in ("zext", "sext") and value.args[0] in self.group:
            inner = self.process.values[value.args[0]]
            found = self._read(b, inner.id)
            signed = value.opcode == "sext"
            needed = signed_bits(found.low, found.high) if signed else unsigned_bits(found.high)
            if needed <= inner.width and (signed or found.low >= 0):
                return self._product(b, inner.id, value.width)
        return b.op(value.opcode, value.width, args, value.attr)

    def _needed(self, b: Builder, index: int) -> int:
        """Return the new id of an old value that may not have been translated yet."""
        work = [index]
        while work:
            value = self.process.values[work[-1]]
            missing = [a for a in value.args if a not in self.new]
            if value.id in self.new or missing:
                work += missing if value.id not in self.new else ()
                if value.id in self.new:
                    work.pop()
                continue
            kept = b.loc, b.name, b.bind
            b.loc, b.name, b.bind = value.loc, value.name, value.bind
            self.translate(b, value, [self.new[a] for a in value.args])
            b.loc, b.name, b.bind = kept
            work.pop()
        return self.new[index]

    def _product(self, b: Builder, index: int, width: int) -> int:
        found = self._read(b, index)
        bits = b.resize(found.bits, width, found.signed)
        if found.borrow is None:
            return bits
        return b.op("add" if found.plus else "sub", width, (bits, b.resize(found.borrow, width, found.negative)))

    def _read(self, b: Builder, index: int) -> _Read:
        if index not in self.read:
            self._block(b, self.group[index])
        return self.read[index]

    def _block(self, b: Builder, group: _Group) -> None:
        wide = [Factor(self._needed(b, f.value), f.width, f.signed) for f in group.wide]
        narrow = [Factor(self._needed(b, f.value), f.width, f.signed) for f in group.narrow]
        d, a = _joined(b, wide, group.layout.wide)
        if not self.ports.subtracts:
            d, a = b.op("sub", b.width(d), (d, a)), b.const(b.width(d), 0)
        other = b.op("sub", port_bits(narrow, group.layout.narrow), _joined(b, narrow, group.layout.narrow))
        total = b.op("dsp", b.width(d) + b.width(other), (d, a, other))
        _Reader(b, total, group.layout.lanes, wide, narrow).run(group.products, self.read)


def _joined(b: Builder, factors: Sequence[Factor], offsets: Sequence[int]) -> tuple[int, int]:
    """Return two words whose difference is the sum of the factors, each shifted: their bits, and their sign bits."""
    width = port_bits(factors, offsets)
    plain, signs = [], []
    ends = [*offsets[1:], width]
    for factor, offset, end in zip(factors, offsets, ends, strict=True):
        gap, last = end - offset, end == width
        if factor.signed and not last:
            plain.append(
                b.resize(b.extract(factor.value, 0, factor.width - 1), gap, False) if factor.width > 1 else None
            )
            sign = b.resize(b.extract(factor.value, factor.width - 1, 1), gap - factor.width + 1, False)
            signs.append(b.concat([sign, *([b.const(factor.width - 1, 0)] if factor.width > 1 else [])]))
        else:
            plain.append(b.resize(factor.value, gap, factor.signed))
            signs.append(b.const(gap, 0))
    pieces = [b.const(end - o, 0) if p is None else p for p, o, end in zip(plain, offsets, ends, strict=True)]
    return b.concat(pieces[::-1]), b.concat(signs[::-1])


class _Reader:
    """Reads the products out of a block's result."""

    def __init__(
        self, b: Builder, total: int, lanes: Sequence[Lane], wide: Sequence[Factor], narrow: Sequence[Factor]
    ) -> None:
        self.b = b
        self.total = total
        self.lanes = lanes
        self.wide = wide
        self.narrow = narrow

    def run(self, products: Sequence[int], read: dict[int, _Read]) -> None:
        """Record each product, lowest lane first."""
        b = self.b
        borrow: int | None = None
        below: Lane | None = None
        for k, (lane, product) in enumerate(zip(self.lanes, products, strict=True)):
            bits = b.extract(self.total, lane.offset, lane.width)
            last = k + 1 == len(self.lanes)
            carry = None if last or not lane.carry else self._carry(lane, bits, self.lanes[k + 1])
            signed = last or lane.inside or lane.signed
            whole = bits if carry is None or lane.inside else b.concat([carry, bits])
            plus = below is not None and below.inside
            negative = below is not None and below.signed and not below.inside
            read[product] = _Read(whole, signed, borrow, negative, plus, lane.low, lane.high)
            borrow, below = carry, lane

    def _carry(self, lane: Lane, bits: int, above: Lane) -> int:
        """Return q of a lane; where it is the negated top bit, that bit."""
        b = self.b
        if lane.inside:
            return b.extract(bits, lane.width - 1, 1)
        difference, borrow = [], b.const(1, 0)
        for k, c in enumerate(self._low_bits(above, lane.carry)):
            t = b.extract(self.total, above.offset + k, 1)
            apart = b.op("xor", 1, (t, c))
            difference.append(b.op("xor", 1, (apart, borrow)))
            more = b.op("and", 1, (b.invert(t), c))
            borrow = b.op("or", 1, (more, b.op("and", 1, (b.invert(apart), borrow))))
        return b.concat(difference[::-1])

    def _low_bits(self, lane: Lane, count: int) -> list[int]:
        """Return the lowest bits of a lane's product, lowest first."""
        b = self.b
        x, w = self.wide[lane.wide], self.narrow[lane.narrow]
        xs, ws = (
            [b.extract(b.resize(f.value, max(count, f.width), f.signed), k, 1) for k in range(count)] for f in (x, w)
        )
        low = [b.op("and", 1, (xs[0], ws[0]))]
        if count > 1:
            low.append(b.op("xor", 1, (b.op("and", 1, (xs[1], ws[0])), b.op("and", 1, (xs[0], ws[1])))))
        if count > 2:
            kept, b.bind = b.bind, None
            three = [b.concat(bits[2::-1]) for bits in (xs, ws)]
            low.append(b.extract(b.op("mul", 3, three), 2, 1))
            b.bind = kept
        return low


def bind_products(process: ir.Process, model: DelayModel) -> ir.Process:
    """Return the process with its bound multiplications in multiplier blocks.

    Raises
    ------
    HlsError
        For a multiplication that does not fit a block of the family.
    """
    if not any(bound(v) for v in process.values):
        return process
    return rebuild(process, _Packer(process, model).translate)
