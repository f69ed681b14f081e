# SPDX-License-Identifier: Apache-2.0
"""How a quantised tensor of the host enters the hardware: the integer tensor, and the ONNX tensor's view of it."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from hwgen.graph.source import SourceModel
from hwgen.ops.values import View

_CHANNELS_SECOND = frozenset(
    {"Conv", "ConvTranspose", "MaxPool", "AveragePool", "GlobalMaxPool", "GlobalAveragePool", "BatchNormalization"}
)
_CHANNELS_LAST = frozenset({"MatMul", "Gemm", "LayerNormalization", "Softmax"})


def port_layout(model: SourceModel, name: str) -> tuple[tuple[int, ...], View] | None:
    """Return the shape of the integer tensor at a port, and the view that the ONNX tensor `name` is of it.

    Three axes are the pixels of a 1-D convolution, ``(1, C, L)`` over ``(1, C, 1, L)``, or tokens, ``(1, T, D)`` over
    ``(1, D, T, 1)``: what reads them first decides. None: no port can have that shape.
    """
    shape = model.shapes[name]
    if shape[:1] != (1,) or len(shape) not in (2, 3, 4) or min(shape) < 1:
        return None
    if len(shape) != 3:
        return shape, View(shape)
    _, rows, columns = shape
    if next(_readers(model, name), "") in _CHANNELS_LAST:
        return (1, columns, rows, 1), View(shape, np.arange(rows * columns, dtype=np.int64).reshape(columns, rows).T)
    return (1, rows, 1, columns), View(shape, np.arange(rows * columns, dtype=np.int64).reshape(rows, columns))


def _readers(model: SourceModel, name: str) -> Iterator[str]:
    """Yield the operators downstream of a tensor that say where its channels are, the nearest first."""
    reached = {name}
    for node in model.nodes:
        if reached.intersection(node.inputs):
            if node.op in _CHANNELS_SECOND | _CHANNELS_LAST:
                yield node.op
            elif node.op not in ("Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze"):
                reached.update(node.outputs)
