# SPDX-License-Identifier: Apache-2.0
"""Builder of simplified IR: folds, merges equal values and rewrites as values are added, so every pass is a rebuild."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import COMMUTATIVE, PURE, evaluate, ones
from hwgen.hlsc.back.knownbits import Bits, computed_bits

Args = tuple[int, ...]
Rule = Callable[["Builder", int, Args, "int | str | None"], "int | None"]


class Builder:
    """Collects values; `op` returns the id of a value that equals the wanted one, simplified where possible.

    Parameters
    ----------
    rules
        Per opcode the function that proposes a simpler equal value (or None).
    facts
        Bits of state registers, RAM words and ROM words that are known to be 0 or 1, by "kind name".
    """

    def __init__(self, rules: Mapping[str, Rule], facts: Mapping[str, Bits] | None = None) -> None:
        self.rules = rules
        self.facts = facts or {}
        self.values: list[ir.Value] = []
        self.bits: list[Bits] = []
        self._known: dict[tuple[object, ...], int] = {}
        self._constants: dict[int, int] = {}
        self.loc: ir.Loc | None = None
        self.name = ""
        self.bind: ir.Binding | None = None
        self.slot = 0

    def op(self, opcode: str, width: int, args: Sequence[int] = (), attr: int | str | None = None) -> int:
        """Return the id of a value with this meaning; new ones take `self.loc` and `self.name`.

        New multiplications take `self.bind` as well, new reads `self.slot`.
        """
        values = self.values
        arguments = tuple(args)
        if opcode in PURE:
            if opcode in COMMUTATIVE and self._order(arguments[0]) > self._order(arguments[1]):
                arguments = (arguments[1], arguments[0])
            if self._constants.keys() >= set(arguments):
                patterns = [self._constants[a] for a in arguments]
                widths = [values[a].width for a in arguments]
                return self.const(width, evaluate(opcode, width, patterns, widths, attr))
        rule = self.rules.get(opcode)
        if rule is not None:
            found = rule(self, width, arguments, attr)
            if found is not None:
                assert values[found].width == width, (opcode, values[found], width)
                return found
        return self.intern(opcode, width, arguments, attr)

    def _order(self, value: int) -> tuple[bool, int]:
        return (value in self._constants, value)

    def intern(self, opcode: str, width: int, args: Args, attr: int | str | None) -> int:
        """Add a value as it is, or return the equal one that exists."""
        bind = self.bind if opcode in ("mul", "dsp") else None
        slot = self.slot if opcode == "read" else 0
        key = (opcode, width, args, attr, bind, slot)
        known = self._known.get(key)
        if known is not None:
            return known
        index = len(self.values)
        bits = self._bits(opcode, width, args, attr)
        if opcode in PURE and bits[0] | bits[1] == (1 << width) - 1:
            return self.const(width, bits[1])
        self.values.append(ir.Value.made(index, opcode, width, args, attr, self.loc, self.name, bind, slot))
        if opcode == "const":
            self._constants[index] = bits[1]
        self.bits.append(bits)
        self._known[key] = index
        return index

    def _bits(self, opcode: str, width: int, args: Args, attr: int | str | None) -> Bits:
        if opcode in ("state", "rom", "ram"):
            return self.facts.get(f"{opcode} {attr}", (0, 0))
        bits, values = self.bits, self.values
        return computed_bits(opcode, width, attr, [bits[a] for a in args], [values[a].width for a in args])

    def const(self, width: int, pattern: int) -> int:
        """Return the id of a constant; the pattern is taken modulo 2**width."""
        return self.intern("const", width, (), pattern & ones(width))

    def pattern(self, value: int) -> int:
        """Return the pattern of a constant value."""
        return self._constants[value]

    def constant(self, value: int) -> int | None:
        """Return the pattern of a value if it is a constant, else None."""
        return self._constants.get(value)

    def opcode(self, value: int) -> str:
        """Return a value's opcode."""
        return self.values[value].opcode

    def args(self, value: int) -> Args:
        """Return a value's arguments."""
        return self.values[value].args

    def width(self, value: int) -> int:
        """Return a value's width in bits."""
        return self.values[value].width

    def extract(self, value: int, low: int, width: int) -> int:
        """Return bits low..low+width-1 of a value."""
        return self.op("extract", width, (value,), low)

    def concat(self, parts: Sequence[int]) -> int:
        """Return the concatenation of the parts, most significant first."""
        return self.op("concat", sum(self.width(p) for p in parts), parts)

    def resize(self, value: int, width: int, signed: bool) -> int:
        """Return a value truncated, or extended by zeros or the sign, to `width` bits."""
        own = self.width(value)
        if own >= width:
            return self.extract(value, 0, width)
        return self.op("sext" if signed else "zext", width, (value,))

    def invert(self, value: int) -> int:
        """Return the bitwise complement."""
        width = self.width(value)
        return self.op("xor", width, (value, self.const(width, -1)))

    def inverted(self, value: int) -> int | None:
        """Return x if the value is the complement of x, else None."""
        found = self.values[value]
        if found.opcode == "xor" and self.constant(found.args[1]) == ones(found.width):
            return found.args[0]
        return None
