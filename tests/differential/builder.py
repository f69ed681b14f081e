# SPDX-License-Identifier: Apache-2.0
"""What random networks are made with: seeded choices, ONNX nodes in the dialect of their opset, tensors with a size."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import numpy as np
import onnx
from onnx import helper, numpy_helper

T = TypeVar("T")
Array = np.ndarray[Any, np.dtype[Any]]


@dataclass(frozen=True)
class Tensor:
    """A real tensor of the network.

    `rms` is a guess of the size of its values; `step` is their distance where they are quantised, `bits` the width if
    the zero point is 0 (1 is bipolar), else 0.
    """

    name: str
    shape: tuple[int, ...]
    rms: float
    step: float | None = None
    bits: int = 0

    @property
    def features(self) -> int:
        return int(np.prod(self.shape[1:]))

    @property
    def is_map(self) -> bool:
        return len(self.shape) == 4


@dataclass(frozen=True)
class Feed:
    """A model input: its type, shape of one frame, and range."""

    name: str
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    low: float
    high: float

    def frames(self, count: int, rng: np.random.Generator) -> Array:
        """Return uniform frames; the last third sits in the corners of the range."""
        shape = (count, *self.shape[1:])
        values = rng.uniform(self.low, self.high, shape)
        corners = np.where(rng.random(shape) < rng.random((count, *[1] * (len(shape) - 1))), self.low, self.high)
        values[-(count // 3) :] = corners[-(count // 3) :]
        return (np.rint(values) if self.dtype.kind in "iu" else values).astype(self.dtype)


@dataclass
class Builder:
    """Collects nodes and constants; `exact` asks for numbers that float32 arithmetic keeps exact."""

    rng: np.random.Generator
    opset: int
    exact: bool
    nodes: list[onnx.NodeProto] = field(default_factory=list)
    constants: dict[str, Array] = field(default_factory=dict)
    feeds: list[Feed] = field(default_factory=list)
    features: list[str] = field(default_factory=list)
    count: int = 0

    # Choices --------------------------------------------------------------------------------------------------------

    def chance(self, probability: float) -> bool:
        return bool(self.rng.random() < probability)

    def pick(self, options: Sequence[T]) -> T:
        return options[int(self.rng.integers(len(options)))]

    def integer(self, low: int, high: int) -> int:
        return int(self.rng.integers(low, high, endpoint=True))

    def scale(self, about: float) -> float:
        """Return a scale close to `about`: a power of two in exact networks, else any float32."""
        if self.exact:
            return float(2.0 ** np.round(np.log2(about)))
        return float(np.float32(about * self.rng.uniform(0.7, 1.4)))

    def scales(self, about: float, count: int) -> Array:
        return np.array([self.scale(about * 2.0 ** self.rng.uniform(-1.5, 1.5)) for _ in range(count)], np.float32)

    def real(self, step: float, low: float, high: float, size: int | None = None) -> Any:
        """Return numbers in ``[low, high] * step``; multiples of a quarter step in exact networks."""
        values = self.rng.uniform(low, high, size)
        return np.float32((np.rint(4 * values) / 4 if self.exact else values) * step)

    def used(self, feature: str) -> None:
        self.features.append(feature)

    # Nodes ----------------------------------------------------------------------------------------------------------

    def fresh(self, stem: str) -> str:
        self.count += 1
        return f"{stem}_{self.count}"

    def const(self, value: Any, dtype: Any = np.float32, stem: str = "c") -> str:
        name = self.fresh(stem)
        self.constants[name] = np.asarray(value, dtype)
        return name

    def op(self, op: str, inputs: Sequence[str], *, domain: str = "", **attrs: Any) -> str:
        out = self.fresh(op.lower())
        self.nodes.append(helper.make_node(op, list(inputs), [out], name=f"n_{out}", domain=domain, **attrs))
        return out

    def clip(self, x: str, low: float, high: float) -> str:
        if self.opset < 11:
            return self.op("Clip", [x], min=float(low), max=float(high))
        return self.op("Clip", [x, self.const(low), self.const(high)])

    def unsqueeze(self, x: str, axis: int) -> str:
        if self.opset < 13:
            return self.op("Unsqueeze", [x], axes=[axis])
        return self.op("Unsqueeze", [x, self.const([axis], np.int64)])

    def reduce_mean(self, x: str, axes: list[int], keepdims: int) -> str:
        if self.opset < 18:
            return self.op("ReduceMean", [x], axes=axes, keepdims=keepdims)
        return self.op("ReduceMean", [x, self.const(axes, np.int64)], keepdims=keepdims)

    def feed(self, shape: tuple[int, ...], dtype: Any, low: float, high: float) -> str:
        name = self.fresh("image")
        self.feeds.append(Feed(name, np.dtype(dtype), shape, low, high))
        return name

    def model(self, outputs: Sequence[tuple[str, Any]], *, batch: str | int) -> onnx.ModelProto:
        inputs = [
            helper.make_tensor_value_info(f.name, helper.np_dtype_to_tensor_dtype(f.dtype), (batch, *f.shape[1:]))
            for f in self.feeds
        ]
        outs = [
            helper.make_tensor_value_info(name, helper.np_dtype_to_tensor_dtype(np.dtype(dtype)), None)
            for name, dtype in outputs
        ]
        tensors = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "random", inputs, outs, tensors)
        domains = sorted({node.domain for node in self.nodes} - {""})
        imports = [helper.make_opsetid("", self.opset), *(helper.make_opsetid(d, 1) for d in domains)]
        model = helper.make_model(graph, opset_imports=imports)
        model.ir_version = 10 if self.opset > 18 else 8
        return model
