# SPDX-License-Identifier: Apache-2.0
"""Rearrange: the elements of a frame in another order, any of them repeated or left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

import numpy as np

from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType, to_beats
from hwgen.ops.area import Parts, counting, index_bits, ram, rom
from hwgen.ops.folded import FoldedOp
from hwgen.ops.line_buffer import best, depth_of
from hwgen.ops.support import RomSet, divisors, in_type, ints_attr, type_of
from hwgen.ops.walk import MAX_LEVELS, Level, Walk, moves, walk


@dataclass(frozen=True)
class Wires:
    """Every output word takes its lanes from the input word at the same place: no memory.

    Parameters
    ----------
    beats
        Words of a frame.
    lanes
        Input lane of each output lane.
    """

    beats: int
    lanes: tuple[int, ...]


class Rearrange(FoldedOp):
    """``y[i] = x[index[i]]`` of a frame, both counted in ONNX layout.

    Attribute `shape` is the output's shape, batch included; constant `index` has one entry for each output element.
    A frame goes through a circular buffer (see `hwgen.ops.walk`), where whole beats may stay together; a selection of
    channels that is the same for every pixel is wires, when a beat is a pixel.
    """

    name = "rearrange"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the input's type in another shape."""
        return (replace(in_type(graph, node), shape=ints_attr(node, "shape"), scale=(), zero_point=0),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Take the elements."""
        (x,) = inputs
        index = graph.constant(node, "index")
        return (x.reshape(len(x), -1)[:, index].reshape(len(x), *ints_attr(node, "shape")[1:]),)

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return the lanes that keep beats together, and the whole pixel where channels are selected."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        lanes = [n for n in divisors(int(np.gcd(x.channels, y.channels))) if self.movement(graph, node, n, n)]
        found = [Folding(n, n) for n in lanes]
        whole = Folding(x.channels, y.channels)
        if whole not in found and isinstance(self.movement(graph, node, whole.simd, whole.pe), Wires):
            found.append(whole)
        return found

    def movement(self, graph: Graph, node: Node, lanes_in: int, lanes_out: int) -> Walk | Wires | None:
        """Return how words move when they have so many lanes; None where they would be taken apart."""
        x = in_type(graph, node)
        return _movement(
            graph.constant(node, "index").tobytes(), x.shape, ints_attr(node, "shape"), lanes_in, lanes_out
        )

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return both streams."""
        ins = (StreamType.of(in_type(graph, node), folding.simd),)
        return ins, (StreamType.of(graph.types[node.outputs[0]], folding.pe),)

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Through a buffer: read as early as there is room, write as early as the words are there."""
        moved = self.movement(graph, node, folding.simd, folding.pe)
        if isinstance(moved, Walk):
            return best(moved)
        assert moved is not None
        beats = np.arange(moved.beats, dtype=np.int64)
        return Schedule(moved.beats, (beats,), (beats,))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """The buffer, the words in it, its base that moves on, the counters or the table that address it, the word."""
        x, y = in_type(graph, node), graph.types[node.outputs[0]]
        word = float(y.bits * choice.folding.pe)
        moved = self.movement(graph, node, choice.folding.simd, choice.folding.pe)
        if not isinstance(moved, Walk):
            return Parts({"base": 1.0}, {"base": 1.0, "state": word})
        words = depth_of(moved)
        stored, bram = ram(words, x.bits * choice.folding.simd, family)
        place, offset = counting(*_counts(moved)), index_bits(moved.span + 1)
        table, table_bram = rom(len(moved.offsets) if moved.tabled else 1, offset, family)
        held, moves_on = index_bits(words) + 2, max(0, index_bits(words) - _still(moved))
        walked = 0 if moved.tabled else offset
        lut = {
            "base": 1.0, "place": place["counters"], "wraps": place["wraps"], "held": float(held),
            "moved": float(moves_on), "walked": float(walked), "ram": stored, "word": word, **table,
        }  # fmt: skip
        state = place["counters"] + held + moves_on + walked + word
        return Parts(lut, {"base": 1.0, "state": state, "block": word if bram else 0.0}, bram + table_bram)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `rearrange`, or of `select` where it is wires."""
        ins, outs = self.streams(graph, node, choice.folding)
        moved = self.movement(graph, node, choice.folding.simd, choice.folding.pe)
        roms = RomSet(node.name)
        bits = in_type(graph, node).bits
        if isinstance(moved, Walk):
            config = {"kBits": bits, "kLanes": choice.folding.simd, **_config(moved)}
            if moved.tabled:
                offsets = np.asarray(moved.offsets, dtype=np.int64)[:, np.newaxis]
                roms.add("offsets", type_of(offsets), offsets)
            return Built(KernelCall("rearrange.hpp", "rearrange", config, ins, outs, roms.roms), roms.arrays)
        assert moved is not None
        lanes = np.asarray(moved.lanes, dtype=np.int64)[np.newaxis]
        roms.add("lanes", type_of(lanes), lanes)
        select: dict[str, int | bool | CType] = {
            "kBits": bits,
            "kInLanes": choice.folding.simd,
            "kOutLanes": choice.folding.pe,
            "kBeats": moved.beats,
        }
        return Built(KernelCall("select.hpp", "select", select, ins, outs, roms.roms), roms.arrays)


def _frame_step(moved: Walk) -> int:
    """Return how far the base goes from a frame's last group to the next frame."""
    base = moved.groups().base
    return moved.total - base[-1] + base[0]


def _counts(moved: Walk) -> list[int]:
    """Return the counters of a walk; the outermost need none where they step as one frame follows another."""
    outer, steps = list(moved.outer), list(moves(moved.outer))
    while outer and steps[0] == _frame_step(moved):
        del outer[0], steps[0]
    inner = [len(moved.offsets)] if moved.tabled else [level.count for level in moved.inner]
    return [level.count for level in outer] + inner


def _still(moved: Walk) -> int:
    """Return the lowest bits of the base that never change: all of its steps end in as many zeros."""
    either = _frame_step(moved)
    for step in moves(moved.outer):
        either |= step
    return (either & -either).bit_length() - 1


def _config(moved: Walk) -> dict[str, int | bool | CType]:
    """Return what `rearrange.hpp` calls the walk; counters that there are not count to 1."""
    inner = (Level(len(moved.offsets), 0),) if moved.tabled else moved.inner
    spare = MAX_LEVELS - len(moved.outer) - len(inner)
    counts = [level.count for level in moved.outer] + [1] * spare + [level.count for level in inner]
    steps = [*moves(moved.outer), *[0] * spare, *moves(inner)]
    config: dict[str, int | bool | CType] = {
        "kBeats": moved.total,
        "kFirst": moved.first,
        "kStart": moved.offsets[0],
        "kSpan": moved.span,
        "kDepth": depth_of(moved),
        "kOuter": len(moved.outer) + spare,
        "kTabled": moved.tabled,
        "kFrameStep": _frame_step(moved),
    }
    config.update({f"kCount{k}": count for k, count in enumerate(counts)})
    config.update({f"kStep{k}": step for k, step in enumerate(steps)})
    return config


@lru_cache(maxsize=256)
def _movement(
    index: bytes, shape_in: tuple[int, ...], shape_out: tuple[int, ...], lanes_in: int, lanes_out: int
) -> Walk | Wires | None:
    place = stream_places(shape_in)
    taken = place[np.frombuffer(index, dtype=np.int64)[_streamed(shape_out)]].reshape(-1, lanes_out)
    beats, lanes = np.divmod(taken, lanes_in)
    if (beats != beats[:, :1]).any() or (lanes != lanes[0]).any():
        return None
    total = place.size // lanes_in
    if lanes_in == lanes_out and np.array_equal(lanes[0], np.arange(lanes_out)):
        return walk(beats[:, 0], total)
    if np.array_equal(beats[:, 0], np.arange(total)):
        return Wires(total, tuple(lanes[0].tolist()))
    return None


def stream_places(shape: tuple[int, ...]) -> Ints:
    """Return the place in the stream of every element in ONNX layout."""
    streamed = _streamed(shape)
    places = np.empty(streamed.size, dtype=np.int64)
    places[streamed] = np.arange(streamed.size, dtype=np.int64)
    return places


def _streamed(shape: tuple[int, ...]) -> Ints:
    """Return the position in ONNX layout of every element of a stream."""
    flat = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(shape)
    return to_beats(flat, StreamType(False, 1, 1, flat.size)).reshape(-1)
