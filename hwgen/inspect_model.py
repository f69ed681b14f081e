# SPDX-License-Identifier: Apache-2.0
"""`hwgen inspect`: the layers of a model as they stand in the file, quantised or not, and what they cost to compute."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from math import prod
from typing import Any

import numpy as np

from hwgen.graph.source import SourceModel, SourceNode

_QUANTISERS = frozenset({"Quant", "IntQuant", "BipolarQuant", "Trunc", "QuantizeLinear"})
_FORMATS = _QUANTISERS | {"DequantizeLinear"}
_KEEPING = frozenset({"Relu", "MaxPool", "GlobalMaxPool", "Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze",
                      "Identity", "Dropout", "Slice", "Split", "Gather", "DepthToSpace"})  # fmt: skip
_SETTINGS = frozenset({"Clip", "Pad", "Resize", "Slice", "Split", "Reshape", "Squeeze", "Unsqueeze", "Gather",
                       "ReduceMean", "Expand", "Tile", "TopK"})  # fmt: skip


@dataclass(frozen=True)
class Format:
    """Type of a tensor's elements: integers of some bits, or floating point."""

    bits: int
    signed: bool = True
    real: bool = False

    def __str__(self) -> str:
        if self.real:
            return f"float{self.bits}"
        return "bipolar" if self.signed and self.bits == 1 else f"{'int' if self.signed else 'uint'}{self.bits}"


@dataclass(frozen=True)
class Layer:
    """One node of the model.

    Parameters
    ----------
    name, op
        The ONNX node and its operator.
    input_shape, shape
        Of its first input and of its output, with a batch of 1.
    activations, weights, output
        Format of its first input, of its weights or second activation (empty where it multiplies nothing), and the one
        that its output is quantised to right behind it.
    macs
        Multiply-accumulates for one frame, taps on the padding counted.
    parameters
        Constant numbers it reads, quantiser parameters not counted.
    bit_operations
        macs * bits of a weight * bits of an activation.
    """

    name: str
    op: str
    input_shape: tuple[int, ...]
    shape: tuple[int, ...]
    activations: str
    weights: str
    output: str
    macs: int
    parameters: int
    bit_operations: int


def inspect_model(model: SourceModel) -> dict[str, Any]:
    """Return the model's layers, ports and totals, JSON-ready.

    Returns
    -------
    dict
        ``ok``, ``name``, ``opset``, ``quantised``, ``inputs`` and ``outputs`` (name, shape, type), ``layers`` (see
        `Layer`), ``totals`` (layers, macs, parameters, parameter_bits, bit_operations), ``notes`` of the import.
    """
    formats = _Formats(model)
    nodes = [node for node in model.nodes if node.op not in _FORMATS and formats.root(node.outputs[0]) is None]
    layers = [_layer(model, formats, node) for node in nodes]
    roots = {name for node in nodes for name in _parameters(formats, node)}
    stored = {formats.root(name): formats.of(name).bits for name in roots}
    sizes = {name: int(model.constants[name].size) for name in stored if name is not None}
    return {
        "ok": True,
        "name": model.name,
        "opset": model.opset,
        "quantised": any(node.op in _FORMATS for node in model.nodes),
        "inputs": [_port(model, formats, name) for name in model.inputs],
        "outputs": [_port(model, formats, name) for name in model.outputs],
        "layers": [asdict(layer) for layer in layers],
        "totals": {
            "layers": len(layers),
            "macs": sum(layer.macs for layer in layers),
            "parameters": sum(sizes.values()),
            "parameter_bits": sum(size * stored[name] for name, size in sizes.items()),
            "bit_operations": sum(layer.bit_operations for layer in layers),
        },
        "notes": list(model.notes),
    }


def _port(model: SourceModel, formats: _Formats, name: str) -> dict[str, Any]:
    return {"name": name, "shape": list(model.shapes[name]), "type": str(formats.behind(name))}


def _layer(model: SourceModel, formats: _Formats, node: SourceNode) -> Layer:
    weights = node.inputs[1] if len(node.inputs) > 1 else ""
    macs = _macs(model, node)
    activation = formats.of(node.inputs[0]) if node.inputs and node.inputs[0] else None
    second = formats.of(weights) if macs and weights else None
    return Layer(
        name=node.name,
        op=node.op,
        input_shape=tuple(model.shapes[node.inputs[0]]) if activation else (),
        shape=tuple(model.shapes[node.outputs[0]]),
        activations=str(activation or ""),
        weights=str(second or ""),
        output=str(formats.behind(node.outputs[0])),
        macs=macs,
        parameters=sum(int(np.prod(model.shapes[name], dtype=np.int64)) for name in _parameters(formats, node)),
        bit_operations=macs * second.bits * activation.bits if second and activation else 0,
    )


def _parameters(formats: _Formats, node: SourceNode) -> list[str]:
    """Return the constant inputs of a node that are trained numbers, not its settings."""
    kept = node.inputs[:1] if node.op in _SETTINGS else node.inputs
    return [name for name in dict.fromkeys(kept) if name and formats.root(name) is not None]


def _macs(model: SourceModel, node: SourceNode) -> int:
    """Return the multiply-accumulates of one frame."""
    out = prod(model.shapes[node.outputs[0]])
    if node.op == "Conv":
        return out * prod(model.shapes[node.inputs[1]][1:])
    if node.op == "ConvTranspose":
        return prod(model.shapes[node.inputs[0]]) * prod(model.shapes[node.inputs[1]][1:])
    if node.op == "Gemm":
        return out * model.shapes[node.inputs[0]][0 if node.attrs.get("transA", 0) else 1]
    return out * model.shapes[node.inputs[0]][-1] if node.op == "MatMul" else 0


class _Formats:
    """What the elements of every tensor are, followed from the quantisers."""

    def __init__(self, model: SourceModel) -> None:
        self._model = model
        self._makers = {name: node for node in model.nodes for name in node.outputs}
        self._readers: dict[str, list[SourceNode]] = {}
        for node in model.nodes:
            for name in node.inputs:
                self._readers.setdefault(name, []).append(node)

    def of(self, name: str) -> Format:
        """Return the format of a tensor's elements: those of the integers where it is quantised."""
        while (node := self._makers.get(name)) is not None:
            if node.op in _QUANTISERS:
                return self._quantised(node)
            if node.op == "Clip" and self._model.dtypes[name].kind in "iu":
                return self._clipped(node)
            if node.op not in _KEEPING | {"DequantizeLinear"} or name != node.outputs[0]:
                break
            name = node.inputs[0]
        dtype = self._model.dtypes[name]
        if dtype.kind == "f":
            return Format(8 * dtype.itemsize, real=True)
        return Format(8 * dtype.itemsize if dtype.kind in "iub" else _bits_in(dtype.name), not _unsigned(dtype.name))

    def behind(self, name: str) -> Format:
        """Return the format that a tensor is quantised to where every reader quantises it alike, else its own."""
        found = {self.of(node.outputs[0]) for node in self._readers.get(name, ()) if node.op in _QUANTISERS}
        all_quantise = all(node.op in _QUANTISERS for node in self._readers.get(name, ()))
        return found.pop() if len(found) == 1 and all_quantise else self.of(name)

    def root(self, name: str) -> str | None:
        """Return the constant that a tensor holds, quantised or not; None for what depends on the model's inputs."""
        while name not in self._model.constants:
            node = self._makers.get(name)
            if node is None or node.op not in _FORMATS | _KEEPING | {"Clip", "Mul"}:
                return None
            name = node.inputs[0]
        return name

    def _quantised(self, node: SourceNode) -> Format:
        if node.op == "BipolarQuant":
            return Format(1)
        if node.op == "QuantizeLinear":
            name = node.outputs[0]
            clip = self._readers.get(name, [])
            if len(clip) == 1 and clip[0].op == "Clip":
                return self._clipped(clip[0])
            dtype = self._model.dtypes[name]
            return Format(_bits_in(dtype.name), not _unsigned(dtype.name))
        bits = self._model.constants.get(node.inputs[-1 if node.op != "Quant" else 3])
        wide = int(np.max(bits)) if bits is not None else 0
        return Format(wide, bool(node.attrs.get("signed", 1)))

    def _clipped(self, node: SourceNode) -> Format:
        bounds: Sequence[Any] = [self._model.constants.get(name) for name in node.inputs[1:3]]
        dtype = self._model.dtypes[node.outputs[0]]
        signed = not _unsigned(dtype.name)
        if len(bounds) < 2 or any(bound is None for bound in bounds):
            return Format(_bits_in(dtype.name), signed)
        low, high = (int(bound.reshape(-1)[0]) for bound in bounds)
        return Format(max((-low - 1).bit_length(), high.bit_length()) + 1 if signed else high.bit_length(), signed)


def _bits_in(name: str) -> int:
    digits = "".join(c for c in name if c.isdigit())
    return int(digits) if digits else 8


def _unsigned(name: str) -> bool:
    return name.startswith(("u", "bool"))
