# SPDX-License-Identifier: Apache-2.0
"""Infer the shape and element type of every tensor."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import onnx
from onnx import helper, shape_inference

from hwgen.errors import Problem, UserError
from hwgen.frontend.draft import QONNX_OPS, Draft, to_proto
from hwgen.frontend.quant_nodes import expand
from hwgen.graph.source import SourceNode

Shapes = Mapping[str, tuple[int | None, ...]]
DTypes = Mapping[str, np.dtype[Any]]


def standard_model(draft: Draft, name: str = "model") -> onnx.ModelProto:
    """Return the draft as a model of standard operators, tensor names kept."""
    nodes, constants = expand(draft.nodes, draft.constants, draft.names())
    return to_proto(draft, nodes, constants, name)


def infer(draft: Draft) -> tuple[Shapes, DTypes]:
    """Return the shape and the element type of every tensor as far as they can be known.

    Quantisers keep the shape of their input, so their parameters need not be constant yet.
    """
    nodes = [_stand_in(node) if node.op in QONNX_OPS else node for node in draft.nodes]
    return types_of(with_types(to_proto(draft, nodes, draft.constants, "shapes")))


def _stand_in(node: SourceNode) -> SourceNode:
    return SourceNode(node.name, "Identity", node.inputs[:1], node.outputs)


def with_types(model: onnx.ModelProto, *, strict: bool = False) -> onnx.ModelProto:
    """Return the model with the shapes and types of its tensors written into it.

    Values of small constants are followed, unless there is a `Range`, whose every number would be written out before
    anything could bound them; what depends on those is known once they are folded.

    Raises
    ------
    UserError
        Shapes or types contradict each other; with `strict`, every contradiction counts.
    """
    values = all(node.op_type != "Range" for node in model.graph.node)
    try:
        return shape_inference.infer_shapes(model, check_type=strict, strict_mode=strict, data_prop=values)
    except Exception as error:
        raise UserError(
            f"The shapes or types of the model contradict each other: {plain(error)}",
            hint="Run onnx.checker.check_model(path, full_check=True) on the file for more.",
        ) from error


def types_of(model: onnx.ModelProto) -> tuple[Shapes, DTypes]:
    """Return what a model says about the shape and element type of its tensors."""
    shapes: dict[str, tuple[int | None, ...]] = {t.name: tuple(t.dims) for t in model.graph.initializer}
    dtypes = {t.name: _dtype(t.data_type) for t in model.graph.initializer}
    for info in (*model.graph.input, *model.graph.value_info, *model.graph.output):
        tensor = info.type.tensor_type
        if tensor.elem_type:
            dtypes[info.name] = _dtype(tensor.elem_type)
        if tensor.HasField("shape"):
            shapes[info.name] = tuple(d.dim_value if d.HasField("dim_value") else None for d in tensor.shape.dim)
    return shapes, dtypes


def _dtype(elem_type: int) -> np.dtype[Any]:
    dtype: np.dtype[Any] = helper.tensor_dtype_to_np_dtype(elem_type)
    return dtype


def complete(draft: Draft, shapes: Shapes, dtypes: DTypes) -> tuple[dict[str, tuple[int, ...]], DTypes]:
    """Return shapes and types of the draft's own tensors, all of them known.

    Raises
    ------
    UserError
        Shapes depend on data; the nodes where that begins are listed.
    """
    known: dict[str, tuple[int, ...]] = {}
    for name in draft.names():
        shape = shapes.get(name)
        if name and shape is not None and name in dtypes and all(size is not None for size in shape):
            known[name] = tuple(int(size) for size in shape if size is not None)
    problems = [
        Problem(
            f"The shape of tensor {name} depends on data; hardware needs fixed shapes.",
            node.name,
            "Simplify the model before export, or fix the input shapes.",
        )
        for node in draft.nodes
        for name in node.outputs
        if name and name not in known and all(source in known for source in node.inputs if source)
    ]
    if problems:
        raise UserError(problems)
    return known, {name: dtypes[name] for name in known}


def plain(error: Exception) -> str:
    """Return an ONNX library's message as one line without its source locations, ending in a full stop."""
    text = " ".join(line.strip() for line in str(error).splitlines() if line.strip()) or type(error).__name__
    text = re.sub(r"\[?\(?/[^ ]*\.(cc|h):\d+[^ \]]*\]?:?\s*", "", text)
    text = re.sub(r"\[\w*Error\]\s*:?\s*", "", text)
    return (text[:297] + "..." if len(text) > 300 else text).rstrip(". ") + "."
