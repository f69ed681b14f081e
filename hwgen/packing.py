# SPDX-License-Identifier: Apache-2.0
"""Several products in one multiplier block: where the lanes lie, and how each product is read exactly.

The HLS compiler packs by this, and the plan counts blocks by it.

A block multiplies D = sum of w_i 2**a_i by B = sum of x_j 2**b_j. With lane offsets o_0 < o_1 < ... it gives T = sum of
p_k 2**o_k, p_k one of the products. Lanes are narrower than products may be, and a negative one borrows from the lanes
above it. With u_0 = p_0, u_k = p_k + q_(k-1) and q_k = floor(u_k / 2**d_k), d_k the width of lane k, the bits of T in
lane k are u_k modulo 2**d_k, so that p_k = 2**d_k q_k + (bits of lane k) - q_(k-1). Each q is

- 0 or the negated top bit of its lane, where u_k fits the lane;
- else (bits of lane k + 1) - p_(k+1), modulo as few bits as its range needs: the low bits of a product take little
  logic, for two of them one LUT of six inputs each.

Schemes: two and four products per DSP48E2 after AMD's WP486 and WP487, four 4-bit weights that share an activation
after FINN's `mvu_4sx4u`; the ranges are computed here for the formats at hand.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple, Protocol

_CANARY = 3


class Factor(Protocol):
    """A factor's format."""

    @property
    def width(self) -> int:
        """Bits, the sign's included."""

    @property
    def signed(self) -> bool:
        """Whether it is two's complement."""


class Format(NamedTuple):
    """A factor's format by itself."""

    width: int
    signed: bool


@dataclass(frozen=True)
class Block:
    """A multiplier block: bits of the factor `d - a` and of `b`, whether it subtracts, the most products packed."""

    name: str
    wide: int
    narrow: int
    subtracts: bool
    most: int


BLOCKS: Mapping[str, Block] = {
    "xcup": Block("DSP48E2", 27, 18, True, 4),
    "xc7": Block("DSP48E1", 25, 18, True, 4),
    "ecp5": Block("MULT18X18D", 18, 18, False, 2),
    "ice40": Block("SB_MAC16", 16, 16, False, 2),
}
"""By family."""


@dataclass(frozen=True)
class Lane:
    """A product in a block.

    Attributes
    ----------
    wide, narrow
        Indices of its factors on the two ports.
    offset, width
        Its bits in the result.
    carry
        Bits of q, what the lane passes on; 0 where that is always 0.
    signed
        Whether q is two's complement.
    inside
        Whether q is the negated top bit of the lane.
    low, high
        Least and greatest product.
    """

    wide: int
    narrow: int
    offset: int
    width: int
    carry: int
    signed: bool
    inside: bool
    low: int
    high: int


@dataclass(frozen=True)
class Layout:
    """Offsets of the factors on both ports, and the lanes, lowest first."""

    wide: tuple[int, ...]
    narrow: tuple[int, ...]
    lanes: tuple[Lane, ...]


def unsigned_bits(high: int) -> int:
    """Return the number of bits (at least 1) of the unsigned type that holds 0..`high`."""
    return max(1, high.bit_length())


def signed_bits(low: int, high: int) -> int:
    """Return the number of bits (at least 1) of the two's complement type that holds `low`..`high`."""
    return max((~low if low < 0 else low).bit_length(), (~high if high < 0 else high).bit_length()) + 1


def limits(factor: Factor) -> tuple[int, int]:
    """Return the least and the greatest value of a factor."""
    half = 1 << (factor.width - 1)
    return (-half, half - 1) if factor.signed else (0, 2 * half - 1)


def port_bits(factors: Sequence[Factor], offsets: Sequence[int]) -> int:
    """Return the bits, with sign, of a port that holds factors at these offsets."""
    ranges = [limits(f) for f in factors]
    low, high = (sum(r[k] << o for r, o in zip(ranges, offsets, strict=True)) for k in (0, 1))
    return signed_bits(low, high)


def _bits(low: int, high: int) -> int:
    return signed_bits(low, high) if low < 0 else unsigned_bits(high)


def _product(x: Factor, w: Factor) -> tuple[int, int]:
    found = [a * c for a in limits(x) for c in limits(w)]
    return min(found), max(found)


def _lanes(
    wide: Sequence[Factor], narrow: Sequence[Factor], at: tuple[tuple[int, ...], tuple[int, ...]]
) -> tuple[Lane, ...] | None:
    """Return the lanes for offsets of the factors, or None where a product cannot be read."""
    order = sorted((a + b, i, j) for i, a in enumerate(at[0]) for j, b in enumerate(at[1]))
    top = port_bits(wide, at[0]) + port_bits(narrow, at[1])
    ends = [*(o for o, _, _ in order[1:]), top]
    lanes: list[Lane] = []
    below = (0, 0)
    for (offset, i, j), end in zip(order, ends, strict=True):
        low, high = _product(wide[i], narrow[j])
        least, most, width = low + below[0], high + below[1], end - offset
        if lanes and lanes[-1].carry > width and not lanes[-1].inside:
            return None
        fits = signed_bits(least, most) <= width
        below = (least >> width, most >> width)
        signed = below[0] < 0
        carry = signed_bits(*below) if signed else unsigned_bits(below[1]) if below[1] else 0
        if carry > _CANARY:
            return None
        lanes.append(Lane(i, j, offset, width, carry, signed, fits and signed, low, high))
    return tuple(lanes)


def _spread(needs: Sequence[int], port: int) -> Iterator[tuple[int, ...]]:
    """Yield offsets for lanes that would need so many bits, ever closer together; low lanes get the odd bit."""
    for room in range(port, 0, -1):
        offsets = [0]
        for k, need in enumerate(needs):
            share = -(-(room - offsets[-1]) // (len(needs) - k))
            offsets.append(offsets[-1] + min(need, share))
        yield tuple(offsets)


def star(factors: Sequence[Factor], shared: Factor, ports: tuple[int, int]) -> Layout | None:
    """Return a layout of products of `factors` with one shared factor, for ports of so many bits, or None."""
    return _star(tuple(Format(f.width, f.signed) for f in factors), Format(shared.width, shared.signed), ports)


@lru_cache(maxsize=1 << 16)
def _star(factors: tuple[Format, ...], shared: Format, ports: tuple[int, int]) -> Layout | None:
    """Compute `star`: networks ask for the same few formats over and over."""
    if len(factors) < 2 or port_bits([shared], [0]) > ports[1]:
        return None
    needs = [_bits(*_product(f, shared)) + (k > 0) for k, f in enumerate(factors[:-1])]
    offsets = next((o for o in _spread(needs, ports[0]) if port_bits(factors, o) <= ports[0]), None)
    if offsets is None or any(b - a < f.width for a, b, f in zip(offsets, offsets[1:], factors, strict=False)):
        return None
    lanes = _lanes(factors, [shared], (offsets, (0,)))
    return None if lanes is None else Layout(offsets, (0,), lanes)


def stars(factors: Sequence[Factor], shared: Factor, block: Block) -> list[tuple[tuple[int, ...], Layout]]:
    """Return which products of `factors` with one shared factor go into one block, those that stay alone left out.

    Each block takes as many of the next factors as it can; the tuples hold their indices.
    """
    found: list[tuple[tuple[int, ...], Layout]] = []
    at = 0
    while at < len(factors) - 1:
        for count in range(min(block.most, len(factors) - at), 1, -1):
            layout = star(factors[at : at + count], shared, (block.wide, block.narrow))
            if layout is not None:
                found.append((tuple(range(at, at + count)), layout))
                break
        at += len(found[-1][0]) if found and found[-1][0][0] == at else 1
    return found


def cross(wide: Sequence[Factor], narrow: Sequence[Factor], ports: tuple[int, int]) -> Layout | None:
    """Return a layout of the four products of two and two factors, or None."""
    products = [_product(f, g) for f in wide for g in narrow]
    least = max(_bits(low, high) for low, high in products)
    for gap in range(least, ports[1]):
        at = ((0, 2 * gap), (0, gap))
        if port_bits(wide, at[0]) > ports[0] or port_bits(narrow, at[1]) > ports[1]:
            return None
        lanes = _lanes(wide, narrow, at)
        if lanes is not None and all(lane.inside or not lane.carry for lane in lanes[:-1]):
            return Layout(*at, lanes)
    return None
