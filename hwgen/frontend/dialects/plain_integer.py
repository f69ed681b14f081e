# SPDX-License-Identifier: Apache-2.0
"""Floor, Round or Ceil with bounds: a quantiser written out in plain ONNX, as integer models and fake quantisers do.

``Mul by 2**-s; Floor; Clip(0, 15)`` is a shift and a saturation to 4 bits. The rounding and the bounds behind it become
one QONNX `Quant` of scale 1; what stands before them stays.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from hwgen.frontend.draft import Draft
from hwgen.frontend.writer import Writer
from hwgen.graph.source import Array, SourceNode

MODES = {"Floor": "FLOOR", "Round": "ROUND", "Ceil": "CEIL"}
MAX_BITS = 16

_Bound = float | None


@dataclass(frozen=True)
class _Bounded:
    """A rounding and the bounds behind it: the nodes in order, and the integers that come out."""

    nodes: tuple[SourceNode, ...]
    low: int
    high: int


def rewritten(draft: Draft) -> Draft:
    """Return the draft with every rounding to at most 16 bits, known from the bounds behind it, as a `Quant`."""
    readers: dict[str, list[SourceNode]] = {}
    for node in draft.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    found = [_bounded(node, readers, draft) for node in draft.nodes if node.op in MODES]
    chains = {chain.nodes[0].outputs[0]: chain for chain in found if chain is not None}
    if not chains:
        return draft
    writer = Writer(draft.names())
    gone: set[str] = set()
    for node in draft.nodes:
        chain = chains.get(node.outputs[0])
        if chain is not None:
            gone |= _write(writer, chain)
        elif node.outputs[0] not in gone:
            writer.nodes.append(node)
    return draft.with_nodes(writer.nodes, {**draft.constants, **writer.constants})


def _bounded(node: SourceNode, readers: Mapping[str, list[SourceNode]], draft: Draft) -> _Bounded | None:
    """Follow the bounds behind a rounding; None where they do not confine it to integers of a few bits."""
    chain = [node]
    low: _Bound = None
    high: _Bound = None
    while True:
        tensor = chain[-1].outputs[0]
        next_ones = readers.get(tensor, [])
        if len(next_ones) != 1 or tensor in draft.outputs:
            break
        bounds = _bounds(next_ones[0], tensor, draft.constants)
        if bounds is None:
            break
        low, high = (_clamp(old, *bounds) for old in (low, high))
        low, high = bounds[0] if low is None else low, bounds[1] if high is None else high
        chain.append(next_ones[0])
    if low is None or high is None or low >= high:
        return None
    return _Bounded(tuple(chain), int(low), int(high)) if _bits(int(low), int(high)) <= MAX_BITS else None


def _clamp(value: _Bound, low: _Bound, high: _Bound) -> _Bound:
    if value is None:
        return None
    value = value if low is None else max(value, low)
    return value if high is None else min(value, high)


def _bounds(node: SourceNode, tensor: str, constants: Mapping[str, Array]) -> tuple[_Bound, _Bound] | None:
    """Return the integral bounds that a node puts on `tensor`, None where it does anything else."""
    if node.op == "Relu":
        return 0.0, None
    if node.op == "Clip" and node.inputs[0] == tensor:
        ends = [_number(name, constants) for name in (*node.inputs[1:3], "", "")[:2]]
    elif node.op in ("Min", "Max") and len(node.inputs) == 2:
        value = _number(next(name for name in node.inputs if name != tensor), constants)
        ends = [np.inf, value] if node.op == "Min" else [value, np.inf]
    else:
        return None
    if None in ends:
        return None
    low, high = (None if not np.isfinite(v) or abs(v) > 2**MAX_BITS else v for v in ends if v is not None)
    return (low, high) if all(v is None or v == np.rint(v) for v in (low, high)) else None


def _number(name: str, constants: Mapping[str, Array]) -> float | None:
    """Return a constant scalar, infinity where there is none, and None where it is not constant."""
    if not name:
        return np.inf
    value = constants.get(name)
    return None if value is None or value.size != 1 else float(value.reshape(-1)[0])


def _bits(low: int, high: int) -> int:
    if low >= 0:
        return max(1, high.bit_length())
    return max(2, (-low - 1).bit_length() + 1, high.bit_length() + 1)


def _write(writer: Writer, chain: _Bounded) -> set[str]:
    """Write the quantiser; return the tensors of the nodes that it replaces."""
    first, last = chain.nodes[0], chain.nodes[-1]
    signed, bits = chain.low < 0, _bits(chain.low, chain.high)
    narrow = signed and chain.low == 1 - (1 << (bits - 1))
    least = (-(1 << (bits - 1)) + narrow) if signed else 0
    whole = (least, (1 << (bits - signed)) - 1) == (chain.low, chain.high)
    stem = first.outputs[0]
    numbers = (("scale", 1), ("zero_point", 0), ("bits", bits))
    parameters = [writer.const(f"{stem}__{name}", value) for name, value in numbers]
    attrs = {"signed": int(signed), "narrow": int(narrow), "rounding_mode": MODES[first.op]}
    out = last.outputs[0] if whole else stem
    writer.nodes.append(SourceNode(first.name, "Quant", (first.inputs[0], *parameters), (out,), attrs))
    return {node.outputs[0] for node in chain.nodes} if whole else {stem}
