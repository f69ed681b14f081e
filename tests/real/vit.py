# SPDX-License-Identifier: Apache-2.0
"""A float transformer block with quantisers put in by hand: 8 bits before everything that needs integers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from onnx import helper, numpy_helper

QONNX = "qonnx.custom_op.general"
NEEDS = ("MatMul", "LayerNormalization", "Softmax", "Add")


def quantised(path: Path, frames: npt.NDArray[np.float32]) -> onnx.ModelProto:
    """Return the model with every activation that `NEEDS` read quantised by its largest value over `frames`."""
    model = onnx.load(str(path))
    graph = model.graph
    constants = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    wanted = [name for node in graph.node if node.op_type in NEEDS for name in node.input if name not in constants]
    wanted += [port.name for port in graph.output]
    scales = {name: float(values) for name, values in _largest(model, list(dict.fromkeys(wanted)), frames).items()}
    unsigned = {node.output[0] for node in graph.node if node.op_type in ("Relu", "Softmax")}
    nodes: list[onnx.NodeProto] = []
    renamed: dict[str, str] = {}

    def quantise(name: str, largest: float, signed: int) -> str:
        out, levels = f"{name}_q", 127 if signed else 255
        for key, value in (("scale", largest / levels), ("zero", 0.0), ("bits", 8.0)):
            graph.initializer.append(numpy_helper.from_array(np.array(value, np.float32), f"{name}_{key}"))
        inputs = [name, f"{name}_scale", f"{name}_zero", f"{name}_bits"]
        attrs: dict[str, Any] = {"signed": signed, "narrow": 0, "rounding_mode": "ROUND"}
        nodes.append(helper.make_node("Quant", inputs, [out], f"{name}_quant", domain=QONNX, **attrs))
        renamed[name] = out
        return out

    ends = {port.name for port in graph.output}
    for node in graph.node:
        for at, name in enumerate(node.input):
            if node.op_type == "MatMul" and name in constants and name not in renamed:
                quantise(name, float(np.abs(constants[name]).max()), 1)
            node.input[at] = renamed.get(name, name)
        nodes.append(node)
        for name in node.output:
            if name in scales and name not in ends:
                quantise(name, scales[name], int(name not in unsigned))
            elif name in scales:
                inner = f"{name}_real"
                node.output[list(node.output).index(name)] = inner
                made = quantise(inner, scales[name], 1)
                nodes.append(helper.make_node("Identity", [made], [name], f"{name}_end"))
    del graph.node[:]
    graph.node.extend(nodes)
    model.opset_import.append(helper.make_opsetid(QONNX, 1))
    return model


def _largest(model: onnx.ModelProto, names: list[str], frames: npt.NDArray[np.float32]) -> dict[str, float]:
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    del copy.graph.output[:]
    copy.graph.output.extend(helper.make_empty_tensor_value_info(name) for name in names)
    session = onnxruntime.InferenceSession(copy.SerializeToString(), providers=["CPUExecutionProvider"])
    (port,) = session.get_inputs()
    runs = [session.run(names, {port.name: frame[np.newaxis]}) for frame in frames]
    return {name: max(float(np.abs(run[at]).max()) for run in runs) for at, name in enumerate(names)}
