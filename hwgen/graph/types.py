# SPDX-License-Identifier: Apache-2.0
"""What an edge of the integer graph carries."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

MAX_BITS = 64


@dataclass(frozen=True)
class TensorType:
    """Type of one integer tensor: shape in ONNX layout, element range, and its meaning as real numbers.

    A real value is ``scale * (q - zero_point)``. A signed one-bit tensor is *bipolar*: q is -1 or +1, carried on a
    stream as the bit ``(q + 1) / 2``; two's complement {-1, 0} does not exist in hwgen.

    Parameters
    ----------
    shape
        ONNX layout with a leading batch of 1: ``(1, C, H, W)`` or ``(1, F)``.
    signed, bits
        Element format, two's complement when signed; 1 to 64 bits.
    scale
        One value, or one for each channel (axis 1); empty when the tensor has no meaning as reals (window taps).
    zero_point
        Integer that stands for real zero.
    """

    shape: tuple[int, ...]
    signed: bool
    bits: int
    scale: tuple[float, ...] = ()
    zero_point: int = 0

    @property
    def bipolar(self) -> bool:
        """True for one-bit tensors whose values are -1 and +1."""
        return self.signed and self.bits == 1

    @property
    def lo(self) -> int:
        """Smallest integer of the format."""
        if self.bipolar:
            return -1
        return -(1 << (self.bits - 1)) if self.signed else 0

    @property
    def hi(self) -> int:
        """Largest integer of the format."""
        if self.bipolar:
            return 1
        return (1 << (self.bits - 1)) - 1 if self.signed else (1 << self.bits) - 1

    @property
    def elements(self) -> int:
        """Number of elements in one frame."""
        count = 1
        for extent in self.shape[1:]:
            count *= extent
        return count

    @property
    def channels(self) -> int:
        """Extent of axis 1, the axis that is folded innermost on streams."""
        return self.shape[1]

    @property
    def pixels(self) -> int:
        """Number of positions that each carry `channels` elements: H*W, or 1 for ``(1, F)``."""
        return self.elements // self.channels

    def __str__(self) -> str:
        kind = "bipolar" if self.bipolar else f"{'int' if self.signed else 'uint'}{self.bits}"
        return f"{kind}[{', '.join(map(str, self.shape))}]"

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "shape": list(self.shape),
            "signed": self.signed,
            "bits": self.bits,
            "scale": list(self.scale),
            "zero_point": self.zero_point,
        }

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> TensorType:
        """Inverse of `to_json`."""
        return cls(tuple(data["shape"]), data["signed"], data["bits"], tuple(data["scale"]), data["zero_point"])


def bits_for(lo: int, hi: int) -> tuple[bool, int]:
    """Return ``(signed, bits)`` of the narrowest format that holds every integer in ``[lo, hi]``."""
    if lo >= 0:
        return False, max(1, hi.bit_length())
    return True, max(2, (-lo - 1).bit_length() + 1, max(hi, 0).bit_length() + 1)
