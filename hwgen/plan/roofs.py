# SPDX-License-Identifier: Apache-2.0
"""How fast a board could be at a network: roofs of its LUTs, DSP blocks and memories, and where the layers stand.

The formulas are those of LUTMUL's roofline (arXiv 2411.11852): a multiplier of LUTs is paid with its adder, a DSP block
holds several narrow products, and weights inside the chip cost no bandwidth.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from hwgen.graph import Graph, Node, TensorType
from hwgen.hw import Board, Unit
from hwgen.ops.base import hardware_op
from hwgen.ops.support import holding, int_attr, weighted_range
from hwgen.plan.types import Plan, Process, Work

SAMPLE = (16, 64)
UNITS: tuple[Unit, ...] = ("lut_const", "lut_generic", "xnor")


@dataclass(frozen=True)
class Roof:
    """The most operations a second that one resource allows, a multiply-accumulate being two.

    Parameters
    ----------
    name, basis
        What it is of, and how it was found, in words.
    ops_per_s
        The roof; for memory the operations a second for one operation a byte.
    sloped
        True where the roof rises with the operations on a byte.
    """

    name: str
    basis: str
    ops_per_s: float
    sloped: bool = False


@dataclass(frozen=True)
class Dot:
    """A layer, or the network.

    Parameters
    ----------
    name
        Process, or the design's name.
    macs
        Multiply-accumulates of one frame.
    ops_per_s
        At the clock: of a layer while it works, of the network at its frame rate.
    bytes
        What a frame moves: of a layer through its streams, of the network through its ports; weights that stream in
        from memory are in both.
    bottleneck
        True for the layer that sets the frame rate.
    """

    name: str
    macs: int
    ops_per_s: float
    bytes: float
    bottleneck: bool = False

    @property
    def ops_per_byte(self) -> float:
        """Operations on each byte that is moved."""
        return 2 * self.macs / max(self.bytes, 1)

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {**asdict(self), "ops_per_byte": self.ops_per_byte}


@dataclass(frozen=True)
class Roofline:
    """Roofs with what stands under them; `weight_bits` and `act_bits` are those of most multiply-accumulates."""

    weight_bits: int
    act_bits: int
    roofs: tuple[Roof, ...]
    layers: tuple[Dot, ...]
    network: Dot

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {
            "weight_bits": self.weight_bits,
            "act_bits": self.act_bits,
            "roofs": [asdict(roof) for roof in self.roofs],
            "layers": [layer.to_json() for layer in self.layers],
            "network": self.network.to_json(),
        }


def work_of(graph: Graph, node: Node) -> Work | None:
    """Return what a node multiplies in one frame; None where that is nothing."""
    x, out = graph.types[node.inputs[0]], graph.types[node.outputs[0]]
    if node.op == "matmul_dynamic":
        terms = x.channels // int_attr(node, "heads")
        return Work(out.elements * terms, 0, graph.types[node.inputs[1]].bits, x.bits)
    if "weight" not in node.constants or "weight_bits" not in node.attrs:
        return None
    weight = graph.constant(node, "weight")
    return Work(out.elements * weight.shape[1], weight.size, int_attr(node, "weight_bits"), x.bits)


def roofline(plan: Plan, bandwidth_gbps: float | None) -> Roofline | None:
    """Return the roofs that a plan stands under; None for a network that multiplies nothing.

    Parameters
    ----------
    bandwidth_gbps
        Bytes a second that the budget allows, in units of 10^9; None where it is unknown.
    """
    busy = [(process, process.work) for process in plan.processes if process.work is not None]
    if not busy:
        return None
    widths: Counter[tuple[int, int]] = Counter()
    for _, work in busy:
        widths[work.weight_bits, work.act_bits] += work.macs
    weight_bits, act_bits = max(widths, key=lambda pair: (widths[pair], pair))
    layers = tuple(_layer(plan, process, work) for process, work in busy)
    return Roofline(
        weight_bits, act_bits, _roofs(plan, weight_bits, act_bits, bandwidth_gbps), layers, _network(plan, layers)
    )


def _roofs(plan: Plan, weight_bits: int, act_bits: int, bandwidth_gbps: float | None) -> tuple[Roof, ...]:
    hertz, limits = plan.clock_mhz * 1e6, plan.limits
    widths = f"{weight_bits} x {act_bits} bits"
    found = []
    for unit, luts in luts_per_mac(plan.board, weight_bits, act_bits).items():
        basis = f"{luts:.1f} LUT a multiply-accumulate of {widths} with its adder, by hwgen's own cost table"
        found.append(Roof(f"LUT, {unit}", f"{basis}; {limits.lut:,.0f} LUT allowed", 2 * limits.lut / luts * hertz))
    if limits.dsp:
        products = products_per_dsp(weight_bits, act_bits)
        basis = f"{products} products of {widths} in a DSP block; {limits.dsp:,.0f} allowed"
        found.append(Roof("DSP", basis, 2 * limits.dsp * products * hertz))
    if bandwidth_gbps:
        basis = f"{bandwidth_gbps:g} GB/s to memory; weights inside the chip cost none"
        found.append(Roof("bandwidth", basis, bandwidth_gbps * 1e9, sloped=True))
    return tuple(found)


def products_per_dsp(weight_bits: int, act_bits: int) -> int:
    """Return how many products of one activation width share a DSP block: 4 to 4 and 6 bits, 2 to 8, else 1."""
    low, high = sorted((weight_bits, act_bits))
    if low <= 4 and high <= 6:
        return 4
    return 2 if high <= 8 else 1


@lru_cache(maxsize=64)
def luts_per_mac(board: Board, weight_bits: int, act_bits: int) -> dict[Unit, float]:
    """Return what a multiply-accumulate a cycle costs in LUTs, by the units that use no DSP blocks.

    The cost model is asked for a sample layer of full-range random weights, at its most parallel.
    """
    outputs, inputs = SAMPLE
    rng = np.random.default_rng(0)
    top = 1 << (weight_bits - 1)
    weight = rng.integers(-top, top, (outputs, inputs)) if weight_bits > 1 else rng.choice([-1, 1], (outputs, inputs))
    x, bias = TensorType((1, inputs), act_bits == 1, act_bits), np.zeros(outputs, np.int64)
    node = Node(
        "sample", "matvec", ("x",), ("y",),
        {"per_pixel": False, "weight_bits": weight_bits, "weight_signed": True},
        {"weight": "w", "bias": "b"},
    )  # fmt: skip
    types = {"x": x, "y": holding((1, outputs), *weighted_range(weight, bias, x))}
    graph = Graph("sample", ("x",), ("y",), (node,), types, {"w": weight.astype(np.int64), "b": bias})
    found: dict[Unit, float] = {}
    for option in hardware_op(node).options(graph, node, board):
        rate = outputs * inputs / option.cycles
        if option.choice.unit in UNITS and not option.cost.dsp:
            luts = option.cost.lut / rate
            found[option.choice.unit] = min(luts, found.get(option.choice.unit, luts))
    return {unit: found[unit] for unit in UNITS if unit in found}


def _layer(plan: Plan, process: Process, work: Work) -> Dot:
    streams = [plan.channel(name).type for name in (*process.inputs, *process.outputs)]
    moved = sum(stream.width * stream.beats for stream in streams) / 8
    rate = 2 * work.macs / process.cycles * plan.clock_mhz * 1e6
    return Dot(process.name, work.macs, rate, moved, process.name == plan.bottleneck)


def _network(plan: Plan, layers: tuple[Dot, ...]) -> Dot:
    moved = sum(port.tdata_bits * plan.channel(port.channel).type.beats / 8 for port in plan.ports)
    macs = sum(layer.macs for layer in layers)
    return Dot(plan.name, macs, 2 * macs * plan.fps, moved)
