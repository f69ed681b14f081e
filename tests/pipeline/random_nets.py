# SPDX-License-Identifier: Apache-2.0
"""Small random quantised networks in QONNX: legal, but with odd shapes, widths, scales and signs."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

DOMAIN = "qonnx.custom_op.general"


@dataclass
class Net:
    """A network in the making; `tensor` and `shape` are what the next layer reads."""

    rng: np.random.Generator
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, np.ndarray[Any, Any]] = field(default_factory=dict)
    tensor: str = "x"
    shape: tuple[int, ...] = ()

    def constant(self, value: Any) -> str:
        name = f"c{len(self.constants)}"
        self.constants[name] = np.asarray(value, np.float32)
        return name

    def node(self, op: str, inputs: list[str], domain: str = "", **attrs: Any) -> str:
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, inputs, [f"t_{name}"], name, domain=domain, **attrs))
        return f"t_{name}"

    def scale(self, count: int = 1) -> np.ndarray[Any, Any]:
        return (2.0 ** self.rng.uniform(-4, 0, count)).astype(np.float32)

    def quant(self, tensor: str, bits: int, *, signed: bool, scale: Any, narrow: bool = False) -> str:
        inputs = [tensor, self.constant(scale), self.constant(0.0), self.constant(float(bits))]
        attrs = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": "ROUND"}
        return self.node("Quant", inputs, DOMAIN, **attrs)

    def weight(self, shape: tuple[int, ...]) -> str:
        """Return a quantised weight with a scale for each output channel (axis 0)."""
        bits = int(self.rng.integers(2, 6))
        scale = self.scale(shape[0]).reshape(-1, *[1] * (len(shape) - 1))
        values = self.rng.integers(-(1 << (bits - 1)) + 1, 1 << (bits - 1), shape) * scale
        return self.quant(self.constant(values), bits, signed=True, scale=scale, narrow=True)

    def activate(self) -> None:
        """Batch normalisation (half of the time), Relu (half of the time), quantiser."""
        channels = self.shape[1]
        if self.rng.random() < 0.5:
            gamma, beta = self.rng.normal(0, 1, channels), self.rng.normal(0, 1, channels)
            mean, var = self.rng.normal(0, 1, channels), self.rng.uniform(0.1, 4, channels)
            rest = [self.constant(v) for v in (gamma, beta, mean, var)]
            self.tensor = self.node("BatchNormalization", [self.tensor, *rest])
        relu = self.rng.random() < 0.5
        if relu:
            self.tensor = self.node("Relu", [self.tensor])
        bits = int(self.rng.integers(2, 6))
        self.tensor = self.quant(self.tensor, bits, signed=not relu, scale=self.scale() * 4)

    def dense(self) -> None:
        outputs = int(self.rng.integers(1, 9))
        if len(self.shape) == 4:
            self.tensor = self.node("Flatten", [self.tensor])
            self.shape = (1, int(np.prod(self.shape)))
        weight = self.node("Transpose", [self.weight((outputs, self.shape[1]))], perm=[1, 0])
        self.tensor, self.shape = self.node("MatMul", [self.tensor, weight]), (1, outputs)

    def conv(self) -> None:
        _, channels, height, width = self.shape
        kernel = [int(self.rng.integers(1, min(3, n) + 1)) for n in (height, width)]
        strides = [int(n) for n in self.rng.integers(1, 3, 2)]
        pads = [int(self.rng.integers(0, kernel[i % 2])) for i in range(4)]
        depthwise = channels > 1 and self.rng.random() < 0.3
        outputs = channels if depthwise else int(self.rng.integers(1, 7))
        weight = self.weight((outputs, 1 if depthwise else channels, *kernel))
        group = channels if depthwise else 1
        attrs = {"kernel_shape": kernel, "strides": strides, "pads": pads, "group": group}
        self.tensor = self.node("Conv", [self.tensor, weight], **attrs)
        size = [(n + pads[i] + pads[i + 2] - kernel[i]) // strides[i] + 1 for i, n in enumerate((height, width))]
        self.shape = (1, outputs, *size)

    def pool(self) -> None:
        _, channels, height, width = self.shape
        if height < 2 or width < 2:
            return
        self.tensor = self.node("MaxPool", [self.tensor], kernel_shape=[2, 2], strides=[2, 2])
        self.shape = (1, channels, height // 2, width // 2)


def random_net(seed: int) -> onnx.ModelProto:
    """Return a network of one to four layers; the same for the same seed."""
    rng = np.random.default_rng(seed)
    image = rng.random() < 0.6
    shape = (
        (1, int(rng.integers(1, 5)), *(int(n) for n in rng.integers(3, 8, 2)))
        if image
        else (1, int(rng.integers(2, 20)))
    )
    net = Net(rng, shape=shape)
    net.tensor = net.quant("x", int(rng.integers(2, 9)), signed=bool(rng.integers(2)), scale=net.scale())
    for index in range(int(rng.integers(1, 4))):
        if index:
            net.activate()
        if image and len(net.shape) == 4 and rng.random() < 0.75:
            net.conv()
            net.activate()
            if rng.random() < 0.4:
                net.pool()
        else:
            net.dense()
    if len(net.shape) == 4:
        net.dense()
    outputs = [helper.make_tensor_value_info(net.tensor, TensorProto.FLOAT, net.shape)]
    inputs = [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)]
    constants = [numpy_helper.from_array(value, name) for name, value in net.constants.items()]
    graph = helper.make_graph(net.nodes, f"random_{seed}", inputs, outputs, constants)
    opsets = [helper.make_opsetid("", 13), helper.make_opsetid(DOMAIN, 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=9)
