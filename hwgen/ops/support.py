# SPDX-License-Identifier: Apache-2.0
"""Small tools that the hardware operators share: typed attributes, intervals, ROM layout."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.hw import Choice, CType, Rom, Storage


def int_attr(node: Node, name: str) -> int:
    """Return an integer attribute."""
    value = node.attrs[name]
    assert isinstance(value, int), f"{node.name}.{name} must be an integer, not {value!r}"
    return int(value)


def ints_attr(node: Node, name: str) -> tuple[int, ...]:
    """Return an attribute that is a tuple of integers."""
    value = node.attrs[name]
    assert isinstance(value, tuple), f"{node.name}.{name} must be a tuple, not {value!r}"
    return value


def str_attr(node: Node, name: str) -> str:
    """Return a string attribute."""
    value = node.attrs[name]
    assert isinstance(value, str), f"{node.name}.{name} must be a string, not {value!r}"
    return value


def bool_attr(node: Node, name: str) -> bool:
    """Return a boolean attribute."""
    return bool(node.attrs[name])


def in_type(graph: Graph, node: Node, index: int = 0) -> TensorType:
    """Return the type of an input of `node`."""
    return graph.types[node.inputs[index]]


def holding(shape: tuple[int, ...], lo: int, hi: int) -> TensorType:
    """Return the narrowest type of `shape` that holds ``[lo, hi]``; scale and zero point are left to the caller."""
    signed, bits = bits_for(lo, hi)
    return TensorType(shape, signed, bits)


def weighted_range(weight: Ints, bias: Ints, x: TensorType) -> tuple[int, int]:
    """Return the least and the greatest ``weight @ x + bias`` over all rows and all inputs of type `x`.

    Parameters
    ----------
    weight
        Shape ``(rows, terms)``.
    bias
        Shape ``(rows,)``.
    """
    positive = np.maximum(weight, 0).sum(axis=1)
    negative = np.minimum(weight, 0).sum(axis=1)
    highs = positive * x.hi + negative * x.lo + bias
    lows = positive * x.lo + negative * x.hi + bias
    return int(lows.min()), int(highs.max())


def product_range(lo: int, hi: int, factors: Ints) -> tuple[int, int]:
    """Return the range of ``value * factor`` for values in ``[lo, hi]`` and any of the factors."""
    least, most = int(factors.min()), int(factors.max())
    corners = [lo * least, lo * most, hi * least, hi * most]
    return min(corners), max(corners)


KEPT: Mapping[Storage, int] = {"lut": 1, "lutram": 1, "bram": 2, "uram": 3}
"""``kStorage`` of ``hls/include/hwgen/settings.hpp``."""


def kept_in(choice: Choice) -> dict[str, int]:
    """Return the member of a kernel's configuration that says where it keeps its weights or lines."""
    return {"kStorage": KEPT[choice.storage]} if choice.storage in KEPT else {}


def divisors(n: int) -> list[int]:
    """Return the divisors of `n`, ascending."""
    small = [d for d in range(1, int(n**0.5) + 1) if n % d == 0]
    return sorted({*small, *(n // d for d in small)})


def element_type(tensor: TensorType) -> CType:
    """Return the C++ type of one element as it sits on a stream; bipolar elements are unsigned bits."""
    return CType(tensor.signed and not tensor.bipolar, tensor.bits)


def two_inputs(graph: Graph, node: Node) -> dict[str, int | bool | CType]:
    """Return what the kernels of two inputs take about the elements of a, b and the output."""
    a, b, y = (graph.types[name] for name in (*node.inputs, *node.outputs))
    return {
        "kBipolarA": a.bipolar,
        "kBipolarB": b.bipolar,
        "a_t": element_type(a),
        "b_t": element_type(b),
        "out_t": element_type(y),
    }


def type_of(values: Ints) -> CType:
    """Return the narrowest C++ type that holds all `values`."""
    return CType(*bits_for(int(values.min()), int(values.max())))


def per_fold(values: Ints, channels: int, lanes: int) -> Ints:
    """Arrange per-channel values, shape ``(C or 1, ...)``, as ``(channels / lanes, lanes, ...)``."""
    full = np.broadcast_to(values, (channels, *values.shape[1:]))
    return np.ascontiguousarray(full).reshape(channels // lanes, lanes, *values.shape[1:])


def weight_codes(node: Node, weight: Ints) -> tuple[CType, Ints]:
    """Return the ROM type of a node's weights and the values as the ROM holds them; -1 and +1 become bits."""
    if bipolar_weights(node):
        return CType(False, 1), (weight + 1) // 2
    return CType(bool_attr(node, "weight_signed"), int_attr(node, "weight_bits")), weight


def bipolar_weights(node: Node) -> bool:
    """Tell whether a node's weights are -1 and +1."""
    return bool_attr(node, "weight_signed") and int_attr(node, "weight_bits") == 1


def bias_table(weight: Ints, bias: Ints, bipolar_input: bool, bipolar_weight: bool) -> Ints:
    """Return the bias with the constants that one-bit products leave out (see ``hls/include/hwgen/product.hpp``)."""
    if bipolar_input:
        missing = -np.full_like(bias, weight.shape[1]) if bipolar_weight else -weight.sum(axis=1)
    else:
        missing = (weight < 0).sum(axis=1) if bipolar_weight else np.zeros_like(bias)
    return np.asarray(bias + missing, dtype=np.int64)


class RomSet:
    """Collects the ROMs of one kernel call with their values."""

    def __init__(self, process: str) -> None:
        self._process = process
        self._roms: list[Rom] = []
        self.arrays: dict[str, Ints] = {}

    @property
    def roms(self) -> tuple[Rom, ...]:
        """The ROMs in the order they were added."""
        return tuple(self._roms)

    def add(self, name: str, ctype: CType, values: Ints) -> None:
        """Add a ROM of ``(depth, lanes)`` values that must fit `ctype`."""
        low, high = type_limits(ctype)
        assert values.size == 0 or (low <= values.min() and values.max() <= high), f"{self._process}.{name} overflows"
        key = f"{self._process}_{name}"
        self._roms.append(Rom(name, ctype, values.shape, key))
        self.arrays[key] = np.ascontiguousarray(values, dtype=np.int64)


def type_limits(ctype: CType) -> tuple[int, int]:
    """Return the least and the greatest value of a C++ integer type."""
    if ctype.signed:
        return -(1 << (ctype.bits - 1)), (1 << (ctype.bits - 1)) - 1
    return 0, (1 << ctype.bits) - 1
