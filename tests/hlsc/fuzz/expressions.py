# SPDX-License-Identifier: Apache-2.0
"""Random typed expressions: C++'s and ap_int's operators over what is in scope."""

from __future__ import annotations

from .model import BOOL, INT, Decl, Expr, Type, bits_for, cast, const
from .scope import Scope


class Expressions(Scope):
    """Draws expressions over variables, arrays, the loop's index and an unrolled loop's lane."""

    def leaf(self) -> Expr:
        if self.rng.random() < 0.1 and self.arrays:
            return self.element(self.rng.choice(self.arrays))
        return self.atom()

    def atom(self) -> Expr:
        """Return a leaf that is no array element."""
        rng = self.rng
        draw = rng.random()
        if draw < 0.78 and self.scope:
            return rng.choice(self.scope[-8:] if rng.random() < 0.7 else self.scope)
        if draw < 0.85:
            return self.number_of_iteration()
        if draw < 0.90 and self.lane:
            return Expr("var", INT, (), self.lane)
        kind = self.any_type(70)
        return const(self.pattern(kind), kind)

    def number_of_iteration(self) -> Expr:
        i = self.index
        draw = self.rng.randrange(4)
        if draw == 0:
            return Expr("bin", INT, (i, const(self.rng.choice([1, 3, 7]), INT)), "&")
        if draw == 1:
            scaled = Expr("bin", INT, (i, const(self.rng.randint(-9, 9), INT)), "*")
            return Expr("bin", INT, (scaled, const(self.rng.randint(-50, 50), INT)), "+")
        return i

    def element(self, d: Decl) -> Expr:
        """Return an element: of a table at a run-time row, of a register array at a constant place."""
        rng = self.rng
        lane = rng.randrange(d.dims[-1])
        fixed = const(lane, INT)
        if self.lane and self.lanes <= d.dims[-1] and rng.random() < 0.8:
            fixed = Expr("var", INT, (), self.lane)
        if not d.const:
            return Expr("elem", d.type, (fixed,), d.name)
        found = self.atom()
        if rng.random() < 0.3 and not found.type.native:
            found = Expr("bin", found.type, (found, self.atom()), rng.choice("^&|"))
        row = cast(Type(max(1, bits_for(d.dims[0])), False), found)
        if rng.random() < 0.3 and self.trip <= d.dims[0]:
            row = self.index
        elif rng.random() < 0.1:
            row = const(rng.randrange(d.dims[0]), INT)
        elif rng.random() < 0.2:
            row = Expr("method", Type(32, False, "unsigned"), (row,), "to_uint")
        if len(d.dims) == 1:
            return Expr("elem", d.type, (row,), d.name)
        return Expr("elem", d.type, (row, fixed), d.name)

    def ours(self, depth: int) -> Expr:
        """Return an expression of one of our types."""
        e = self.expression(depth)
        return cast(self.any_type(), e) if e.type.native else e

    def narrow(self, e: Expr, most: int) -> Expr:
        return cast(self.any_type(most), e) if e.type.width > most else e

    def expression(self, depth: int) -> Expr:
        if depth <= 0 or self.rng.random() < 0.12:
            return self.leaf()
        kinds = [self.binary] * 9 + [self.shift] * 3 + [self.unary, self.choice, self.choice, self.narrower]
        kinds += [self.slice, self.slice, self.concat, self.compare_bit, self.call, self.lane_of]
        found = self.rng.choice(kinds)(depth - 1)
        return self.narrow(found, self.most)

    def binary(self, depth: int) -> Expr:
        a, b = self.expression(depth), self.expression(depth)
        op = self.rng.choice(["+", "+", "+", "-", "-", "*", "*", "&", "|", "^"])
        if op == "*":
            a, b = self.narrow(a, 70), self.narrow(b, 70)
        if a.type.native and b.type.native:
            a = cast(self.any_type(40), a)
        x, y = a.type, b.type
        common = max(x.width + (y.signed and not x.signed), y.width + (x.signed and not y.signed))
        signed = x.signed or y.signed
        if op == "*":
            return Expr("bin", Type(x.width + y.width, signed), (a, b), op)
        width = common + (op in "+-")
        return Expr("bin", Type(width, signed or op == "-"), (a, b), op)

    def shift(self, depth: int) -> Expr:
        a = self.ours(depth)
        op = self.rng.choice(["<<", ">>", ">>"])
        if self.rng.random() < 0.5:
            return Expr("bin", a.type, (a, const(self.rng.randrange(a.type.width + 2), INT)), op)
        amount = cast(Type(self.rng.randint(1, 8), self.rng.random() < 0.2), self.expression(depth - 1))
        return Expr("bin", a.type, (a, amount), op)

    def unary(self, depth: int) -> Expr:
        a = self.ours(depth)
        if self.rng.random() < 0.5:
            return Expr("unary", a.type, (a,), "~")
        return Expr("unary", Type(max(a.type.width, 1 + a.type.signed) + 1, True), (a,), "-")

    def choice(self, depth: int) -> Expr:
        kind = self.any_type()
        arms = [Expr("cast", kind, (self.expression(depth),)) for _ in range(2)]
        return Expr("tern", kind, (self.condition(depth), *arms))

    def narrower(self, depth: int) -> Expr:
        return cast(self.any_type(), self.expression(depth))

    def slice(self, depth: int) -> Expr:
        """Return a range or a bit, at a constant or a bounded run-time place."""
        a, rng = self.variable(depth), self.rng
        width = a.type.width
        if rng.random() < 0.6:
            low = rng.randrange(width)
            high = rng.randint(low, width - 1)
            return Expr("range", Type(high - low + 1, False), (a,), (high, low))
        room = rng.randint(1, width)
        bits = bits_for(width - room + 1)
        at = const(rng.randrange(width - room + 1), INT)
        if bits:
            at = Expr("method", INT, (cast(Type(bits, False), self.expression(depth - 1)),), "to_int")
        if room == 1 and rng.random() < 0.7:
            return Expr("bit", Type(1, False), (a, at))
        return Expr("dynrange", Type(room, False), (a, at))

    def variable(self, depth: int) -> Expr:
        """Return something of an exactly known type, as a range needs."""
        known = [e for e in self.scope if not e.type.native]
        if known and self.rng.random() < 0.7:
            return self.rng.choice(known)
        kind = self.any_type()
        return Expr("cast", kind, (self.expression(depth),))

    def concat(self, depth: int) -> Expr:
        parts = [self.variable(depth) for _ in range(2)]
        parts = [p if p.type.width <= 70 else Expr("cast", Type(9, False), (p,)) for p in parts]
        return Expr("concat", Type(sum(p.type.width for p in parts), False), tuple(parts))

    def compare_bit(self, depth: int) -> Expr:
        if self.rng.random() < 0.3:
            reduce = Expr("method", BOOL, (self.variable(depth),), self.rng.choice(["or_reduce", "and_reduce"]))
            return cast(Type(1, False), reduce)
        return cast(self.any_type(9), self.condition(depth))

    def call(self, depth: int) -> Expr:
        if self.rng.random() < 0.6:
            kind = self.any_type()
            return Expr("call", kind, tuple(Expr("cast", kind, (self.expression(depth),)) for _ in range(2)), "largest")
        kind = self.any_type(24)
        name = f"ones<{kind.text}, {kind.width}>"
        return Expr("call", Type(9, False), (cast(kind, self.expression(depth)),), name)

    def lane_of(self, depth: int) -> Expr:
        """Return lane k of a word in an unrolled loop, elsewhere any expression."""
        wide = [e for e in self.scope if not e.type.native and self.lane and e.type.width >= self.lanes]
        if not wide:
            return self.expression(depth)
        a = self.rng.choice(wide)
        return Expr("lane", Type(self.rng.randint(1, a.type.width // self.lanes), False), (a,), self.lane)

    def condition(self, depth: int) -> Expr:
        rng = self.rng
        draw = rng.random()
        if draw < 0.15 and depth > 0:
            return Expr("logic", BOOL, (self.condition(depth - 1), self.condition(depth - 1)), rng.choice(["&&", "||"]))
        if draw < 0.2 and depth > 0:
            return Expr("unary", BOOL, (self.condition(depth - 1),), "!")
        op = rng.choice(["==", "!=", "<", "<=", ">", ">="])
        if draw < 0.4:
            return Expr("cmp", BOOL, (self.index, const(rng.randrange(self.trip + 1), INT)), op)
        a = self.ours(depth - 1)
        if rng.random() < 0.5:
            return Expr("cmp", BOOL, (a, const(self.pattern(a.type), Type(max(2, min(a.type.width, 31)), True))), op)
        return Expr("cmp", BOOL, (a, self.expression(depth - 1)), op)
