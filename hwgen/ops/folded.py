# SPDX-License-Identifier: Apache-2.0
"""What operators share once their foldings are known: options, cycles, and stream helpers."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import replace

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Graph, Ints, Node
from hwgen.hw import Board, Built, Choice, Family, Folding, Option, Resources, Schedule, StreamType, Unit
from hwgen.ops import whole
from hwgen.ops.area import Parts, priced
from hwgen.ops.base import HardwareOp
from hwgen.ops.support import divisors, in_type


class FoldedOp(HardwareOp):
    """An operator that can say which foldings it has and how many cycles each takes."""

    @abstractmethod
    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return the legal foldings, smallest first."""

    def unit(self, graph: Graph, node: Node) -> Unit:
        """Return the unit that the operator is built from, where it has one only."""
        return "none"

    def choices(self, graph: Graph, node: Node, board: Board) -> list[Choice]:
        """Return the legal choices: every folding of the one unit."""
        unit = self.unit(graph, node)
        return [Choice(folding, unit) for folding in self.foldings(graph, node)]

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return the iterations from a frame to the next."""
        return self.schedule(graph, node, folding).ii

    def traffic(self, graph: Graph, node: Node, choice: Choice) -> int:
        """Return the bytes that a frame takes from memory off chip."""
        return 0

    @abstractmethod
    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """Return what one choice is made of."""

    def cost(self, graph: Graph, node: Node, choice: Choice, board: Board) -> Resources:
        """Price the parts."""
        return priced(self.price_list(graph, node, choice), board.family, self.parts(graph, node, choice, board.family))

    def price_list(self, graph: Graph, node: Node, choice: Choice) -> str:
        """Return the name of the prices of a choice's parts: the operator's own, where it has no others."""
        return self.name

    def options(self, graph: Graph, node: Node, board: Board) -> list[Option]:
        """Return the choices that no other of the same folding beats, with cycles and cost, fewest cycles last."""
        by_folding: dict[Folding, list[Option]] = {}
        for choice in self.choices(graph, node, board):
            cycles = self.cycles(graph, node, choice.folding)
            cost, traffic = self.cost(graph, node, choice, board), self.traffic(graph, node, choice)
            option = Option(choice, cycles, cost, traffic)
            by_folding.setdefault(choice.folding, []).append(option)
        options = [option for alike in by_folding.values() for option in unbeaten(alike)]
        return sorted(options, key=lambda o: (-o.cycles, o.cost.lut, o.folding.simd, o.folding.pe))


def unbeaten(options: list[Option]) -> list[Option]:
    """Return the options than which no other takes as little or less of everything, registers left aside."""

    def needs(option: Option) -> tuple[float, ...]:
        cost = option.cost
        return cost.lut, cost.dsp, cost.bram36, cost.uram, option.traffic

    kept: list[Option] = []
    for option in sorted(options, key=needs):
        if not any(all(a <= b for a, b in zip(needs(other), needs(option), strict=True)) for other in kept):
            kept.append(option)
    return kept


class LaneOp(FoldedOp):
    """An operator that handles `lanes` channels of one pixel a cycle; its foldings are the divisors of the channels."""

    def lane_channels(self, graph: Graph, node: Node) -> int:
        """Return the number of channels that the lanes divide."""
        return in_type(graph, node).channels

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return one folding for each divisor of the channels."""
        return [Folding(lanes, lanes) for lanes in divisors(self.lane_channels(graph, node))]

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return streams of `folding.simd` lanes on every side."""
        ins = tuple(StreamType.of(graph.types[name], folding.simd) for name in node.inputs)
        outs = tuple(StreamType.of(graph.types[name], folding.simd) for name in node.outputs)
        return ins, outs

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return one iteration for each input beat."""
        return in_type(graph, node).elements // folding.simd

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read a beat of every input and write a beat in every iteration."""
        beat = np.arange(self.cycles(graph, node, folding), dtype=np.int64)
        return Schedule(beat.size, tuple(beat for _ in node.inputs), tuple(beat for _ in node.outputs))


class ElementOp(LaneOp):
    """An operator that treats each element by itself, with constants for each channel (C, ...) or for all (1, ...).

    It can also do a whole frame at once, which is one pixel to it.
    """

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return one folding for each divisor of the channels, and the whole frame where it is small enough."""
        frame = [whole.folding(graph, node)] if whole.fits(graph, node) else []
        return super().foldings(graph, node) + frame

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return streams of the folding's elements on every side."""
        return super().streams(graph, node, folding) if folding.pixels == 1 else whole.streams(graph, node)

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return one iteration for each input beat."""
        return super().cycles(graph, node, folding) // folding.pixels

    def cost(self, graph: Graph, node: Node, choice: Choice, board: Board) -> Resources:
        """Price the parts; of a whole frame those of its one pixel."""
        return super().cost(*self._seen(graph, node, choice), board)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the kernel call, for a whole frame that of its one pixel."""
        return self.kernel_of(*self._seen(graph, node, choice))

    @abstractmethod
    def kernel_of(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the kernel call for one pixel after the other."""

    @staticmethod
    def _seen(graph: Graph, node: Node, choice: Choice) -> tuple[Graph, Node, Choice]:
        if choice.folding.pixels == 1:
            return graph, node, choice
        lanes = in_type(graph, node).elements
        return whole.as_one_pixel(graph, node), node, replace(choice, folding=Folding(lanes, lanes))


def write_every(iterations: int, group: int) -> Ints:
    """Return the last iteration of each group of `group` iterations."""
    return np.arange(group - 1, iterations, group, dtype=np.int64)


def same_shapes(graph: Graph, node: Node) -> list[Problem]:
    """Return a problem when the inputs differ in shape."""
    shapes = {graph.types[name].shape for name in node.inputs}
    if len(shapes) == 1:
        return []
    return [Problem(f"The inputs must have one shape, not {sorted(shapes)}.", node.name)]


def no_bipolar(graph: Graph, node: Node) -> list[Problem]:
    """Return a problem when an input is bipolar and the kernel has no form for it."""
    if not any(graph.types[name].bipolar for name in node.inputs):
        return []
    return [Problem(f"{node.op} does not take one-bit bipolar inputs.", node.name, "Quantise its input to 2 bits.")]
