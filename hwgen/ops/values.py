# SPDX-License-Identifier: Apache-2.0
"""What an ONNX tensor is during lowering: a constant, something the host computes, or an integer tensor in disguise."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cached_property
from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

from hwgen.graph import Ints, TensorType
from hwgen.graph.layout import IN_ORDER, Layout
from hwgen.ops.steps import Curve, clamp

Fractions: TypeAlias = npt.NDArray[Any]
Reals: TypeAlias = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Const:
    """A constant array as the file holds it."""

    array: npt.NDArray[Any]


@dataclass(frozen=True, eq=False)
class QuantConst:
    """A quantised constant: real value ``ints * scale``; zero points are already subtracted.

    Parameters
    ----------
    ints
        int64.
    scale
        Object array of Fractions with as many axes as `ints`, each of extent 1 or equal.
    """

    ints: Ints
    scale: Fractions

    def transposed(self, perm: Sequence[int]) -> QuantConst:
        """Permute the axes."""
        return QuantConst(self.ints.transpose(perm), self.scale.transpose(perm))

    def reshaped(self, shape: Sequence[int]) -> QuantConst:
        """Reshape; a scale that is not shared is written out and shrunk again."""
        ints = self.ints.reshape(shape)
        if self.scale.size == 1:
            return QuantConst(ints, self.scale.reshape((1,) * ints.ndim))
        full = np.broadcast_to(self.scale, self.ints.shape).reshape(ints.shape)
        for axis in range(full.ndim):
            first = full.take([0], axis=axis)
            if (full == first).all():
                full = first
        return QuantConst(ints, full)

    def fractions(self) -> Fractions:
        """Return the real values as an object array of Fractions."""
        return np.asarray(self.ints.astype(object) * self.scale, dtype=object)


@dataclass(frozen=True)
class Host:
    """A real tensor, or one of unquantised integers, that the host computes from the model's inputs."""

    onnx: str


@dataclass(frozen=True)
class HostQuant:
    """A quantised tensor that the host computes; it becomes an input port where hardware reads it.

    Parameters
    ----------
    onnx
        ONNX tensor that the host evaluates: of integers q, or of reals ``scale * (q - zero_point)``.
    signed, bits
        Format of q.
    lo, hi
        Range of q.
    scale, zero_point
        Meaning of q.
    real
        True where the value at this point of the model is the real number, False where it is q itself.
    """

    onnx: str
    signed: bool
    bits: int
    lo: int
    hi: int
    scale: Fraction = Fraction(1)
    zero_point: int = 0
    real: bool = True

    @property
    def curve(self) -> Curve:
        """What an integer q stands for at this point of the model."""
        if not self.real:
            return Curve.identity()
        return Curve.line((self.scale,), (-self.scale * self.zero_point,))


@dataclass(frozen=True)
class Anchor:
    """The last ONNX tensor on the way to a value that is one line of an integer tensor.

    Its real value is ``scale * (q - zero_point) + offset``; scale and offset have one entry or one for each channel,
    an empty offset is zero. `layout` says where the elements of `onnx` stand in the tensor.
    """

    tensor: str
    onnx: str
    scale: tuple[float, ...]
    zero_point: int
    offset: tuple[float, ...] = ()
    layout: Layout = IN_ORDER


@dataclass(frozen=True, eq=False)
class View:
    """How an ONNX tensor is laid out over an integer tensor.

    Parameters
    ----------
    shape
        ONNX shape, batch 1.
    index
        int64 of shape ``shape[1:]``: flat position in the integer tensor's own ONNX layout; None when both are the
        same.
    """

    shape: tuple[int, ...]
    index: Ints | None = None

    def positions(self) -> Ints:
        """Return the index, written out."""
        if self.index is not None:
            return self.index
        return np.arange(int(np.prod(self.shape[1:])), dtype=np.int64).reshape(self.shape[1:])

    def over(self, positions: Ints, base: tuple[int, ...]) -> View:
        """Return the view of other positions over a tensor of shape `base`; the identity is recognised."""
        shape = (1, *positions.shape)
        if shape == base and np.array_equal(positions.reshape(-1), np.arange(positions.size)):
            return View(shape)
        return View(shape, positions)

    @cached_property
    def layout(self) -> Layout | None:
        """Where the elements stand as a permutation of axes, None when it is none."""
        return IN_ORDER if self.index is None else Layout.of(self.index)

    def channels_last(self, base: TensorType) -> bool:
        """Tell whether the last axis are the channels of the integer tensor, and its pixels come in order."""
        wanted = np.arange(base.elements, dtype=np.int64).reshape(base.channels, base.pixels).T.reshape(-1)
        return self.shape[-1] == base.channels and np.array_equal(self.positions().reshape(-1), wanted)

    @property
    def in_order(self) -> bool:
        """True when the elements keep their ONNX order, whatever the shape."""
        return self.layout == IN_ORDER


@dataclass(frozen=True, eq=False)
class Expr:
    """A tensor whose real values are a curve of an integer tensor of the graph."""

    tensor: str
    curve: Curve
    view: View
    anchor: Anchor | None = None

    def through(self, curve: Curve) -> Expr:
        """Return the same tensor under another curve."""
        return replace(self, curve=curve)

    def scaled(self, factor: Sequence[Fraction], offset: Sequence[Fraction]) -> Expr:
        """Return ``factor * self + offset``; the arguments have one entry or one for each channel."""
        return self.through(self.curve.scaled(factor, offset))

    def clipped(self, low: Fraction | None, high: Fraction | None) -> Expr:
        """Return ``min(max(self, low), high)``; None leaves a side open."""
        return self.through(self.curve.clipped(low, high))


@dataclass(frozen=True, eq=False)
class Sum:
    """``curve(slopes[0]*q0 + slopes[1]*q1)`` of two integer tensors of one shape, not yet turned into hardware.

    The ONNX tensor `onnx` of the join itself is ``slopes[0]*q0 + slopes[1]*q1 + offset``, with one offset or one for
    each channel.
    """

    tensors: tuple[str, str]
    slopes: tuple[Fraction, Fraction]
    curve: Curve
    view: View
    onnx: str
    source: str
    offset: tuple[Fraction, ...]

    def through(self, curve: Curve) -> Sum:
        """Return the same sum under another curve."""
        return replace(self, curve=curve)

    @property
    def tensor(self) -> str:
        """The first tensor, whose shape is the sum's."""
        return self.tensors[0]

    def scaled(self, factor: Sequence[Fraction], offset: Sequence[Fraction]) -> Sum:
        """Return ``factor * self + offset``; the arguments have one entry or one for each channel."""
        return self.through(self.curve.scaled(factor, offset))

    def clipped(self, low: Fraction | None, high: Fraction | None) -> Sum:
        """Return ``min(max(self, low), high)``; None leaves a side open."""
        return self.through(self.curve.clipped(low, high))


@dataclass(frozen=True, eq=False)
class Mapped:
    """A tensor whose real values are any function of an integer tensor of the graph, not yet turned into hardware.

    Parameters
    ----------
    tensor
        The integer tensor.
    values
        The function in float64: int64 ``(C or 1, N)``, for each channel some integers, to values of that shape, or of
        C rows where the channels differ; NaN where it is not defined.
    direction
        int64 ``(C,)`` or ``(1,)``: 1 where the values never fall as the integers grow, -1 where they never rise, 0
        where neither is known.
    view
        How the ONNX tensor is laid out over the integer tensor.
    source
        The ONNX operator and node that made it a function, for messages.
    anchor
        What the host computes it from at the end of a model.
    """

    tensor: str
    values: Callable[[Ints], Reals]
    direction: Ints
    view: View
    source: str
    anchor: Anchor | None

    def through(self, function: Callable[[Reals], Reals], direction: Ints | int = 0) -> Mapped:
        """Return a function of the values; `direction` is that of the function alone."""
        inner = self.values
        return replace(self, values=lambda q: function(inner(q)), direction=self.direction * direction)

    def scaled(self, factor: Sequence[Fraction], offset: Sequence[Fraction]) -> Mapped:
        """Return ``factor * self + offset``; the arguments have one entry or one for each channel."""
        slope, start = column(factor), column(offset)
        return self.through(lambda x: slope * x + start, np.sign(slope[:, 0]).astype(np.int64))

    def clipped(self, low: Fraction | None, high: Fraction | None) -> Mapped:
        """Return ``min(max(self, low), high)``; None leaves a side open."""
        least, most = -np.inf if low is None else float(low), np.inf if high is None else float(high)
        return self.through(lambda x: np.clip(x, least, most), 1)


@dataclass(frozen=True, eq=False)
class Postponed:
    """A join of activations and constants that waits for the quantiser behind it, which is then put in front.

    Joining what is quantised equals quantising what is joined for every join that only picks elements: the branches
    then need no common scale.

    Parameters
    ----------
    parts
        Activations, and constants as object arrays of Fractions.
    join
        Joins the parts, or what a quantiser made of them: integers, or tensors of one meaning.
    """

    parts: tuple[Expr | Sum | Mapped | Fractions, ...]
    join: Callable[[Sequence[Expr | Sum | Mapped | Fractions]], Expr]

    def clipped(self, low: Fraction | None, high: Fraction | None) -> Postponed:
        """Return ``min(max(self, low), high)``; None leaves a side open."""
        parts = (within(p, low, high) if isinstance(p, np.ndarray) else p.clipped(low, high) for p in self.parts)
        return replace(self, parts=tuple(parts))


@dataclass(frozen=True)
class Suffix:
    """Something that the host computes from tensors that the accelerator puts out."""

    anchors: tuple[Anchor, ...]
    source: str


@dataclass(frozen=True)
class Broken:
    """The result of a node that was refused; what depends on it is not looked at."""


Value: TypeAlias = Const | QuantConst | Host | HostQuant | Expr | Sum | Mapped | Postponed | Suffix | Broken
Activation: TypeAlias = Expr | Sum | Mapped


def within(reals: Fractions, low: Fraction | None, high: Fraction | None) -> Fractions:
    """Return an object array clipped to ``[low, high]``; None leaves a side open."""
    out = np.empty(reals.size, dtype=object)
    out[:] = [clamp(real, low, high) for real in reals.reshape(-1)]
    return out.reshape(reals.shape)


def column(numbers: Sequence[Fraction]) -> Reals:
    """Return numbers, one or one for each channel, as a float64 column."""
    return np.array([float(number) for number in numbers]).reshape(-1, 1)


def finite(array: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Return an array whose infinite numbers, which are bounds, are its type's largest."""
    if array.dtype.kind != "f":
        return array
    kind = np.finfo(array.dtype)
    return np.asarray(np.clip(array, kind.min, kind.max))


def fractions(array: npt.NDArray[Any]) -> Fractions:
    """Return an array of finite numbers as an object array of exact Fractions."""
    flat = [Fraction(v) for v in array.reshape(-1).tolist()]
    out = np.empty(len(flat), dtype=object)
    out[:] = flat
    return out.reshape(array.shape)
