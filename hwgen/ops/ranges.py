# SPDX-License-Identifier: Apache-2.0
"""The values that each channel of an integer tensor can really take, narrower than its type."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from hwgen.graph import Graph, Ints, Node, TensorType


@dataclass(frozen=True, eq=False)
class Range:
    """Smallest and largest integer of each channel, int64 ``(C,)``."""

    lo: Ints
    hi: Ints

    @classmethod
    def of(cls, tensor: TensorType, lo: int | None = None, hi: int | None = None) -> Range:
        """Return the range of a type, or ``[lo, hi]`` in all of its channels."""
        full = np.ones(tensor.channels, dtype=np.int64)
        return cls(full * (tensor.lo if lo is None else lo), full * (tensor.hi if hi is None else hi))

    @property
    def least(self) -> int:
        """Smallest integer of all channels."""
        return int(self.lo.min())

    @property
    def most(self) -> int:
        """Largest integer of all channels."""
        return int(self.hi.max())


Rule = Callable[[Graph, Node, list[Range]], Range]


def propagate(graph: Graph, node: Node, known: Mapping[str, Range]) -> Range:
    """Return the range of the node's output; an operator without a rule has its type's."""
    rule = _RULES.get(node.op)
    if rule is None:
        return Range.of(graph.types[node.outputs[0]])
    return rule(graph, node, [known[name] for name in node.inputs])


def _weighted(weight: Ints, bias: Ints, lo: Ints, hi: Ints) -> Range:
    up, down = np.maximum(weight, 0), np.minimum(weight, 0)
    return Range((up * lo + down * hi).sum(axis=1) + bias, (up * hi + down * lo).sum(axis=1) + bias)


def _matvec(graph: Graph, node: Node, ins: list[Range]) -> Range:
    weight, bias = graph.constant(node, "weight"), graph.constant(node, "bias")
    groups = node.attrs.get("groups", 1)
    assert isinstance(groups, int)
    times = weight.shape[1] * groups // len(ins[0].lo)
    rows = len(weight) // groups if groups > 1 else 1
    lo, hi = (np.repeat(np.tile(v, times).reshape(groups, -1), rows, axis=0) for v in (ins[0].lo, ins[0].hi))
    return _weighted(weight, bias, lo, hi)


def _depthwise(graph: Graph, node: Node, ins: list[Range]) -> Range:
    weight, bias = graph.constant(node, "weight"), graph.constant(node, "bias")
    taps = weight.shape[1]
    lo, hi = (v.reshape(taps, -1).T for v in (ins[0].lo, ins[0].hi))
    filters = len(weight) // len(lo)
    return _weighted(weight, bias, np.repeat(lo, filters, axis=0), np.repeat(hi, filters, axis=0))


def _window(graph: Graph, node: Node, ins: list[Range]) -> Range:
    kernel, pads, pad = node.attrs["kernel"], node.attrs["pads"], node.attrs["pad_value"]
    assert isinstance(kernel, tuple) and isinstance(pads, tuple) and isinstance(pad, int)
    lo, hi = ins[0].lo, ins[0].hi
    if any(pads):
        lo, hi = np.minimum(lo, pad), np.maximum(hi, pad)
    taps, groups = kernel[0] * kernel[1], node.attrs.get("groups", 1)
    assert isinstance(groups, int)
    lo, hi = (np.tile(v.reshape(groups, -1), (1, taps)).reshape(-1) for v in (lo, hi))
    return Range(lo, hi)


def _pool(graph: Graph, node: Node, ins: list[Range]) -> Range:
    taps = node.attrs["taps"]
    assert isinstance(taps, int)
    lo, hi = ins[0].lo.reshape(taps, -1), ins[0].hi.reshape(taps, -1)
    if node.attrs["mode"] == "max":
        return Range(lo.max(axis=0), hi.max(axis=0))
    lo, hi = lo.sum(axis=0), hi.sum(axis=0)
    if "multiplier" in node.constants:
        factor = graph.constant(node, "multiplier")
        corners = np.stack([lo * factor.min(), lo * factor.max(), hi * factor.min(), hi * factor.max()])
        return Range(corners.min(axis=0), corners.max(axis=0))
    return Range(lo, hi)


def _global_pool(graph: Graph, node: Node, ins: list[Range]) -> Range:
    count = 1 if node.attrs["mode"] == "max" else graph.types[node.inputs[0]].pixels
    return Range(ins[0].lo * count, ins[0].hi * count)


def _add(graph: Graph, node: Node, ins: list[Range]) -> Range:
    bias = node.attrs["bias"]
    assert isinstance(bias, int)
    lo = np.full_like(ins[0].lo, bias)
    hi = lo.copy()
    for name, x in zip(("m0", "m1"), ins, strict=True):
        factor = node.attrs[name]
        assert isinstance(factor, int)
        lo += np.minimum(x.lo * factor, x.hi * factor)
        hi += np.maximum(x.lo * factor, x.hi * factor)
    return Range(lo, hi)


def _argmax(graph: Graph, node: Node, ins: list[Range]) -> Range:
    return Range.of(graph.types[node.outputs[0]], 0, graph.types[node.inputs[0]].elements - 1)


_RULES: dict[str, Rule] = {
    "matvec": _matvec,
    "depthwise": _depthwise,
    "window": _window,
    "pool": _pool,
    "global_pool": _global_pool,
    "add": _add,
    "argmax": _argmax,
}
