# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog expressions of IR values: operators, wires inlined, operands named by stage."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping

from hwgen.hlsc import ir
from hwgen.hlsc.back.absorb import Cone
from hwgen.hlsc.back.bitsum import has_part, is_part
from hwgen.hlsc.back.delays import true_width
from hwgen.hlsc.back.fold import WIRES

_INFIX = {"add": "+", "sub": "-", "and": "&", "or": "|", "eq": "==", "shl": "<<", "lshr": ">>"}


def literal(width: int, pattern: int) -> str:
    """Return a sized literal; small ones in decimal."""
    if width == 1:
        return f"1'b{pattern}"
    return f"{width}'d{pattern}" if pattern < 10 else f"{width}'h{pattern:x}"


def vector(width: int) -> str:
    """Return the packed dimension of a declaration, with a trailing space, or nothing for one bit."""
    return f"[{width - 1}:0] " if width > 1 else ""


def stream_ports(stream: ir.Stream) -> Iterator[str]:
    """Declare the three ports of a stream parameter."""
    inward, outward = ("input ", "output") if stream.direction == "in" else ("output", "input ")
    yield f"{inward} logic {vector(stream.width)}{stream.name}_tdata"
    yield f"{inward} logic {stream.name}_tvalid"
    yield f"{outward} logic {stream.name}_tready"


class Expressions:
    """Writes expressions in one process; `name(node, stage)` names the signal that has a node's result."""

    def __init__(
        self, process: ir.Process, name: Callable[[int, int], str], cones: Mapping[int, Cone] | None = None
    ) -> None:
        self.values = process.values
        self.name = name
        self.cones = cones or {}

    def ref(self, index: int, stage: int) -> str:
        """Return an expression of exactly the value's width, usable as an operand."""
        value = self.values[index]
        if value.opcode == "const":
            assert isinstance(value.attr, int)
            return literal(value.width, value.attr)
        if value.opcode not in WIRES:
            return self.name(index, stage)
        if value.opcode == "concat":
            return "{" + ", ".join(self.ref(a, stage) for a in value.args) + "}"
        inner = value.args[0]
        if value.opcode == "zext":
            return f"{value.width}'({_unsigned(self.ref(inner, stage))})"
        if value.opcode == "sext":
            return self._sign_extension(value, stage)
        low = value.attr if isinstance(value.attr, int) else 0
        source = self.values[inner]
        assert source.opcode not in WIRES and source.opcode != "const", "an extract must be normalised"
        text = self.name(inner, stage)
        if source.width == 1:
            return text
        return f"{text}[{low}]" if value.width == 1 else f"{text}[{low + value.width - 1}:{low}]"

    def _sign_extension(self, value: ir.Value, stage: int) -> str:
        """Copy the sign bit by hand: a concatenation is unsigned whatever it stands in, a cast is not."""
        inner = self.values[value.args[0]]
        extra = value.width - inner.width
        text = self.ref(inner.id, stage)
        if inner.width == 1:
            return f"{{{value.width}{{{text}}}}}"
        if inner.opcode == "extract":
            low = inner.attr if isinstance(inner.attr, int) else 0
            name = self.name(inner.args[0], stage)
            return f"{{{{{extra}{{{name}[{low + inner.width - 1}]}}}}, {text}}}"
        if inner.opcode in WIRES or inner.opcode == "const":
            return f"{value.width}'($signed({text}))"
        return f"{{{{{extra}{{{text}[{inner.width - 1}]}}}}, {text}}}"

    def operator(self, value: ir.Value, stage: int) -> str:
        """Return the right-hand side that computes an operator from its operands in a stage."""
        opcode = value.opcode
        if opcode == "mul":
            return self._multiply(value, stage)
        order = self._addition(value) if opcode == "add" else value.args
        args = [self.ref(a, stage) for a in order]
        if opcode == "add" and self._is_shorter(value.id, *order):
            return self._add_shorter(value.width, *args)
        if opcode == "xor":
            return self._xor(value, args)
        if opcode in _INFIX:
            return f"{args[0]} {_INFIX[opcode]} {args[1]}"
        if opcode == "select":
            return f"{args[0]} ? {args[1]} : {args[2]}"
        if opcode == "ult":
            return f"{_unsigned(args[0])} < {_unsigned(args[1])}"
        if opcode == "slt":
            return f"$signed({args[0]}) < $signed({args[1]})"
        assert opcode == "ashr", opcode
        return f"$signed({args[0]}) >>> {args[1]}"

    def _addition(self, value: ir.Value) -> tuple[int, ...]:
        """Put the operand that is mere logic last: it fits into the adder's LUTs, the first must be a signal."""
        left, right = value.args
        cone = self.cones.get(value.id)
        if cone is not None:
            return (right, left) if cone.operand == left else (left, right)
        return (right, left) if self._absorbed(left) and not self._absorbed(right) else (left, right)

    def _absorbed(self, index: int) -> bool:
        """Tell whether an operand, or a piece of it that is no copy, is logic that an adder's LUTs should compute."""
        value = self.values[index]
        while value.opcode in ("zext", "sext", "extract"):
            value = self.values[value.args[0]]
        if value.opcode == "concat":
            return self._absorbed(value.args[0]) or any(is_part(self.values[a]) for a in value.args)
        return value.opcode in ("select", "and", "or", "xor", "const") or is_part(value)

    def _is_shorter(self, adder: int, left: int, right: int) -> bool:
        """Tell whether the right operand is what the adder's LUTs should compute, and shorter than the left."""
        inside = has_part(self.values, right) or adder in self.cones
        return inside and true_width(self.values, right) < true_width(self.values, left)

    @staticmethod
    def _add_shorter(width: int, left: str, right: str) -> str:
        """Write a + b as a - ~b with one bit more below, which makes the carry that ~b lacks.

        Yosys swaps the operands of an addition by their widths, and puts only the second one into the adder's LUTs.
        """
        return f"{width}'(({{{left}, 1'b0}} - ~{{{right}, 1'b0}}) >> 1)"

    def _xor(self, value: ir.Value, args: list[str]) -> str:
        constant = self.values[value.args[1]]
        if constant.opcode == "const" and constant.attr == (1 << value.width) - 1:
            return f"~({args[0]})" if _is_cast(args[0]) else f"~{args[0]}"  # Yosys reads ~9'(x) as (~9)'(x)
        return f"{args[0]} ^ {args[1]}"

    def _multiply(self, value: ir.Value, stage: int) -> str:
        """Write both factors signed if one is, in their own widths, so that synthesis sees the true operand sizes."""
        factors = [self.values[a] for a in value.args]
        if not any(f.opcode == "sext" or self._negative(f) for f in factors):
            return " * ".join(self.ref(a, stage) for a in value.args)
        texts: list[str] = []
        for factor in factors:
            if factor.opcode == "zext":
                texts.append(f"{value.width}'($signed({{1'b0, {self.ref(factor.args[0], stage)}}}))")
            elif factor.opcode == "sext":
                texts.append(f"{value.width}'($signed({self.ref(factor.args[0], stage)}))")
            else:
                texts.append(f"$signed({self.ref(factor.id, stage)})")
        return " * ".join(texts)

    @staticmethod
    def _negative(value: ir.Value) -> bool:
        return value.opcode == "const" and isinstance(value.attr, int) and bool(value.attr >> (value.width - 1))


def _is_cast(text: str) -> bool:
    return re.match(r"\d+'\(", text) is not None


def _unsigned(text: str) -> str:
    """Return an operand that is unsigned: a sign extension by a cast is signed, and would extend its context."""
    return f"$unsigned({text})" if re.match(r"\d+'\(\$signed", text) else text
