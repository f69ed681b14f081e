# SPDX-License-Identifier: Apache-2.0
"""Random layers that move data: slices, pads, joins, resizes, blocks, transpositions of maps."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from .builder import Builder, Tensor
from .layers import Layers

LIMIT = 9


def move(layers: Layers, x: Tensor) -> Tensor:
    """Return a map with some of the elements of another, or with constants around them."""
    b = layers.b
    way = b.pick((_sliced, _padded, _gathered, _resized, _blocks, _transposed, _reflected))
    return way(b, x)


def join(layers: Layers, x: Tensor) -> Tensor:
    """Join a map with one that was computed from it, along any axis."""
    b = layers.b
    axis = b.pick((1, 1, 2, 3))
    other = layers.finish(layers.sum_of_conv(x, keep_shape=True)) if axis == 1 else x
    names = [x.name, other.name]
    if axis == 1 and b.chance(0.3):
        names.append(move_rows(b, x))
    if b.chance(0.5):
        names.reverse()
    b.used(f"concat_{axis}")
    shape = list(x.shape)
    shape[axis] *= len(names)
    made = Tensor(b.op("Concat", names, axis=axis), tuple(shape), max(x.rms, other.rms))
    return layers.q.activation(made, signed=True)


def move_rows(b: Builder, x: Tensor) -> str:
    """Return a map of the same size with its rows the other way round."""
    return b.op("Gather", [x.name, b.const(np.arange(x.shape[2])[::-1], np.int64)], axis=2)


def _sliced(b: Builder, x: Tensor) -> Tensor:
    axis = b.pick((1, 2, 3))
    extent = x.shape[axis]
    start = b.integer(0, extent - 1)
    end = b.integer(start + 1, extent)
    b.used("slice")
    return replace(x, name=slice_of(b, x.name, start, end, axis), shape=_with(x, axis, end - start))


def slice_of(b: Builder, x: str, start: int, end: int, axis: int) -> str:
    """Return a slice in the form of the opset."""
    if b.opset < 10:
        return b.op("Slice", [x], starts=[start], ends=[end], axes=[axis])
    return b.op("Slice", [x, *(b.const([v], np.int64) for v in (start, end, axis))])


def _padded(b: Builder, x: Tensor) -> Tensor:
    pads = [b.integer(0, 2) * int(b.chance(0.4)) for _ in range(6)]
    b.used("pad")
    return replace(x, name=_pad(b, x.name, pads, "constant"), shape=_grown(x, pads), bits=0)


def _reflected(b: Builder, x: Tensor) -> Tensor:
    pads = [0, b.integer(0, x.shape[2] - 1), b.integer(-1, 1), 0, 0, b.integer(0, 1)]
    mode = b.pick(("reflect", "edge")) if min(pads) >= 0 else "constant"
    b.used(f"pad_{mode}")
    return replace(x, name=_pad(b, x.name, pads, mode), shape=_grown(x, pads), bits=0)


def _pad(b: Builder, x: str, pads: list[int], mode: str) -> str:
    full = [0, *pads[:3], 0, *pads[3:]]
    if b.opset < 11:
        return b.op("Pad", [x], pads=full, mode=mode)
    return b.op("Pad", [x, b.const(full, np.int64)], mode=mode)


def _grown(x: Tensor, pads: list[int]) -> tuple[int, ...]:
    return (1, *(n + pads[i] + pads[i + 3] for i, n in enumerate(x.shape[1:])))


def _gathered(b: Builder, x: Tensor) -> Tensor:
    axis = b.pick((1, 2, 3))
    index = b.rng.integers(0, x.shape[axis], b.integer(1, 5))
    b.used("gather")
    name = b.op("Gather", [x.name, b.const(index, np.int64)], axis=axis)
    return replace(x, name=name, shape=_with(x, axis, index.size))


def _resized(b: Builder, x: Tensor) -> Tensor:
    factors = [b.integer(1, 2) if n < LIMIT else 1 for n in x.shape[2:]]
    scales = b.const([1, 1, *factors])
    b.used("resize")
    if b.opset < 10:
        name = b.op("Upsample", [x.name, scales], mode="nearest")
    elif b.opset < 11:
        name = b.op("Resize", [x.name, scales], mode="nearest")
    else:
        rounding = b.pick(("round_prefer_floor", "floor", "ceil"))
        place = b.pick(("half_pixel", "asymmetric"))
        roi = b.const([]) if b.opset < 13 else ""
        attrs = {"nearest_mode": rounding, "coordinate_transformation_mode": place}
        name = b.op("Resize", [x.name, roi, scales], mode="nearest", **attrs)
    return replace(x, name=name, shape=(*x.shape[:2], x.shape[2] * factors[0], x.shape[3] * factors[1]))


def _blocks(b: Builder, x: Tensor) -> Tensor:
    _, c, h, w = x.shape
    if c % 4 == 0:
        b.used("depth_to_space")
        attrs = {"mode": b.pick(("DCR", "CRD"))} if b.opset >= 11 else {}
        return replace(x, name=b.op("DepthToSpace", [x.name], blocksize=2, **attrs), shape=(1, c // 4, 2 * h, 2 * w))
    if h % 2 or w % 2:
        return _gathered(b, x)
    b.used("space_to_depth")
    return replace(x, name=b.op("SpaceToDepth", [x.name], blocksize=2), shape=(1, 4 * c, h // 2, w // 2))


def _transposed(b: Builder, x: Tensor) -> Tensor:
    perm = b.pick(((0, 1, 3, 2), (0, 2, 1, 3), (0, 3, 2, 1), (0, 3, 1, 2)))
    b.used("transpose")
    return replace(x, name=b.op("Transpose", [x.name], perm=perm), shape=tuple(x.shape[axis] for axis in perm))


def _with(x: Tensor, axis: int, extent: int) -> tuple[int, ...]:
    return tuple(extent if i == axis else n for i, n in enumerate(x.shape))
