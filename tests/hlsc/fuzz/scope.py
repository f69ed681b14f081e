# SPDX-License-Identifier: Apache-2.0
"""What the parts of a program's generator share: its random numbers, and what was declared so far."""

from __future__ import annotations

import random

from .model import INT, Decl, Expr, Type, const

WIDTHS = [*range(1, 9)] * 4 + [*range(9, 21)] * 2 + [23, 24, 31, 32, 33, 40, 48, 63, 64, 65, 77, 100, 128, 130]
WIDE = [*WIDTHS, 129, 150, 191, 192, 193, 255, 256, 257, 300, 320, 333, 400, 449, 511, 512, 512]


class Scope:
    """Random types and constants, and what expressions and statements may use at this place."""

    def __init__(self, seed: int) -> None:
        self.rng = random.Random(seed)
        wide = self.rng.random() < 0.1
        self.widths, self.most = (WIDE, 530) if wide else (WIDTHS, 150)
        self.trip = self.rng.choice([1, 2, 3, 5, 8, 9, 12, 16, 16, 20, 24, 31, 32, 40])
        self.index = Expr("var", INT, (), "i")
        """The number of the iteration; a constant outside of the loop."""
        self.lane, self.lanes = "", 0
        """The counter of the unrolled loop around, and its trip count."""
        self.decls: list[Decl] = []
        self.scope: list[Expr] = []
        """Variables, and members of structs, that may be read."""
        self.arrays: list[Decl] = []
        self.assignable: list[tuple[str, Type]] = []
        self._count = 0

    def fresh(self, stem: str) -> str:
        self._count += 1
        return f"{stem}{self._count}"

    def any_type(self, most: int = 512) -> Type:
        return Type(self.rng.choice([w for w in self.widths if w <= most]), self.rng.random() < 0.45)

    def pattern(self, kind: Type) -> int:
        w = kind.width if kind.width > 63 and self.rng.random() < 0.3 else min(kind.width, 63)
        return const(self.rng.choice([0, 1, -1, 1 << (w - 1), *[self.rng.getrandbits(w)] * 4]), Type(w, True)).attr
