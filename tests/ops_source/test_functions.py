# SPDX-License-Identifier: Apache-2.0
"""Functions of one activation against onnxruntime: each in a table, and in thresholds where it may follow a sum."""

from __future__ import annotations

import numpy as np
import pytest

from hwgen.frontend.host import observed
from hwgen.frontend.reference import Reference
from hwgen.graph.source import SourceModel
from hwgen.ops.functions import FUNCTIONS
from hwgen.ops.lowering import Lowered
from hwgen.passes import golden
from hwgen.passes.lower import lower

from .models import Net, ops

POSITIVE = {"Log", "Sqrt"}
UNIT = {"Acos", "Asin", "Atanh"}
OPSETS = {"HardSwish": 14, "Gelu": 20, "Mish": 18, "Swish": 24}
ALPHAS = {"LeakyRelu": 0.25, "Celu": 0.5, "ThresholdedRelu": 0.75, "Elu": 2.0}


def start(net: Net, op: str, bits: int = 8) -> str:
    """Quantise the input to integers whose reals lie in the function's domain."""
    if op in POSITIVE:
        return net.quant("x", 1 / 16, bits, signed=0)
    if op == "Acosh":
        return net.node("Add", net.quant("x", 1 / 16, bits, signed=0), net.const(1.0))
    return net.quant("x", 1 / 128 if op in UNIT else 1 / 16, bits, narrow=int(op == "Atanh"))


def off_by(model: SourceModel, x: np.ndarray) -> tuple[Lowered, int]:
    """Return the lowered model, and how far it is from onnxruntime at any observed tensor, in steps."""
    lowered, reference = lower(model), Reference(model)
    seen = observed(lowered, reference, {model.inputs[0]: x})
    run = golden.run(lowered.graph, {o.tensor: seen[o.tensor] for o in lowered.inputs})
    known = [o.tensor for o in (*lowered.observations, *lowered.outputs)]
    assert known
    return lowered, max(int(np.abs(run[name] - seen[name]).max()) for name in known)


def every(count: int = 256, low: float = -8.0) -> np.ndarray:
    """Return all inputs of an 8-bit quantiser as frames of four."""
    return (low + np.arange(count, dtype=np.float32) / 16).reshape(-1, 4)


@pytest.mark.parametrize("op", sorted(set(FUNCTIONS) - {"Swish"}))
def test_a_function_of_integers_is_a_table(op: str) -> None:
    net = Net((1, 4), opset=OPSETS.get(op, 13))
    attrs = {"alpha": ALPHAS[op]} if op in ALPHAS else {}
    y = net.quant(net.node(op, start(net, op), **attrs), 1 / 16, 8)
    frames = every(low=0.0 if op in POSITIVE | {"Acosh"} else -8.0) / (8 if op in UNIT else 1)
    lowered, off = off_by(net.build(y), frames)
    assert ops(lowered) in (["table"], [])
    assert off <= 1
