# SPDX-License-Identifier: Apache-2.0
"""Functions of one activation, a line each: all become a table or thresholds at the next quantiser."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from hwgen.graph.source import SourceNode
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.ops.lowering import Lowering
from hwgen.ops.mapping import mapped, quiet
from hwgen.ops.signature import NUMBER, Signature, one_of
from hwgen.ops.values import Reals

Attrs = Mapping[str, Any]
GELU = one_of("none", "tanh")
SELU = (1.67326319217681884765625, 1.05070102214813232421875)
"""Defaults of ONNX's Selu, alpha and gamma."""
LEAK = float(np.float32(0.01))
"""Default slope of LeakyRelu below zero."""


@dataclass(frozen=True)
class Function:
    """A real function in float64.

    Parameters
    ----------
    compute
        Takes values, and the node's attributes with the defaults filled in.
    rises
        Whether the function never falls, from the attributes.
    defaults
        Attributes that a file may leave out.
    """

    compute: Callable[[Reals, Attrs], Reals]
    rises: Callable[[Attrs], bool] = lambda a: False
    defaults: tuple[tuple[str, Any], ...] = ()


def _always(a: Attrs) -> bool:
    return True


def _alpha(a: Attrs) -> bool:
    return bool(a["alpha"] >= 0)


def _erf(x: Reals) -> Reals:
    return np.asarray(np.frompyfunc(math.erf, 1, 1)(x), dtype=np.float64)


def _sigmoid(x: Reals) -> Reals:
    return np.asarray(1 / (1 + np.exp(-x)))


def _softplus(x: Reals) -> Reals:
    return np.asarray(np.logaddexp(0, x))


def _gelu(x: Reals, a: Attrs) -> Reals:
    if a["approximate"] in ("tanh", b"tanh"):
        return np.asarray(0.5 * x * (1 + np.tanh(math.sqrt(2 / math.pi) * (x + 0.044715 * x**3))))
    return np.asarray(0.5 * x * (1 + _erf(x / math.sqrt(2))))


def _negative_part(x: Reals, below: Reals) -> Reals:
    return np.where(x < 0, below, x)


def _plain(function: Callable[[Reals], Any]) -> Callable[[Reals, Attrs], Reals]:
    return lambda x, a: np.asarray(function(x), dtype=np.float64)


FUNCTIONS: dict[str, Function] = {
    "Abs": Function(_plain(np.abs)),
    "Acos": Function(_plain(np.arccos)),
    "Acosh": Function(_plain(np.arccosh), _always),
    "Asin": Function(_plain(np.arcsin), _always),
    "Asinh": Function(_plain(np.arcsinh), _always),
    "Atan": Function(_plain(np.arctan), _always),
    "Atanh": Function(_plain(np.arctanh), _always),
    "Celu": Function(
        lambda x, a: np.maximum(x, 0) + np.minimum(0, a["alpha"] * np.expm1(x / a["alpha"])),
        lambda a: bool(a["alpha"] > 0), (("alpha", 1.0),)
    ),
    "Cos": Function(_plain(np.cos)),
    "Cosh": Function(_plain(np.cosh)),
    "Elu": Function(lambda x, a: _negative_part(x, a["alpha"] * np.expm1(x)), _alpha, (("alpha", 1.0),)),
    "Erf": Function(_plain(_erf), _always),
    "Exp": Function(_plain(np.exp), _always),
    "Gelu": Function(_gelu, defaults=(("approximate", "none"),)),
    "HardSwish": Function(lambda x, a: x * np.clip(x / 6 + 0.5, 0, 1)),
    "LeakyRelu": Function(lambda x, a: _negative_part(x, a["alpha"] * x), _alpha, (("alpha", LEAK),)),
    "Log": Function(_plain(np.log), _always),
    "Mish": Function(lambda x, a: x * np.tanh(_softplus(x))),
    "Reciprocal": Function(_plain(np.reciprocal)),
    "Selu": Function(
        lambda x, a: a["gamma"] * _negative_part(x, a["alpha"] * np.expm1(x)),
        lambda a: bool(a["alpha"] >= 0 and a["gamma"] >= 0), (("alpha", SELU[0]), ("gamma", SELU[1])),
    ),
    "Sigmoid": Function(_plain(_sigmoid), _always),
    "Sign": Function(_plain(np.sign), _always),
    "Sin": Function(_plain(np.sin)),
    "Sinh": Function(_plain(np.sinh), _always),
    "Softplus": Function(_plain(_softplus), _always),
    "Softsign": Function(_plain(lambda x: x / (1 + np.abs(x))), _always),
    "Sqrt": Function(_plain(np.sqrt), _always),
    "Swish": Function(lambda x, a: x * _sigmoid(a["alpha"] * x), defaults=(("alpha", 1.0),)),
    "Tan": Function(_plain(np.tan)),
    "Tanh": Function(_plain(np.tanh), _always),
    "ThresholdedRelu": Function(lambda x, a: np.where(x > a["alpha"], x, 0), _alpha, (("alpha", 1.0),)),
}  # fmt: skip


class FunctionOp(ElementwiseOp):
    """A function of one activation: a table, or thresholds where it never falls and its input is wide."""

    onnx = tuple(FUNCTIONS)
    signatures: ClassVar = {
        name: Signature(attrs={key: GELU if key == "approximate" else NUMBER for key, _ in function.defaults})
        for name, function in FUNCTIONS.items()
    }
    needs_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Bind the function; hardware appears at the next quantiser."""
        function = FUNCTIONS[node.op]
        attrs = {**dict(function.defaults), **node.attrs}
        value = mapped(ctx, node, ctx.activation(node, node.inputs[0]))
        compute = quiet(lambda x: function.compute(x, attrs))
        ctx.bind(node.outputs[0], value.through(compute, int(function.rises(attrs))))
