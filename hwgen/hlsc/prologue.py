# SPDX-License-Identifier: Apache-2.0
"""A frame that begins with an iteration of its own: what stands before the loop, and what it leaves to the loop.

The state `running` is 0 in that iteration and 1 in those of the loop. What is computed before the loop and used in it
or after it is held in a register; a loop-carried local gets its first value from the iteration before the loop.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hwgen.hlsc.body import START
from hwgen.hlsc.flow import END
from hwgen.hlsc.llparse import Inst, Operand
from hwgen.hlsc.lltypes import Int
from hwgen.hlsc.names import source_name

if TYPE_CHECKING:
    from hwgen.hlsc.lower import Lowering


class Prologue:
    """The iteration before the loop of one function.

    Parameters
    ----------
    low
        The function being lowered; its body has a prologue.
    """

    def __init__(self, low: Lowering) -> None:
        self._low = low
        builder, body = low.builder, low.body
        self.running = self._register("running", 1)
        first = body.edges[START][0]
        low.flow.branch(START, {first: builder.invert(self.running), body.header.name: self.running})
        self._direct: dict[str, int] = {}
        self._held: dict[int, int] = {}

    def _register(self, name: str, width: int) -> int:
        label = self._low.names.unique(name, "s")
        register = self._low.builder.leaf("state", width, label)
        self._low.builder.label(register, label)
        return register

    def hold(self) -> None:
        """Give the blocks of the loop registers for what the prologue computed."""
        low = self._low
        inside = [inst for block in low.body.order if block.name in low.body.prologue for inst in block.insts]
        for inst in inside:
            if inst.name in low.env and low.builder.number(low.env[inst.name]) is None:
                self._direct[inst.name] = low.env[inst.name]
                low.env[inst.name] = self._holding(low.env[inst.name], source_name(inst.name))

    def _holding(self, value: int, name: str) -> int:
        """Return a value as a register kept it; of an extension only what it extends is kept."""
        builder = self._low.builder
        found = builder.values[value]
        if found.opcode in ("zext", "sext"):
            return builder.extend(self._holding(found.args[0], name), found.width, found.opcode == "sext")
        if value not in self._held:
            name = name or found.name or (str(found.attr) if found.opcode == "read" else "")
            self._held[value] = self._register(name, found.width)
        return self._held[value]

    def release(self) -> None:
        """Give the blocks after the loop what holds in both kinds of iteration, and the registers their next values."""
        builder = self._low.builder
        for name, direct in self._direct.items():
            self._low.env[name] = builder.select(self.running, self._low.env[name], direct)
        self._keep()

    def _keep(self) -> None:
        """Give the registers of what the prologue computed their next values."""
        for value, register in self._held.items():
            self._low.states.keep(register, 0, self._low.builder.select(self.running, register, value))
        self._held.clear()

    def arriving(self, edge: str, operand: Operand) -> int | None:
        """Return an operand of a join as it was computed, if `edge` is a block of the prologue."""
        if edge not in self._low.body.prologue or not isinstance(operand, str):
            return None
        return self._direct.get(operand)

    def leave(self, phis: list[Inst]) -> None:
        """Give `running` and the loop-carried locals their next values."""
        low, builder = self._low, self._low.builder
        self._keep()  # of a loop without end, which nothing follows
        latches = low.body.latches
        entries = [n for n in low.body.prologue if n not in latches and low.body.header.name in low.targets[n]]
        again = low.flow.ends(latches)
        low.states.keep(self.running, 0, builder.either(low.flow.ends(entries), again))
        for phi in phis:
            width = phi.type.width if isinstance(phi.type, Int) else 1
            pairs = dict(zip(phi.detail, phi.operands, strict=True))
            first, later = (
                {n: low.arriving(n, pairs[n], width) for n in names if pairs[n] is not None}
                for names in (entries, latches)
            )
            zeros = builder.const(0, width)
            start = low.flow.merge(END, first) if first else zeros
            following = builder.select(again, low.flow.merge(END, later) if later else zeros, start)
            low.states.keep(low.env[phi.name], builder.number(start) or 0, following)
