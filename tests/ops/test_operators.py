# SPDX-License-Identifier: Apache-2.0
"""Every hardware operator: a few cases each; the checks are inherited."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from hwgen.graph import Graph
from hwgen.ops.base import hardware_ops

from .base import OperatorTests
from .build import GraphBuilder


class TestWindow(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for kernel, stride, pad, order in ((3, 1, 1, "nhwc"), (3, 2, 0, "taps"), (1, 2, 0, "nhwc"), (2, 1, 1, "taps")):
            b = GraphBuilder()
            found.append(b.graph([b.window("w", b.input("x", (4, 7, 6), 3, signed=True), kernel, stride, pad, order)]))
        b = GraphBuilder()
        attrs = {"kernel": (3, 2), "stride": (2, 1), "pads": (0, 1, 2, 0), "pad_value": 0, "order": "nhwc"}
        found.append(b.graph([b.node("w", "window", [b.input("x", (2, 5, 5), 1, signed=True)], attrs)]))
        return found + cls.less_usual()

    @classmethod
    def less_usual(cls) -> list[Graph]:
        """Return windows with dilations, groups, and another look at their pixels."""
        attrs = {"kernel": (2, 3), "stride": (1, 2), "pads": (1, 2, 1, 1), "pad_value": -1, "order": "nhwc"}
        rest: list[dict[str, tuple[int, int] | int | str]] = [
            {"dilation": (3, 2)},
            {"groups": 2},
            {"dilation": (1, 2), "order": "taps"},
            {"size": (3, 10)},
        ]
        found = []
        for number, extra in enumerate(rest):
            b = GraphBuilder(seed=number)
            x = b.input("x", (4, 5, 6), 3, signed=True)
            found.append(b.graph([b.node("w", "window", [x], {**attrs, **extra})]))
        return found


class TestMatvec(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for x_bits, signed, w_bits in ((4, False, 4), (1, True, 1), (1, True, 4), (3, True, 1)):
            b = GraphBuilder()
            found.append(b.graph([b.matvec("m", b.input("x", (12,), x_bits, signed), 6, w_bits)]))
        b = GraphBuilder()
        found.append(b.graph([b.matvec("m", b.input("x", (4, 3, 2), 2), 4, 3, per_pixel=True)]))
        b = GraphBuilder()
        found.append(b.graph([b.matvec("m", b.input("x", (4, 3, 2), 2), 4, 3)]))
        for x_bits, w_bits in ((3, 4), (1, 1)):
            b = GraphBuilder()
            attrs = {"per_pixel": True, "groups": 3, "weight_bits": w_bits, "weight_signed": True}
            constants = {"weight": b.weights(6, 4, w_bits), "bias": [3, -2, 0, 1, 9, 4]}
            x = b.input("x", (12, 3, 2), x_bits, signed=True)
            found.append(b.graph([b.node("m", "matvec", [x], attrs, constants)]))
        return found


class TestDepthwise(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for bits in (4, 1):
            b = GraphBuilder()
            taps = b.window("w", b.input("x", (4, 5, 5), 4), order="taps")
            attrs = {"taps": 9, "weight_bits": bits, "weight_signed": True}
            constants = {"weight": b.weights(4, 9, bits), "bias": [3, -2, 0, 1]}
            found.append(b.graph([b.node("d", "depthwise", [taps], attrs, constants)]))
        b = GraphBuilder()
        taps = b.window("w", b.input("x", (4, 5, 5), 4), kernel=2, order="taps")
        attrs = {"taps": 4, "weight_bits": 3, "weight_signed": True}
        constants = {"weight": b.weights(12, 4, 3), "bias": b.rng.integers(-9, 9, 12)}
        found.append(b.graph([b.node("d", "depthwise", [taps], attrs, constants)]))
        return found


class TestPool(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for mode, multiplier in (("max", False), ("sum", False), ("sum", True)):
            b = GraphBuilder()
            taps = b.window("w", b.input("x", (4, 5, 5), 4, signed=True), kernel=2, stride=2, pad=0, order="taps")
            constants = {"multiplier": [1, 2, 3, 4]} if multiplier else {}
            found.append(b.graph([b.node("p", "pool", [taps], {"taps": 4, "mode": mode}, constants)]))
        return found


class TestGlobalPool(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for mode in ("max", "sum"):
            b = GraphBuilder()
            found.append(b.graph([b.node("g", "global_pool", [b.input("x", (4, 3, 3), 5, True)], {"mode": mode})]))
        return found


class TestAdd(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for signed, bits in ((True, 5), (False, 3), (True, 1)):
            b = GraphBuilder()
            ins = [b.input("a", (4, 3, 3), 4), b.input("b", (4, 3, 3), bits, signed)]
            found.append(b.graph([b.node("s", "add", ins, {"m0": 3, "m1": -5, "bias": 7})]))
        return found


class TestThresholds(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for levels, rows in ((7, 6), (3, 1)):
            b = GraphBuilder()
            found.append(b.graph([b.thresholds("t", b.input("x", (6, 2, 2), 9, True), levels, rows)]))
        b = GraphBuilder()
        found.append(b.graph([b.bipolar("t", b.input("x", (6,), 6, True))]))
        b = GraphBuilder()
        constants = {"thresholds": [[-1], [0], [1], [2]], "flip": [0, 1, 1, 0]}
        x = b.input("x", (4,), 1, True)
        found.append(b.graph([b.node("t", "thresholds", [x], {"y_min": -1, "step": 2}, constants)]))
        return found


class TestThresholdSearch(OperatorTests):
    """More thresholds than are compared with at once."""

    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for levels, rows in ((31, 4), (255, 4), (20, 1)):
            b = GraphBuilder()
            found.append(b.graph([b.thresholds("t", b.input("x", (4, 2, 1), 9, True), levels, rows)]))
        return found


class TestRequantise(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for mul, add in (([37, 91, 5, 120], [9, -400, 64, 0]), ([77], [128])):
            b = GraphBuilder()
            attrs = {"shift": 7, "lo": -128, "hi": 127}
            x = b.input("x", (4, 2, 3), 10, True)
            found.append(b.graph([b.node("r", "requantise", [x], attrs, {"mul": mul, "add": add})]))
        for least, most in (([0], [9, 127, 0, 60]), ([-128, 3, 7, -5], [3, 127, 7, 60])):
            b = GraphBuilder()
            attrs = {"shift": 7, "lo": min(least), "hi": 127, "ties": 1}
            constants = {"mul": [37, -91, 5, 64], "add": [9, -400, 64, 64], "least": least, "most": most}
            found.append(b.graph([b.node("r", "requantise", [b.input("x", (4, 2, 3), 10, True)], attrs, constants)]))
        return found


class TestArgmax(OperatorTests):
    __test__ = True

    @classmethod
    def graphs(cls) -> list[Graph]:
        found = []
        for shape, bits, signed in (((10,), 3, True), ((12, 1, 1), 6, False), ((4,), 1, True)):
            b = GraphBuilder()
            found.append(b.graph([b.node("a", "argmax", [b.input("x", shape, bits, signed)])]))
        return found


def test_every_operator_has_a_test_class() -> None:
    for path in Path(__file__).parent.glob("test_*.py"):
        import_module(f"{__package__}.{path.stem}")
    tested = {graph.nodes[-1].op for cls in OperatorTests.__subclasses__() for graph in cls.graphs()}
    assert tested == set(hardware_ops())
