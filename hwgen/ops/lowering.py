# SPDX-License-Identifier: Apache-2.0
"""The state of lowering: which value each ONNX tensor is, and the integer graph emitted so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any, Literal, NoReturn

import numpy as np
import numpy.typing as npt

from hwgen.errors import Problem, Unquantised, UnsupportedError
from hwgen.graph import Attr, Graph, Ints, Node, TensorType
from hwgen.graph.layout import IN_ORDER, Layout
from hwgen.graph.naming import MAX_LENGTH, Namer, identifier
from hwgen.graph.source import SourceModel, SourceNode
from hwgen.ops.base import hardware_op
from hwgen.ops.ports import port_layout
from hwgen.ops.ranges import Range, propagate
from hwgen.ops.steps import Curve, common
from hwgen.ops.values import (
    Activation,
    Anchor,
    Const,
    Expr,
    Fractions,
    Host,
    HostQuant,
    Mapped,
    QuantConst,
    Sum,
    Value,
    View,
    finite,
    fractions,
)


@dataclass(frozen=True)
class Observation:
    """Which ONNX tensor an integer tensor stands for: ``real = scale * (q - zero_point) + offset``.

    Where the ONNX tensor itself holds integers, it is q.

    Parameters
    ----------
    tensor
        Integer tensor of the graph.
    onnx
        Tensor of the `SourceModel`; shapes may differ.
    scale
        One value, or one for each channel of `tensor`.
    zero_point
        Integer that stands for real zero.
    offset
        Empty for zero; only outputs have one, where a bias does not lie on the accumulator's grid.
    layout
        Where the elements of `onnx` stand in `tensor`.
    """

    tensor: str
    onnx: str
    scale: tuple[float, ...]
    zero_point: int
    offset: tuple[float, ...] = ()
    layout: Layout = IN_ORDER


@dataclass(frozen=True)
class RequantProof:
    """How a requantisation was found, and that it equals the model's quantiser for every accumulator value.

    Parameters
    ----------
    node
        Name of the integer node.
    method
        What it computes.
    exact
        True when proven equal for every input.
    differing
        Inputs at which it differs.
    detail
        Shift, levels and the range that the proof covers.
    """

    node: str
    method: Literal["thresholds", "multiply_shift", "interpolated", "table"]
    exact: bool
    differing: int
    detail: str


@dataclass(frozen=True)
class Lowered:
    """A model as an integer graph, with the bridge to its ONNX tensors.

    Parameters
    ----------
    graph
        The accelerator.
    inputs, outputs
        One for each graph input and output: what the host feeds, and what it gets back.
    observations
        Every requantised tensor.
    proofs
        Every requantisation.
    host
        Sentences on what is left to the host, and on biases that were rounded onto the accumulator's grid.
    """

    graph: Graph
    inputs: tuple[Observation, ...]
    outputs: tuple[Observation, ...]
    observations: tuple[Observation, ...] = ()
    proofs: tuple[RequantProof, ...] = ()
    host: tuple[str, ...] = ()


class Lowering:
    """Context that source operators lower themselves in."""

    def __init__(self, model: SourceModel) -> None:
        self.model = model
        self.proofs: list[RequantProof] = []
        self.notes: list[str] = []
        self.ranges: dict[str, Range] = {}
        self.inputs: dict[str, HostQuant] = {}
        self._values: dict[str, Value] = {}
        self._observations: dict[str, Observation] = {}
        self._namer = Namer()
        self._nodes: list[Node] = []
        self._types: dict[str, TensorType] = {}
        self._constants: dict[str, Ints] = {}
        self._ports: dict[str, tuple[View, Anchor]] = {}
        self._sums: dict[tuple[Any, ...], str] = {}
        self._uses = Counter(name for node in model.nodes for name in node.inputs)
        self._uses.update(model.outputs)
        for name, array in model.constants.items():
            self._values[name] = Const(array)
        for name in model.inputs:
            self._values[name] = self._model_input(name)

    def _model_input(self, name: str) -> Host | HostQuant:
        kind = self.model.input_types.get(name)
        if kind is None:
            return Host(name)
        real = self.model.dtypes[name].kind not in "iu"
        return HostQuant(name, kind.signed, kind.bits, kind.lo, kind.hi, real=real)

    # What ONNX tensors are ------------------------------------------------------------------------------------------

    def value(self, name: str) -> Value:
        """Return what an ONNX tensor is."""
        return self._values[name]

    def bind(self, name: str, value: Value) -> None:
        """Say what an ONNX tensor is."""
        if isinstance(value, Expr):
            value = replace(value, anchor=self._anchor(name, value))
        self._values[name] = value

    def uses(self, name: str) -> int:
        """Return how often an ONNX tensor is read; being a model output counts."""
        return self._uses[name]

    def exclusive(self, tensor: str) -> bool:
        """Tell whether an integer tensor may still change: nothing reads it, and its ONNX names are read once each."""
        if self.is_read(tensor):
            return False
        names = (
            name
            for name, value in self._values.items()
            if (isinstance(value, Expr | Mapped) and value.tensor == tensor)
            or (isinstance(value, Sum) and tensor in value.tensors)
        )
        return all(self.uses(name) <= 1 for name in names)

    def constant(self, node: SourceNode, index: int, what: str) -> npt.NDArray[Any] | None:
        """Return a constant input, or None where it is absent.

        Raises
        ------
        UnsupportedError
            The input is computed at run time.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        value = self.value(node.inputs[index])
        if not isinstance(value, Const):
            self.refuse(node, f"The {what} of {node.op} must be a constant, not computed.", "Fold it before export.")
        return value.array

    def real_constant(self, name: str) -> Fractions | None:
        """Return the exact real values of a constant as an object array, None when the tensor is not constant."""
        value = self.value(name)
        if isinstance(value, QuantConst):
            return value.fractions()
        return fractions(finite(value.array)) if isinstance(value, Const) else None

    def operand(self, node: SourceNode, name: str) -> Expr | Sum:
        """Return an activation whose values are clipped lines; a quantised tensor of the host becomes an input port.

        Raises
        ------
        UnsupportedError
            The tensor is constant, a real tensor that was never quantised, or another function of integers.
        """
        value = self.activation(node, name)
        if isinstance(value, Mapped):
            text = f"The input {name} of {node.op} must be quantised after {value.source}."
            self.refuse(node, text, "Insert a quantiser (Quant or QuantizeLinear) between them.", Unquantised)
        return value

    def activation(self, node: SourceNode, name: str) -> Activation:
        """Return an activation of any kind; a quantised tensor of the host becomes an input port.

        Raises
        ------
        UnsupportedError
            The tensor is constant, or a real tensor that was never quantised.
        """
        value = self.value(name)
        if isinstance(value, HostQuant):
            view, anchor = self._port(node, value)
            return Expr(anchor.tensor, value.curve, view, anchor)
        if isinstance(value, Expr | Sum | Mapped):
            return value
        if isinstance(value, Host):
            hint = "Insert a quantiser (Quant or QuantizeLinear) before it, or quantise the whole model."
            if name in self.model.inputs:
                hint = f"Insert a quantiser before it, or declare the integers that it holds: --input-type {name}=int8."
            self.refuse(node, f"The input {name} of {node.op} must be quantised, not real numbers.", hint, Unquantised)
        self.refuse(
            node, f"The input {name} of {node.op} must be an activation, not a constant.", "Fold it before export."
        )

    def expr(self, node: SourceNode, name: str) -> Expr:
        """Return an activation as an integer tensor that exists; a pending sum is emitted."""
        value = self.operand(node, name)
        return self.realise(value) if isinstance(value, Sum) else value

    def observe(self, observation: Observation) -> None:
        """Note what a requantised tensor is in the model; the first note counts."""
        if observation.tensor not in self.inputs:
            self._observations.setdefault(observation.tensor, observation)

    def observe_as(self, tensor: str, old: str, new: str) -> None:
        """Move the note of a tensor from one ONNX tensor to another."""
        known = self._observations.get(tensor)
        if known is not None and known.onnx == old:
            self._observations[tensor] = replace(known, onnx=new)

    @property
    def observations(self) -> tuple[Observation, ...]:
        """What the requantised tensors are in the model."""
        return tuple(self._observations.values())

    def refuse(
        self, node: SourceNode, message: str, hint: str | None = None, kind: type[Problem] = Problem
    ) -> NoReturn:
        """Raise an `UnsupportedError` for this node; its `kind` is `Unquantised` where quantising would help."""
        raise UnsupportedError(kind(message, node.name, hint))

    # The integer graph ----------------------------------------------------------------------------------------------

    def type(self, tensor: str) -> TensorType:
        """Return the type of an integer tensor."""
        return self._types[tensor]

    def graph(self, outputs: Sequence[str] = ()) -> Graph:
        """Return everything emitted so far."""
        name = identifier(self.model.name, "model")
        return Graph(name, tuple(self.inputs), tuple(outputs), tuple(self._nodes), self._types, self._constants)

    def producer(self, tensor: str) -> Node | None:
        """Return the node that makes a tensor, None for an input port."""
        return next((node for node in reversed(self._nodes) if tensor in node.outputs), None)

    def stem(self, node: SourceNode) -> str:
        """Return an identifier made from a node's name, the start of the names of what it becomes."""
        return identifier(node.name, node.op.lower())

    def fresh(self, wanted: str) -> str:
        """Return a unique identifier made from any text."""
        return self._namer.fresh(identifier(wanted, limit=2 * MAX_LENGTH))

    def emit(
        self,
        op: str,
        name: str,
        inputs: Sequence[str],
        attrs: Mapping[str, Attr],
        constants: Mapping[str, Ints],
        source: Sequence[str],
        out: Range | None = None,
    ) -> str:
        """Append a node; `name` is made legal and unique.

        Parameters
        ----------
        out
            Range of the output where it is known better than from the inputs' ranges.

        Returns
        -------
        str
            Name of the node's output tensor.
        """
        name = self.fresh(name)
        keys = {role: f"{name.rstrip('_')}_{role}" for role in constants}
        self._constants.update({keys[role]: np.asarray(array, dtype=np.int64) for role, array in constants.items()})
        tensor = self._namer.fresh(f"{name.rstrip('_')}_out")
        node = Node(name, op, tuple(inputs), (tensor,), attrs, keys, tuple(source))
        self._nodes.append(node)
        self._settle(node, out)
        return tensor

    def is_read(self, tensor: str) -> bool:
        """Tell whether a node reads the tensor."""
        return any(tensor in node.inputs for node in self._nodes)

    def replace(
        self,
        node: Node,
        attrs: Mapping[str, Attr],
        constants: Mapping[str, Ints],
        source: Sequence[str] = (),
        out: Range | None = None,
    ) -> None:
        """Change attributes and constants of a node whose output nothing reads yet; `source` is added to its own."""
        tensor = node.outputs[0]
        assert not self.is_read(tensor), f"{tensor} is already read"
        self._constants.update({node.constants[role]: array for role, array in constants.items()})
        changed = replace(node, attrs={**node.attrs, **attrs}, source=(*node.source, *source))
        self._nodes[self._nodes.index(node)] = changed
        old = self._types[tensor]
        self._settle(changed, out)
        self.describe(tensor, old.scale, old.zero_point)

    def describe(self, tensor: str, scale: Sequence[Fraction | float], zero_point: int) -> None:
        """Note in a tensor's type what it means as reals."""
        reals = tuple(float(s) for s in scale)
        self._types[tensor] = replace(self._types[tensor], scale=reals, zero_point=zero_point)

    def realise(self, total: Sum) -> Expr:
        """Emit a sum exactly: one adder whose integer factors are the slopes over their greatest common divisor."""
        unit = common(total.slopes)
        m0, m1 = (int(s / unit) for s in total.slopes)
        key = (total.tensors, m0, m1)
        if key not in self._sums:
            attrs: dict[str, Attr] = {"m0": m0, "m1": m1, "bias": 0}
            self._sums[key] = self.emit(
                "add", identifier(total.source, "add"), total.tensors, attrs, {}, (total.source,)
            )
        tensor = self._sums[key]
        line = total.curve.without_clip()
        curve = replace(total.curve, slope=tuple(s * unit for s in line.slope))
        start = Curve.line((unit,), total.offset)
        whole = Expr(tensor, start, total.view)
        return Expr(tensor, curve, total.view, self._anchor(total.onnx, whole))

    def _settle(self, node: Node, out: Range | None) -> None:
        graph = Graph("partial", (), (), (), self._types, self._constants)
        (kind,) = hardware_op(node).infer(graph, node)
        self._types[node.outputs[0]] = kind
        graph = Graph("partial", (), (), (), self._types, self._constants)
        self.ranges[node.outputs[0]] = propagate(graph, node, self.ranges) if out is None else out

    def port_anchor(self, value: HostQuant) -> Anchor:
        """Return what the port of a quantised tensor of the host is; it must have been read."""
        return self._ports[value.onnx][1]

    def _port(self, node: SourceNode, value: HostQuant) -> tuple[View, Anchor]:
        if value.onnx in self._ports:
            return self._ports[value.onnx]
        found = port_layout(self.model, value.onnx)
        if found is None:
            shape = self.model.shapes[value.onnx]
            text = f"The tensor {value.onnx} must have two to four axes and a batch of 1, not the shape {shape}."
            self.refuse(node, text, "Reshape it before it is quantised.")
        if value.bits > 16:
            self.refuse(node, f"The input {value.onnx} must have at most 16 bits, not {value.bits}.", "Quantise it.")
        shape, view = found
        tensor = self.fresh(f"{value.onnx}_in" if value.onnx[:1].isdigit() else value.onnx)
        self._types[tensor] = TensorType(shape, value.signed, value.bits, (float(value.scale),), value.zero_point)
        self.ranges[tensor] = Range.of(self._types[tensor], value.lo, value.hi)
        self.inputs[tensor] = value
        anchor = Anchor(tensor, value.onnx, (float(value.scale),), value.zero_point, layout=view.layout or IN_ORDER)
        self._ports[value.onnx] = (view, anchor)
        return self._ports[value.onnx]

    def _anchor(self, onnx: str, value: Expr) -> Anchor | None:
        """Return the new anchor of a value that `onnx` is bound to, the old one where it is no plain line."""
        curve, old, layout = value.curve, value.anchor, value.view.layout
        dtype = self.model.dtypes.get(onnx)
        if layout is None:
            return old
        if dtype is not None and dtype.kind in "iu":
            kind = self._types[value.tensor]
            plain = curve == Curve.identity()
            return Anchor(value.tensor, onnx, kind.scale or (1.0,), kind.zero_point, (), layout) if plain else old
        if not curve.affine or any(s == 0 for s in curve.slope):
            return old
        zeros = {-o / s for s, o in zip(curve.slope, curve.offset, strict=True)}
        scale = tuple(float(s) for s in curve.slope)
        zero = zeros.pop()
        if not zeros and zero.denominator == 1:
            return Anchor(value.tensor, onnx, scale, int(zero), (), layout)
        if old is not None and old.tensor == value.tensor:
            return old
        return Anchor(value.tensor, onnx, scale, 0, tuple(float(o) for o in curve.offset), layout)
