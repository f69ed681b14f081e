# SPDX-License-Identifier: Apache-2.0
"""Multiplications bound to multiplier blocks become blocks."""

from __future__ import annotations

from collections.abc import Sequence

from hwgen.hlsc import ir
from hwgen.hlsc.back.build import Builder
from hwgen.hlsc.back.delays import DelayModel
from hwgen.hlsc.back.dsp import single
from hwgen.hlsc.back.normalise import rebuild


def bound(value: ir.Value) -> bool:
    """Tell whether a value is a multiplication that a directive binds to a multiplier block."""
    return value.opcode == "mul" and value.bind is not None and value.bind.impl == "dsp"


def bind_products(process: ir.Process, model: DelayModel) -> ir.Process:
    """Return the process with its bound multiplications in multiplier blocks.

    Raises
    ------
    HlsError
        For a multiplication that does not fit a block of the family.
    """
    if not any(bound(v) for v in process.values):
        return process

    def translate(b: Builder, value: ir.Value, args: Sequence[int]) -> int:
        if bound(value):
            return single(b, model, value, args)
        return b.op(value.opcode, value.width, args, value.attr)

    return rebuild(process, translate)
