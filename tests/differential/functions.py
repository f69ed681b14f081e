# SPDX-License-Identifier: Apache-2.0
"""Random functions of one activation, by what float32 makes of them: exactly, or nearly, their values."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .builder import Builder, Tensor

ROUNDED = ("Sigmoid", "Tanh", "Elu", "Softplus", "Softsign", "Selu", "Atan")
"""Functions that never fall, and that onnxruntime rounds."""


def rising(b: Builder, x: Tensor) -> Tensor:
    """Return a function that never falls of an activation of any kind."""
    op = b.pick(("LeakyRelu", "PRelu", "HardSigmoid", "Max", "Min", *(() if b.exact else ROUNDED)))
    b.used(op.lower())
    if op == "LeakyRelu":
        return replace(x, name=b.op(op, [x.name], alpha=b.scale(0.2)), step=None)
    if op == "PRelu":
        slopes = b.scales(0.2, x.shape[1]) if b.chance(0.5) else b.scales(0.2, 1)
        column = [-1, *[1] * (len(x.shape) - 2)]
        return replace(x, name=b.op(op, [x.name, b.const(slopes.reshape(column))]), step=None)
    if op == "HardSigmoid":
        alpha = b.scale(0.3 / x.rms)
        return replace(x, name=b.op(op, [x.name], alpha=alpha, beta=0.5), rms=0.5, step=None)
    if op in ("Max", "Min"):
        bound = b.const([b.scale(x.rms / 2) * (1 if op == "Min" else -1)])
        return replace(x, name=b.op(op, [bound, x.name] if b.chance(0.5) else [x.name, bound]), step=None)
    name = b.op("Mul", [x.name, b.const(np.float32(1 / x.rms))])
    return replace(x, name=b.op(op, [name]), rms=0.6, step=None)


def any_function(b: Builder, x: Tensor) -> Tensor:
    """Return a function of a quantised activation that may rise and fall."""
    op = b.pick(("Abs", "Where", "Square", *(() if b.exact else ("HardSwish", "Gelu", "Silu", "Exp", "Sin"))))
    b.used(op.lower())
    if op == "Abs":
        return replace(x, name=b.op(op, [x.name]), step=None)
    if op == "Where":
        small = b.op("Less", [x.name, b.const(b.scale(x.rms) / 3)])
        return replace(x, name=b.op(op, [small, b.op("Neg", [x.name]), b.const(b.scale(x.rms))]), step=None)
    if op == "Square":
        return replace(x, name=b.op("Mul", [x.name, x.name]), rms=1.7 * x.rms**2, step=None)
    if op in ("Exp", "Sin"):
        name = b.op("Mul", [x.name, b.const(np.float32(1 / x.rms))])
        return replace(x, name=b.op(op, [name]), rms=1.5, step=None)
    if op == "Gelu":
        inner = b.op("Add", [b.op("Tanh", [b.op("Div", [x.name, b.const(np.float32(1.25))])]), b.const(1.0)])
    elif op == "Silu":
        inner = b.op("Sigmoid", [x.name])
    else:
        line = b.op("Add", [x.name, b.const(3.0)])
        inner = b.clip(line, 0.0, 6.0)
    return replace(x, name=b.op("Mul", [x.name, inner]), step=None)
