# SPDX-License-Identifier: Apache-2.0
"""What every hardware operator has to satisfy; a test class inherits all of it and only makes cases."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from functools import cache
from pathlib import Path

import numpy as np

from hwgen.config import Budget
from hwgen.graph import Graph, Node
from hwgen.hw import Choice, CType, Option, Storage, StreamType, Unit, boards, from_beats, to_beats
from hwgen.ops.base import HardwareOp, hardware_op
from hwgen.ops.folded import FoldedOp
from hwgen.ops.support import type_limits
from hwgen.plan import Plan, make_plan
from hwgen.resources import data_folder

from . import rtl
from .build import evaluate, random_inputs
from .csim import alone_differing, differing

FRAMES = 3
OPTIONAL = {"kDsp", "kStorage"}
"""Constants that a kernel does without."""


class OperatorTests(ABC):
    """Checks of one operator. A subclass makes graphs whose last node is the operator under test."""

    __test__ = False

    @classmethod
    @abstractmethod
    def graphs(cls) -> list[Graph]:
        """Return graphs with one node of the operator at the end."""

    @classmethod
    @cache
    def cases(cls) -> list[tuple[Graph, Node, HardwareOp, list[Option]]]:
        board = boards.load("zcu102")
        found = []
        for graph in cls.graphs():
            node = graph.nodes[-1]
            op = hardware_op(node)
            found.append((graph, node, op, op.options(graph, node, board)))
        return found

    def test_legal(self) -> None:
        for graph, node, op, _ in self.cases():
            assert op.check(graph, node) == []

    def test_golden_fits_the_inferred_type(self) -> None:
        for graph, node, op, _ in self.cases():
            golden = evaluate(graph, random_inputs(graph, FRAMES))
            for name, kind in zip(node.outputs, op.infer(graph, node), strict=True):
                values = golden[name]
                assert values.dtype == np.int64
                assert values.shape == (FRAMES, *kind.shape[1:])
                assert kind.lo <= values.min()
                assert values.max() <= kind.hi
                assert not kind.bipolar or set(np.unique(values)) <= {-1, 1}

    def test_golden_takes_frames_one_by_one(self) -> None:
        for graph, node, _, _ in self.cases():
            inputs = random_inputs(graph, FRAMES)
            together = evaluate(graph, inputs)
            for frame in range(FRAMES):
                alone = evaluate(graph, {name: values[frame : frame + 1] for name, values in inputs.items()})
                for name in node.outputs:
                    assert np.array_equal(alone[name][0], together[name][frame])

    def test_options_get_faster_and_cost_something(self) -> None:
        for _, _, _, options in self.cases():
            cycles = [option.cycles for option in options]
            assert options
            assert cycles == sorted(cycles, reverse=True)
            assert len({option.choice for option in options}) == len(options)
            assert all(option.cost.lut > 0 and option.cost.ff > 0 for option in options)
            assert all((option.cost.dsp > 0) == (option.choice.unit == "dsp") for option in options)

    def test_streams_carry_the_tensors(self) -> None:
        for graph, node, op, options in self.cases():
            golden = evaluate(graph, random_inputs(graph, FRAMES))
            for option in options:
                ins, outs = op.streams(graph, node, option.folding)
                for name, stream in zip((*node.inputs, *node.outputs), (*ins, *outs), strict=True):
                    kind = graph.types[name]
                    assert (stream.signed, stream.bits) == (kind.signed, kind.bits)
                    beats = to_beats(golden[name], stream)
                    assert beats.shape == (FRAMES, stream.beats, stream.lanes)
                    assert np.array_equal(from_beats(beats, stream, kind.shape), golden[name])

    def test_schedule_moves_every_beat_in_order(self) -> None:
        for graph, node, op, options in self.cases():
            for option in options:
                schedule = op.schedule(graph, node, option.folding)
                assert schedule.ii == option.cycles
                ins, outs = op.streams(graph, node, option.folding)
                for times, stream in zip((*schedule.reads, *schedule.writes), (*ins, *outs), strict=True):
                    _check_times(times, stream, schedule.iterations)

    def test_the_configuration_names_all_that_the_kernel_uses(self) -> None:
        for graph, node, op, options in self.cases():
            call = op.kernel(graph, node, options[0].choice).call
            header = data_folder("hls") / "include/hwgen" / call.header
            used = set(re.findall(r"\bCfg::(\w+)", _with_includes(header)))
            assert used - set(call.config) - OPTIONAL == set()

    def test_roms_fit_their_types(self) -> None:
        for graph, node, op, options in self.cases():
            for option in options:
                built = op.kernel(graph, node, option.choice)
                assert set(built.arrays) == {rom.key for rom in built.call.roms} | set(built.call.feeds)
                for rom in built.call.roms:
                    low, high = type_limits(rom.ctype)
                    values = built.arrays[rom.key]
                    assert values.shape == rom.shape
                    assert low <= values.min() <= values.max() <= high
                streams = op.streams(graph, node, option.folding)
                assert (built.call.inputs[: len(node.inputs)], built.call.outputs) == streams
                assert len(built.call.inputs) == len(node.inputs) + len(built.call.feeds)
                assert all(isinstance(v, int | bool | CType) for v in built.call.config.values())

    def test_compiled_cpp_equals_golden(self, tmp_path: Path) -> None:
        plans = [(plan, evaluate(plan_graph, random_inputs(plan_graph, FRAMES))) for plan_graph, plan in self.plans()]
        assert differing(plans, tmp_path, FRAMES) == []

    def test_compiled_cpp_of_every_kind_equals_golden(self, tmp_path: Path) -> None:
        wrong = []
        for number, (graph, node, op, _) in enumerate(self.cases()):
            found = kinds(op, graph, node)
            wrong += alone_differing(graph, node, found, tmp_path / str(number)) if len(found) > 1 else []
        assert wrong == []

    def test_rtl_equals_golden(self) -> None:
        graph, node, op, options = min(
            self.cases(), key=lambda case: sum(case[0].types[n].elements for n in case[0].inputs)
        )
        chosen = [option.choice for option in options[:: max(1, len(options) - 1)]]
        chosen += [choice for choice in kinds(op, graph, node) if choice not in chosen]
        assert rtl.differing(graph, node, chosen) == []

    @classmethod
    def plans(cls) -> list[tuple[Graph, Plan]]:
        """Return each case planned for the least area and for the most frames per second."""
        board = boards.load("pynq-z2")
        targets = ({"fps": 0.5}, "max_fps")
        return [
            (graph, make_plan(graph, board, Budget.parse({"board": "pynq-z2", "target": target})))
            for graph, _, _, _ in cls.cases()
            for target in targets
        ]


def kinds(op: HardwareOp, graph: Graph, node: Node) -> list[Choice]:
    """Return one choice for every unit and storage that the operator offers, and for whole frames."""
    assert isinstance(op, FoldedOp)
    found: dict[tuple[Unit, Storage, bool], list[Choice]] = {}
    for choice in op.choices(graph, node, boards.load("zcu102")):
        found.setdefault((choice.unit, choice.storage, choice.folding.pixels > 1), []).append(choice)
    return [choices[len(choices) // 2] for choices in found.values()]


def _check_times(times: np.ndarray, stream: StreamType, iterations: int) -> None:
    assert times.dtype == np.int64
    assert times.size == stream.beats
    assert times[0] >= 0
    assert times[-1] < iterations
    assert (np.diff(times) > 0).all()


def _with_includes(header: Path) -> str:
    text = header.read_text()
    for name in re.findall(r"#include <hwgen/(\w+\.hpp)>", text):
        if name in ("product.hpp", "window_geometry.hpp"):
            text += (header.parent / name).read_text()
    return text
