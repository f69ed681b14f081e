# SPDX-License-Identifier: Apache-2.0
"""Convolutions and matrix products as what they all are: ``y = W x`` for many rows x."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np

from hwgen.graph.source import Array, SourceNode
from hwgen.quantize.net import Net

PLACES = 16
"""Values of a channel in one frame from which on its own range says something about other frames."""


@dataclass(frozen=True)
class Layer:
    """A node with constant weights.

    Parameters
    ----------
    node
        Conv, ConvTranspose, Gemm or MatMul.
    groups
        Groups of a convolution; 1 elsewhere.
    out_axis, in_axis
        Axes of the weight array along which outputs and inputs of one group lie.
    """

    node: SourceNode
    groups: int
    out_axis: int
    in_axis: int

    @classmethod
    def of(cls, net: Net, node: SourceNode) -> Layer:
        """Describe a node for which `Net.is_weighted` holds."""
        if node.op == "Conv":
            return cls(node, int(node.attrs.get("group", 1)), 0, 1)
        if node.op == "ConvTranspose":
            return cls(node, int(node.attrs.get("group", 1)), 1, 0)
        if node.op == "Gemm" and node.attrs.get("transB", 0):
            return cls(node, 1, 0, 1)
        rank = net.constants[node.inputs[1]].ndim
        return cls(node, 1, rank - 1, rank - 2)

    @property
    def input(self) -> str:
        """Name of the activation."""
        return self.node.inputs[0]

    @property
    def output(self) -> str:
        """Name of the result, before any bias of a node of its own."""
        return self.node.outputs[0]

    @property
    def weight(self) -> str:
        """Name of the weights."""
        return self.node.inputs[1]

    @property
    def channel_axis(self) -> int:
        """Axis of input and output along which the channels lie."""
        return 1 if self.node.op in ("Conv", "ConvTranspose") else -1

    @property
    def is_matrix(self) -> bool:
        """Tell whether the weights have two axes."""
        return {self.in_axis, self.out_axis} == {0, 1}

    @property
    def exact_rows(self) -> bool:
        """Tell whether `rows` and `matrix` describe the layer."""
        return self.node.op != "ConvTranspose" and not self.node.attrs.get("transA", 0)

    def scale_shape(self, weight: Array) -> tuple[int, ...]:
        """Return the shape in which one number for each output lies along the weights."""
        count = weight.shape[self.out_axis]
        return tuple(count if axis == self.out_axis else 1 for axis in range(weight.ndim))

    def matrix(self, weight: Array) -> Array:
        """Return the weights as ``(groups, outputs of a group, inputs of a group)``."""
        if self.node.op == "Conv":
            return weight.reshape(self.groups, weight.shape[0] // self.groups, -1)
        return np.moveaxis(weight, self.out_axis, 0).reshape(1, weight.shape[self.out_axis], -1)

    def weights(self, matrix: Array, like: Array) -> Array:
        """Return a matrix in the weights' own shape."""
        if self.node.op == "Conv":
            return matrix.reshape(like.shape)
        moved = np.moveaxis(like, self.out_axis, 0).shape
        return np.ascontiguousarray(np.moveaxis(matrix.reshape(moved), 0, self.out_axis))

    def channels(self, weight: Array) -> int:
        """Return the number of input channels."""
        return int(weight.shape[self.in_axis]) * (self.groups if self.node.op == "Conv" else 1)

    def scaled_inputs(self, weight: Array, factors: Array) -> Array:
        """Return the weights with those that read input channel c multiplied by ``factors[c]``."""
        if self.node.op != "Conv":
            return weight * _along(factors, self.in_axis, weight.ndim)
        grouped = weight.reshape(self.groups, -1, *weight.shape[1:])
        by_group = factors.reshape(self.groups, 1, -1, *(1,) * (weight.ndim - 2))
        return (grouped * by_group).reshape(weight.shape)

    def input_ranges(self, weight: Array) -> Array:
        """Return the largest absolute weight that reads each input channel."""
        if self.node.op != "Conv":
            axes = tuple(axis for axis in range(weight.ndim) if axis != self.in_axis)
            return np.asarray(np.abs(weight).max(axis=axes))
        grouped = np.abs(weight).reshape(self.groups, weight.shape[0] // self.groups, weight.shape[1], -1)
        return np.asarray(grouped.max(axis=(1, 3)).reshape(-1))

    def rows(self, x: Array, weight: Array, limit: int, seed: int) -> Array:
        """Return the inputs of single outputs, ``(groups, n, inputs of a group)`` in float32.

        Parameters
        ----------
        x
            Activation, ``(frames, ...)``.
        limit
            At most this many; of more, `seed` chooses.
        """
        if self.node.op == "Conv":
            return _patches(self.node, x, weight, self.groups, limit, seed)
        flat = x.reshape(-1, x.shape[-1])
        return np.asarray(flat[_choose(len(flat), limit, seed)], np.float32)[np.newaxis]


def well_seen(net: Net, name: str, channel_axis: int) -> bool:
    """Tell whether a frame shows so many values of each channel that its range can be trusted beyond calibration."""
    shape = net.shapes[name]
    return int(np.prod(shape)) >= PLACES * shape[channel_axis]


def _along(values: Array, axis: int, ndim: int) -> Array:
    return values.reshape(tuple(-1 if i == axis else 1 for i in range(ndim)))


def _choose(total: int, limit: int, seed: int) -> Array:
    """Return sorted indices, all or `limit` of them."""
    if total <= limit:
        return np.arange(total)
    return np.sort(np.random.default_rng(seed).choice(total, limit, replace=False))


def _patches(node: SourceNode, x: Array, weight: Array, groups: int, limit: int, seed: int) -> Array:
    """Return the patches of a convolution of any number of axes."""
    kernel = weight.shape[2:]
    rank = len(kernel)
    strides = tuple(node.attrs.get("strides", (1,) * rank))
    dilations = tuple(node.attrs.get("dilations", (1,) * rank))
    reach = tuple((k - 1) * d + 1 for k, d in zip(kernel, dilations, strict=True))
    pads = _pads(node, x.shape[2:], reach, strides)
    x = np.pad(x, ((0, 0), (0, 0), *pads))
    windows = np.lib.stride_tricks.sliding_window_view(x, reach, axis=tuple(range(2, 2 + rank)))
    every = [slice(None), slice(None), *(slice(None, None, step) for step in (*strides, *dilations))]
    windows = windows[tuple(every)]
    places = windows.shape[2 : 2 + rank]
    chosen = _choose(len(x) * prod(places), limit, seed)
    frame, *where = np.unravel_index(chosen, (len(x), *places))
    at: tuple[Any, ...] = (frame, slice(None), *where)
    taken = windows[at]
    by_group = taken.reshape(len(chosen), groups, -1)
    return np.ascontiguousarray(by_group.transpose(1, 0, 2), dtype=np.float32)


def _pads(
    node: SourceNode, extent: tuple[int, ...], reach: tuple[int, ...], strides: tuple[int, ...]
) -> tuple[tuple[int, int], ...]:
    rank = len(extent)
    auto = str(node.attrs.get("auto_pad", "NOTSET"))
    if auto not in ("SAME_UPPER", "SAME_LOWER"):
        given = tuple(node.attrs.get("pads", (0,) * 2 * rank))
        return tuple((given[i], given[i + rank]) for i in range(rank))
    totals = [max((-(-e // s) - 1) * s + r - e, 0) for e, r, s in zip(extent, reach, strides, strict=True)]
    small = [t // 2 for t in totals]
    pairs = [(s, t - s) for s, t in zip(small, totals, strict=True)]
    return tuple(pairs if auto == "SAME_UPPER" else [(b, a) for a, b in pairs])
