# SPDX-License-Identifier: Apache-2.0
"""What a budget allows on a board, in counts."""

from __future__ import annotations

from hwgen.budget_values import share
from hwgen.config import RESOURCES, Budget
from hwgen.errors import UserError
from hwgen.hw.board import Board, Resources

HEADROOM = 0.7
"""Share of a device that a design may use where the budget is silent: fuller devices rarely route."""


def limits_of(board: Board, budget: Budget) -> Resources:
    """Return the resources that the design may use, each a whole number.

    What is reserved comes off the device first; per cents are of the rest, of which `HEADROOM` is allowed where the
    budget names no limit. A limit beyond the rest is the rest.
    """
    left = board.resources - reserved_of(board, budget)
    allowed = {}
    for name in RESOURCES:
        has, wanted = getattr(left, name), getattr(budget.limits, name)
        allowed[name] = int(HEADROOM * has) if wanted is None else int(min(has, share(wanted, has)) + 1e-6)
    return Resources(**allowed)


def reserved_of(board: Board, budget: Budget) -> Resources:
    """Return what a shell takes of the device."""
    return Resources(
        **{name: share(getattr(budget.reserved, name), getattr(board.resources, name)) for name in RESOURCES}
    )


def bandwidth_of(board: Board, budget: Budget) -> float | None:
    """Return the bytes a second, in units of 10^9, that the design may move to and from memory; None if unknown.

    Raises
    ------
    UserError
        The limit is in per cent, and the board's file tells of no memories.
    """
    wanted, has = budget.limits.bandwidth_gbps, board.bandwidth_gbps
    if not board.memories:
        if isinstance(wanted, str):
            text = f"limits.bandwidth_gbps must be in GB/s, not {wanted!r}: board {board.name} names no memories."
            raise UserError(text, hint="Give a number, or memories: in the board's file.")
        return wanted
    return has if wanted is None else min(has, share(wanted, has))


def port_bits(board: Board, budget: Budget) -> int:
    """Return how wide an AXI4-Stream port may be."""
    return board.axis_bits if budget.ports.bits is None else budget.ports.bits
