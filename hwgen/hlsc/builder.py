# SPDX-License-Identifier: Apache-2.0
"""Makes IR values: shares equal ones, folds constants, and turns bit movements into wires."""

from __future__ import annotations

from dataclasses import replace

from hwgen.hlsc.back.fold import COMMUTATIVE, PURE, evaluate, ones
from hwgen.hlsc.ir import Binding, Loc, Opcode, Value

_COMPARES_EQUAL = {"eq": 1, "ne": 0, "ult": 0, "ule": 1, "slt": 0, "sle": 1}


class Builder:
    """A growing list of values; methods return value ids."""

    def __init__(self) -> None:
        self.values: list[Value] = []
        self._known: dict[tuple[object, ...], int] = {}
        self.loc: Loc | None = None

    def width(self, value: int) -> int:
        """Width of a value."""
        return self.values[value].width

    def number(self, value: int) -> int | None:
        """Return the pattern of a constant, None for anything else."""
        found = self.values[value]
        return found.attr if found.opcode == "const" and isinstance(found.attr, int) else None

    def const(self, number: int, width: int) -> int:
        """Return a constant; `number` may be negative."""
        return self._add("const", width, (), number & ones(width))

    def leaf(self, opcode: Opcode, width: int, attr: str, args: tuple[int, ...] = (), slot: int = 0) -> int:
        """Return a state, read, rom or ram value."""
        return self._add(opcode, width, args, attr, slot=slot)

    def label(self, value: int, name: str) -> None:
        """Give a value the name it has in the source, unless it has one."""
        if name and not self.values[value].name and self.values[value].opcode != "const":
            self.values[value] = replace(self.values[value], name=name)

    def _add(
        self,
        opcode: Opcode,
        width: int,
        args: tuple[int, ...],
        attr: int | str | None,
        bind: Binding | None = None,
        slot: int = 0,
    ) -> int:
        key = (opcode, width, args, attr, bind, slot)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = len(self.values)
            loc = None if opcode == "const" else self.loc
            self.values.append(Value(known, opcode, width, args, attr, loc, bind=bind, slot=slot))
        return known

    def make(
        self,
        opcode: Opcode,
        width: int,
        args: tuple[int, ...],
        attr: int | None = None,
        bind: Binding | None = None,
    ) -> int:
        """Return a value of a pure opcode, folded and shared."""
        assert opcode in PURE
        numbers = [self.number(a) for a in args]
        if None not in numbers:
            widths = [self.width(a) for a in args]
            return self.const(evaluate(opcode, width, [n for n in numbers if n is not None], widths, attr), width)
        if opcode in COMMUTATIVE and numbers[0] is not None:
            args, numbers = (args[1], args[0]), [numbers[1], numbers[0]]
        simple = self._simple(opcode, width, args, numbers)
        return self._add(opcode, width, args, attr, bind) if simple is None else simple

    def _simple(self, opcode: str, width: int, args: tuple[int, ...], numbers: list[int | None]) -> int | None:
        """Return an existing value that equals the asked one, if there is a simple reason."""
        last = numbers[-1] if len(numbers) == 2 else None
        if opcode in ("add", "sub", "or", "xor", "shl", "lshr", "ashr") and last == 0:
            return args[0]
        if opcode in ("and", "mul") and last == 0:
            return self.const(0, width)
        if (opcode == "and" and last == ones(width)) or (opcode == "mul" and last == 1):
            return args[0]
        if opcode == "or" and last == ones(width):
            return args[1]
        if len(args) == 2 and args[0] == args[1]:
            if opcode in ("and", "or"):
                return args[0]
            if opcode in ("xor", "sub"):
                return self.const(0, width)
            if opcode in _COMPARES_EQUAL:
                return self.const(_COMPARES_EQUAL[opcode], 1)
        if opcode in ("eq", "ne") and last is not None and self.width(args[0]) == 1:
            return args[0] if last == (opcode == "eq") else self.invert(args[0])
        if opcode == "xor" and last is not None and last == ones(width):
            inner = self.values[args[0]]
            if inner.opcode == "xor" and self.number(inner.args[1]) == last:
                return inner.args[0]
        return None

    def invert(self, value: int) -> int:
        """Return the complement of a one-bit value."""
        inner = self.values[value]
        if inner.opcode in ("eq", "ne"):
            return self._add("ne" if inner.opcode == "eq" else "eq", 1, inner.args, None)
        return self.make("xor", 1, (value, self.const(1, 1)))

    def both(self, left: int, right: int) -> int:
        """Return the conjunction of two one-bit values."""
        if self._opposite(left, right):
            return self.const(0, 1)
        return self.make("and", 1, (left, right))

    def either(self, left: int, right: int) -> int:
        """Return the disjunction of two one-bit values."""
        if self._opposite(left, right):
            return self.const(1, 1)
        return self.make("or", 1, (left, right))

    def _opposite(self, left: int, right: int) -> bool:
        if self.number(left) is not None or self.number(right) is not None:
            return False
        return self.invert(left) == right

    def select(self, condition: int, one: int, zero: int) -> int:
        """Return `one` where `condition` holds, else `zero`."""
        number = self.number(condition)
        if number is not None:
            return one if number else zero
        if one == zero:
            return one
        found = self.values[condition]
        if found.opcode == "xor" and self.number(found.args[1]) == 1:
            return self.select(found.args[0], zero, one)
        if self.width(one) == 1:
            ends = (self.number(one), self.number(zero))
            if ends == (1, 0):
                return condition
            if ends == (0, 1):
                return self.invert(condition)
            if ends[1] == 0:
                return self.both(condition, one)
            if ends[0] == 1:
                return self.either(condition, zero)
        return self.make("select", self.width(one), (condition, one, zero))

    def extract(self, value: int, low: int, width: int) -> int:
        """Return `width` bits of a value from bit `low` upwards."""
        found = self.values[value]
        if low == 0 and width == found.width:
            return value
        if found.opcode == "extract" and isinstance(found.attr, int):
            return self.extract(found.args[0], found.attr + low, width)
        if found.opcode == "trunc":
            return self.extract(found.args[0], low, width)
        if found.opcode in ("zext", "sext"):
            inner = self.width(found.args[0])
            if low + width <= inner:
                return self.extract(found.args[0], low, width)
            if low < inner:
                part = self.extract(found.args[0], low, inner - low)
                return self.extend(part, width, found.opcode == "sext")
            if found.opcode == "zext":
                return self.const(0, width)
        if found.opcode == "concat":
            piece = self._piece(found, low, width)
            if piece is not None:
                return piece
        if low == 0:
            return self.make("trunc", width, (value,))
        return self.make("extract", width, (value,), low)

    def _piece(self, found: Value, low: int, width: int) -> int | None:
        """Return bits of a concat that lie within one of its arguments."""
        at = 0
        for arg in reversed(found.args):
            size = self.width(arg)
            if at <= low and low + width <= at + size:
                return self.extract(arg, low - at, width)
            at += size
        return None

    def extend(self, value: int, width: int, signed: bool) -> int:
        """Return a value widened (or cut) to `width` bits."""
        found = self.values[value]
        if width == found.width:
            return value
        if width < found.width:
            return self.extract(value, 0, width)
        if found.opcode == "zext":
            return self.make("zext", width, found.args)
        if found.opcode == "sext" and signed:
            return self.make("sext", width, found.args)
        return self.make("sext" if signed else "zext", width, (value,))

    def concat(self, parts: list[int]) -> int:
        """Return parts joined, most significant first."""
        if len(parts) == 1:
            return parts[0]
        return self.make("concat", sum(self.width(p) for p in parts), tuple(parts))
