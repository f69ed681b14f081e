# SPDX-License-Identifier: Apache-2.0
"""The state of lowering: which value each ONNX tensor is, on top of the integer graph made so far."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from typing import Any, NoReturn

import numpy.typing as npt

from hwgen.errors import Problem, Unquantised, UnsupportedError
from hwgen.graph import Attr, Graph, TensorType
from hwgen.graph.layout import IN_ORDER
from hwgen.graph.naming import identifier
from hwgen.graph.source import SourceModel, SourceNode
from hwgen.ops.graph_in_progress import GraphInProgress
from hwgen.ops.lowered import Observation, RequantProof
from hwgen.ops.ports import port_layout
from hwgen.ops.ranges import Range
from hwgen.ops.signature import HINT
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
    Postponed,
    QuantConst,
    Sum,
    Value,
    View,
    finite,
    fractions,
)

LARGEST = Fraction(2) ** 1000
"""Bound of scales and offsets, so that they fit float64."""
MAX_FACTOR = 1 << 40
"""Bound of the integer factors of an exact sum."""


class Lowering(GraphInProgress):
    """Context that source operators lower themselves in."""

    def __init__(self, model: SourceModel) -> None:
        super().__init__()
        self.model = model
        self.proofs: list[RequantProof] = []
        self.notes: list[str] = []
        self.inputs: dict[str, HostQuant] = {}
        self._values: dict[str, Value] = {}
        self._observations: dict[str, Observation] = {}
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
        """Say what an ONNX tensor is.

        Raises
        ------
        UnsupportedError
            Its scale, or what is added, is beyond what float64 holds.
        """
        if isinstance(value, Expr | Sum) and max(map(abs, (*value.curve.slope, *value.curve.offset))) > LARGEST:
            node = next(node for node in self.model.nodes if name in node.outputs)
            text = f"Scale and offset of the values of {name} must be less than {float(LARGEST):g}."
            self.refuse(node, text, "Quantise with scales that numbers have.")
        if isinstance(value, Expr):
            value = replace(value, anchor=self._anchor(name, value))
        self._values[name] = value

    def alias(self, name: str, other: str) -> None:
        """Say that whoever reads an ONNX tensor may as well read another one."""
        self._values[name] = self._values[other]

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

    def reals(self, node: SourceNode, index: int, what: str, size: int | None = None) -> Fractions | None:
        """Return the exact real values of a constant input as an object array, None where it is absent.

        Raises
        ------
        UnsupportedError
            The input is computed at run time, or has another number of elements than `size`.
        """
        if index >= len(node.inputs) or not node.inputs[index]:
            return None
        found = self.real_constant(node.inputs[index])
        if found is None:
            self.refuse(node, f"The {what} of {node.op} must be a constant, not computed.", "Fold it before export.")
        if size is not None and found.size != size:
            self.refuse(node, f"The {what} of {node.op} must have {size} elements, not {found.size}.", HINT)
        return found

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
        if isinstance(value, Postponed):
            self.bind(name, value.join(value.parts))
            return self.activation(node, name)
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

    def observe_as(self, tensor: str, new: str) -> None:
        """Move the note of a tensor to another ONNX tensor: its values are now that one's."""
        known = self._observations.get(tensor)
        if known is not None:
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

    # What becomes of them in the integer graph ----------------------------------------------------------------------

    def graph(self, outputs: Sequence[str] = ()) -> Graph:
        """Return everything emitted so far."""
        return self.so_far(identifier(self.model.name, "model"), tuple(self.inputs), tuple(outputs))

    def stem(self, node: SourceNode) -> str:
        """Return an identifier made from a node's name, the start of the names of what it becomes."""
        return identifier(node.name, node.op.lower())

    def realise(self, total: Sum) -> Expr:
        """Emit a sum exactly: one adder whose integer factors are the slopes over their greatest common divisor."""
        unit = common(total.slopes)
        m0, m1 = (int(s / unit) for s in total.slopes)
        if max(abs(m0), abs(m1)) >= MAX_FACTOR:
            text = (
                "The inputs of the sum must have scales whose ratio is one of small integers, for it is not quantised."
            )
            raise UnsupportedError(Unquantised(text, total.source, "Put a quantiser behind it."))
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
        kind = TensorType(shape, value.signed, value.bits, (float(value.scale),), value.zero_point)
        self.enter(tensor, kind, Range.of(kind, value.lo, value.hi))
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
            kind = self.type(value.tensor)
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
