# SPDX-License-Identifier: Apache-2.0
"""Resize and Upsample to the nearest pixel: which input pixel each output pixel is."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction
from math import ceil, floor
from typing import ClassVar

import numpy as np

from hwgen.graph import Ints
from hwgen.graph.source import SourceNode
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import AXES, HINT, NUMBER, NUMBERS, TEXT, WHOLE, Signature, one_of
from hwgen.ops.taking import TakingOp, numbers

HALF = Fraction(1, 2)
ROUND: dict[str, Callable[[Fraction], int]] = {
    "round_prefer_floor": lambda x: ceil(x - HALF),
    "round_prefer_ceil": lambda x: floor(x + HALF),
    "floor": floor,
    "ceil": ceil,
}


class Resize(TakingOp):
    """Nearest neighbour, by any factor: each output pixel is one of the input."""

    onnx = ("Resize", "Upsample")
    signature = Signature(
        1,
        4,
        {
            "antialias": WHOLE, "axes": AXES, "coordinate_transformation_mode": TEXT, "cubic_coeff_a": NUMBER,
            "exclude_outside": WHOLE, "extrapolation_value": NUMBER, "keep_aspect_ratio_policy": TEXT, "mode": TEXT,
            "nearest_mode": one_of(*ROUND),
        },
    )  # fmt: skip
    signatures: ClassVar = {"Upsample": Signature(1, 2, {"mode": TEXT, "scales": NUMBERS})}

    def taken(self, ctx: Lowering, node: SourceNode, array: Ints) -> Sequence[Ints]:
        """Take the nearest rows and columns."""
        mode = str(node.attrs.get("mode", "nearest"))
        if mode != "nearest":
            text = f"The mode of {node.op} must be nearest, not {mode}."
            ctx.refuse(node, text, "Export with nearest, or use ConvTranspose with the interpolation's weights.")
        axes = tuple(node.attrs.get("axes", range(array.ndim)))
        out = ctx.model.shapes[node.outputs[0]]
        scales = self._scales(ctx, node, array.shape, axes, out)
        if len(scales) != len(axes) or len(out) != array.ndim or min(scales, default=1) <= 0:
            ctx.refuse(node, f"{node.op} must have a positive factor for each of its {len(axes)} axes.", HINT)
        for axis, scale in zip(axes, scales, strict=True):
            if scale != 1 or out[axis] != array.shape[axis]:
                array = np.take(array, self._nearest(ctx, node, array.shape[axis], out[axis], scale), axis=axis)
        return [array]

    def _scales(
        self, ctx: Lowering, node: SourceNode, shape: tuple[int, ...], axes: tuple[int, ...], out: tuple[int, ...]
    ) -> list[Fraction]:
        """Return the factor of each axis."""
        found = ctx.constant(node, 1 if len(node.inputs) < 3 else 2, "scales")
        if (found is None or not found.size) and "scales" in node.attrs:
            found = np.asarray(node.attrs["scales"], dtype=np.float32)
        if found is not None and found.size:
            return [Fraction(float(s)) for s in found.reshape(-1)]
        if numbers(ctx, node, 3, "sizes") is None:
            ctx.refuse(node, f"{node.op} must have scales or sizes.")
        return [Fraction(out[axis], shape[axis]) for axis in axes]

    def _nearest(self, ctx: Lowering, node: SourceNode, extent: int, wanted: int, scale: Fraction) -> list[int]:
        """Return the input pixel of each output pixel along one axis."""
        old = node.op == "Upsample" or ctx.model.opset < 11
        place = str(node.attrs.get("coordinate_transformation_mode", "asymmetric" if old else "half_pixel"))
        rounding = str(node.attrs.get("nearest_mode", "floor" if old else "round_prefer_floor"))
        if place not in ("half_pixel", "asymmetric", "align_corners", "pytorch_half_pixel", "half_pixel_symmetric"):
            text = f"The coordinate_transformation_mode of {node.op} must be half_pixel or asymmetric, not {place}."
            ctx.refuse(node, text, "Export with half_pixel or asymmetric.")
        last = extent - 1
        at = [_place(place, Fraction(x), extent, wanted, scale) for x in range(wanted)]
        return [min(max(ROUND[rounding](x), 0), last) for x in at]


def _place(mode: str, x: Fraction, extent: int, wanted: int, scale: Fraction) -> Fraction:
    """Return where output pixel `x` lies in the input, as ONNX defines it for each mode."""
    if mode == "asymmetric":
        return x / scale
    if mode == "align_corners":
        return x * (extent - 1) / (wanted - 1) if wanted > 1 else Fraction(0)
    if mode == "pytorch_half_pixel":
        return (x + HALF) / scale - HALF if wanted > 1 else Fraction(0)
    found = (x + HALF) / scale - HALF
    if mode == "half_pixel_symmetric":
        found += Fraction(extent, 2) * (1 - Fraction(wanted) / (scale * extent))
    return found
