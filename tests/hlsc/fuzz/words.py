# SPDX-License-Identifier: Apache-2.0
"""Random structs in streams: nested, with arrays of numbers and of structs, kept and changed member by member."""

from __future__ import annotations

from .expressions import Expressions
from .model import BOOL, INT, Decl, Expr, Member, Stmt, Stream, Type, cast, const, parts, struct

NATIVE = (BOOL, INT, Type(16, True, "short"), Type(32, False, "unsigned"))


class Words(Expressions):
    """Draws the types of streams, and reads and writes of structs."""

    decls: list[Decl]
    assignable: list[tuple[str, Type]]

    def fresh(self, stem: str) -> str:
        raise NotImplementedError

    def some(self) -> list[Stmt]:
        raise NotImplementedError

    def stream(self, name: str, mode: tuple[object, ...]) -> Stream:
        kind = self.struct(2, 512) if self.rng.random() < 0.15 else self.any_type()
        return Stream(name, kind, mode)

    def struct(self, depth: int, most: int) -> Type:
        rng, members, left = self.rng, [], most
        for n in range(rng.randint(1, 4)):
            dims = rng.choice([(), (), (2,), (3,), (2, 2)])
            room = left // (4 if len(dims) == 2 else dims[0] if dims else 1)
            if room < 32:
                continue
            draw = rng.random()
            inner = self.struct(depth - 1, min(room, 90)) if draw < 0.25 and depth else self.any_type(min(room, 130))
            kind = rng.choice(NATIVE) if draw > 0.85 else inner
            members.append(Member(f"m{n}", kind, dims))
            left -= kind.width * (room and left // room)
        members = members or [Member("m9", self.any_type(most), ())]
        return struct(self.fresh("S"), members)

    def take_struct(self, stream: Stream) -> list[Stmt]:
        """Read a struct, in every iteration or in some; elsewhere it is what it was."""
        rng, name, i = self.rng, self.fresh("x"), self.index
        self.decls.append(Decl(name, stream.type, (), [rng.getrandbits(stream.type.width)], rng.random() < 0.3))
        self.scope += parts(stream.type, name)
        read = Stmt("take", name, attr=stream.name)
        if stream.mode[0] not in ("every", "first"):
            if stream.mode[0] != "headed":
                stream.mode = ("always",)
            return [read]
        when = Expr("cmp", BOOL, (i, const(stream.mode[1], INT)), "<")
        if stream.mode[0] == "every":
            masked = Expr("bin", INT, (i, const(stream.mode[1] - 1, INT)), "&")
            when = Expr("cmp", BOOL, (masked, const(stream.mode[2], INT)), "==")
        return [Stmt("if", value=when, bodies=[[read, *self.some()]])]

    def write_struct(self, stream: Stream) -> list[Stmt]:
        """Write a copy of a struct that was read, or a new one, with members set."""
        rng, name = self.rng, self.fresh("o")
        first = Expr("const", stream.type, (), rng.getrandbits(stream.type.width))
        body = [Stmt("let", name, stream.type, value=first)]
        for part in parts(stream.type, name):
            if rng.random() < 0.85:
                value = cast(part.type, self.expression(1))
                body.append(Stmt("member", name, attr=part.attr, value=value))
        return [*body, Stmt("write", stream.name, value=Expr("var", stream.type, (), name))]
