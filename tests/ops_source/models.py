# SPDX-License-Identifier: Apache-2.0
"""Small ONNX models, written in a line or two, and their comparison with onnxruntime.

Scales are powers of two wherever results must be equal bit for bit: float32 is exact then, and so is onnxruntime.
"""

from __future__ import annotations

import tempfile
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

import hwgen
from hwgen.frontend import load
from hwgen.frontend.host import observed, to_outputs, to_ports
from hwgen.frontend.reference import Reference, run_once
from hwgen.graph import Node
from hwgen.graph.source import SourceModel
from hwgen.ops.lowered import Lowered
from hwgen.passes import golden
from hwgen.passes.lower import lower
from hwgen.verify.parity import measure

QONNX = "qonnx.custom_op.general"
Array = npt.NDArray[Any]


class Net:
    """Builds an ONNX model node by node; methods return tensor names."""

    def __init__(self, shape: Sequence[int], dtype: int = TensorProto.FLOAT, opset: int = 13) -> None:
        self.inputs = [helper.make_tensor_value_info("x", dtype, list(shape))]
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, Array] = {}
        self.opset = opset

    def const(self, array: Any, dtype: Any = np.float32) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(array, dtype)
        return name

    def node(self, op: str, *inputs: str, domain: str = "", name: str = "", **attrs: Any) -> str:
        out = f"t{len(self.nodes)}"
        label = name or f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=label, domain=domain, **attrs))
        return out

    def quant(
        self,
        x: str,
        scale: Any = 1.0,
        bits: float = 8,
        zero: float = 0,
        signed: int = 1,
        narrow: int = 0,
        mode: str = "ROUND",
        op: str = "Quant",
    ) -> str:
        inputs = (x, self.const(scale), self.const(zero), self.const(bits))
        return self.node(op, *inputs, domain=QONNX, signed=signed, narrow=narrow, rounding_mode=mode)

    def weights(self, array: Any, scale: Any = 1.0, bits: float = 8) -> str:
        return self.quant(self.const(np.asarray(array) * np.asarray(scale)), scale, bits)

    def q(self, x: str, scale: Any, zero: int, dtype: Any = np.int8, **attrs: Any) -> str:
        return self.node("QuantizeLinear", x, self.const(scale), self.const(zero, dtype), **attrs)

    def dq(self, x: str, scale: Any, zero: Any = 0, dtype: Any = np.int8, **attrs: Any) -> str:
        zeros = np.broadcast_to(np.asarray(zero), np.shape(scale))
        return self.node("DequantizeLinear", x, self.const(scale), self.const(zeros, dtype), **attrs)

    def qdq(self, x: str, scale: float, zero: int, dtype: Any = np.int8) -> str:
        return self.dq(self.q(x, scale, zero, dtype), scale, zero, dtype)

    def dq_weights(self, array: Any, scale: Any = 1.0, zero: Any = 0, dtype: Any = np.int8, **attrs: Any) -> str:
        return self.dq(self.const(array, dtype), scale, zero, dtype, **attrs)

    def proto(self, *outputs: str, types: Mapping[str, int] | None = None) -> onnx.ModelProto:
        """Return the model as the file holds it."""
        ends = [helper.make_tensor_value_info(o, (types or {}).get(o, TensorProto.FLOAT), None) for o in outputs]
        values = [numpy_helper.from_array(v, k) for k, v in self.constants.items()]
        graph = helper.make_graph(self.nodes, "net", self.inputs, ends, values)
        domains = sorted({QONNX, *(node.domain for node in self.nodes)} - {""})
        imports = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(domain, 1) for domain in domains)]
        return helper.make_model(graph, opset_imports=imports, ir_version=10 if self.opset > 18 else 8)

    def build(
        self, *outputs: str, types: Mapping[str, int] | None = None, input_types: Mapping[str, str] | None = None
    ) -> SourceModel:
        model = self.proto(*outputs, types=types)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "net.onnx"
            onnx.save(model, str(path))
            return load(path, input_types=input_types)


def ops(lowered: Lowered) -> list[str]:
    """Return the hardware operators in order."""
    return [node.op for node in lowered.graph.nodes]


def only(lowered: Lowered, op: str) -> Node:
    """Return the one node of an operator."""
    (node,) = [node for node in lowered.graph.nodes if node.op == op]
    return node


def free_run(model: SourceModel, x: Array) -> tuple[Lowered, Array, Array]:
    """Return the lowered model, hwgen's first output and onnxruntime's."""
    lowered, reference = lower(model), Reference(model)
    feeds = {model.inputs[0]: x}
    ints = golden.run(lowered.graph, to_ports(lowered, reference, feeds))
    ours = to_outputs(lowered, reference, ints)[model.outputs[0]]
    return lowered, ours, reference.run(feeds, [model.outputs[0]])[model.outputs[0]]


def assert_equal(model: SourceModel, x: Array) -> Lowered:
    """Require the free-running outputs and every observed tensor to equal onnxruntime's."""
    lowered, ours, theirs = free_run(model, x)
    np.testing.assert_array_equal(ours, theirs)
    reference = Reference(model)
    seen = observed(lowered, reference, {model.inputs[0]: x})
    run = golden.run(lowered.graph, {o.tensor: seen[o.tensor] for o in lowered.inputs})
    for observation in lowered.observations:
        np.testing.assert_array_equal(run[observation.tensor], seen[observation.tensor], observation.onnx)
    return lowered


def assert_close(model: SourceModel, x: Array, most: int = 1) -> Lowered:
    """Require every layer, fed onnxruntime's integers, to be within `most` steps of onnxruntime."""
    lowered, reference = lower(model), Reference(model)
    expected = observed(lowered, reference, {model.inputs[0]: x})
    found = measure(
        lowered.graph, partial(golden.evaluate, lowered.graph), expected, lowered.observations, lowered.outputs
    )
    assert found.layers and found.max_lsb <= most, [layer for layer in found.layers if layer.teacher.max_lsb > most]
    return lowered


def assert_built(
    net: Net, output: str, x: Array, folder: Path, target: str = "max_fps", kind: int = TensorProto.FLOAT
) -> dict[str, Any]:
    """Build a model through every stage; require csim and RTL to equal the golden model. Return the report."""
    onnx.save(net.proto(output, types={output: kind}), str(folder / "net.onnx"))
    np.savez(folder / "x.npz", x=x)
    (folder / "budget.yaml").write_text(f"board: zcu102\ntarget: {target}\n")
    paths = {"budget": folder / "budget.yaml", "inputs": folder / "x.npz", "out": folder / "out"}
    result = hwgen.build(folder / "net.onnx", sim="fast", **paths)
    verify = result.report["verify"]
    assert result.ok and verify["csim"]["mismatches"] == 0 and verify["rtl"]["mismatches"] == 0
    return dict(result.report)


def assert_as_written(net: Net, output: str, x: Array, kind: int = TensorProto.FLOAT, most: int = 0) -> Lowered:
    """Require the golden model to equal onnxruntime on the file as it is, to within `most`."""
    original = net.proto(output, types={output: kind})
    theirs = [run_once(original.SerializeToString(), {"x": frame[np.newaxis]}, [output])[output] for frame in x]
    lowered, ours, _ = free_run(net.build(output, types={output: kind}), x)
    np.testing.assert_allclose(ours.astype(np.float64), np.concatenate(theirs).astype(np.float64), rtol=0, atol=most)
    return lowered


def reals(shape: Sequence[int], seed: int = 0, step: float = 0.125, reach: int = 400) -> Array:
    """Return random multiples of `step`, halves and ties among them."""
    rng = np.random.default_rng(seed)
    return (rng.integers(-reach, reach, tuple(shape)) * step).astype(np.float32)
