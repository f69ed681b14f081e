# SPDX-License-Identifier: Apache-2.0
"""Small ONNX models for the front end's tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def make(
    nodes: Sequence[onnx.NodeProto],
    inputs: Mapping[str, Sequence[int | str | None]],
    outputs: Sequence[str],
    constants: Mapping[str, Any] | None = None,
    *,
    opset: int = 13,
    kind: int = TensorProto.FLOAT,
    out_kind: int = TensorProto.FLOAT,
) -> onnx.ModelProto:
    graph = helper.make_graph(
        list(nodes),
        "g",
        [helper.make_tensor_value_info(name, kind, shape) for name, shape in inputs.items()],
        [helper.make_tensor_value_info(name, out_kind, None) for name in outputs],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in (constants or {}).items()],
    )
    domains = sorted({node.domain for node in nodes} - {""})
    imports = [helper.make_opsetid("", opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
    model = helper.make_model(graph, opset_imports=imports)
    model.ir_version = 8
    return model


def node(op: str, inputs: Sequence[str], outputs: Sequence[str] | str, name: str = "", **attrs: Any) -> onnx.NodeProto:
    made = [outputs] if isinstance(outputs, str) else list(outputs)
    return helper.make_node(op, list(inputs), made, name=name or made[0], **attrs)


def quant(
    x: str, y: str, params: Sequence[str], op: str = "Quant", domain: str = "qonnx.custom_op.general", **attrs: Any
) -> onnx.NodeProto:
    if op in ("Quant", "IntQuant"):
        attrs = {"signed": 1, "narrow": 0, "rounding_mode": "ROUND", **attrs}
    return helper.make_node(op, [x, *params], [y], name=f"{op}_{y}", domain=domain, **attrs)


def f32(value: Any) -> np.ndarray[Any, np.dtype[np.float32]]:
    return np.asarray(value, np.float32)


def save(model: onnx.ModelProto, folder: Path, name: str = "net.onnx") -> Path:
    path = folder / name
    path.write_bytes(model.SerializeToString())
    return path
