# SPDX-License-Identifier: Apache-2.0
"""QuantizeLinear to 4 bits as one to 8 bits and a Clip: the same integers, which every implementation can put out."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from onnx import helper

from hwgen.frontend.dialects.rules import Rewriter, Rule, given
from hwgen.graph.source import Array, SourceNode

_WIDE = {"int4": (np.int8, -8, 7), "uint4": (np.uint8, 0, 15)}


def _quantise(w: Rewriter, node: SourceNode) -> None:
    """Write the zero point out where only `output_dtype` is given, and 4 bits as 8."""
    attrs = {key: value for key, value in node.attrs.items() if key not in ("output_dtype", "precision")}
    zero = w.known.get(node.inputs[2]) if given(node, 2) else _none(w, node)
    if zero is None:
        w.nodes.append(node)
        return
    wide = _WIDE.get(zero.dtype.name)
    kind = zero.dtype if wide is None else wide[0]
    point = w.const(f"{node.outputs[0]}__zero_point", zero.astype(kind), kind)
    w.op("QuantizeLinear", (*node.inputs[:2], point), node.outputs[0], **attrs)
    if wide is not None:
        ends = [w.const(f"{node.outputs[0]}__{name}", end, kind) for name, end in (("low", wide[1]), ("high", wide[2]))]
        w.op("Clip", (w.nodes[-1].outputs[0], *ends), node.outputs[0])
    w.finish(node)


def _none(w: Rewriter, node: SourceNode) -> Array | None:
    """Return a zero point of 0 in the type that `output_dtype` names."""
    scale = w.known.get(node.inputs[1])
    if scale is None or not node.attrs.get("output_dtype", 0):
        return None
    return np.zeros(scale.shape, helper.tensor_dtype_to_np_dtype(node.attrs["output_dtype"]))


def _dequantise(w: Rewriter, node: SourceNode) -> None:
    """Widen the zero point of an activation; weights keep their 4 bits."""
    zero = w.known.get(node.inputs[2]) if given(node, 2) else None
    if node.inputs[0] not in w.known and zero is not None and zero.dtype.name in _WIDE:
        kind = _WIDE[zero.dtype.name][0]
        point = w.const(f"{node.outputs[0]}__zero_point", zero.astype(kind), kind)
        node = SourceNode(node.name, node.op, (*node.inputs[:2], point), node.outputs, node.attrs)
    w.nodes.append(node)


RULES: Mapping[str, Rule] = {"QuantizeLinear": _quantise, "DequantizeLinear": _dequantise}
