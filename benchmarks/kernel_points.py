# SPDX-License-Identifier: Apache-2.0
"""The points at which kernels are measured: small instances with random settings and constants.

Point n of a kernel depends on the kernel and on n alone, so that more points extend a table and change nothing in it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache

import numpy as np
from kernel_plans import graph_of, specs
from kernel_point import Draw, Point, made, of_call, of_node
from kernel_taps import WITH_TAPS

from hwgen.graph import Attr, Ints, TensorType
from hwgen.hw import Built, CType, Folding, StreamType
from hwgen.ops import fork, width
from hwgen.ops.softmax import exponentials
from hwgen.ops.support import RomSet, type_of
from hwgen.ops.threshold_search import search_levels
from hwgen.plan.glue import EGRESS, FIFO, INGRESS, fifo_parts, port_parts
from hwgen.plan.sites import element_bits

BLOCKS, TAPS, PLANNED = 50, 70, 100
MADE_OF_BLOCKS = 6
OF_TAPS = {"window": 16, "depthwise": 6, "pool": 6}
"""Points with all taps in a word, by kernel."""


def _matvec(name: str, d: Draw) -> Point:
    bits, weight_bits = d.of(1, 2, 4, 8, 8), d.of(1, 2, 4, 8, 8)
    inputs, outputs = d.of(8, 9, 16, 27, 32, 64, 72, 144), d.of(4, 8, 10, 16, 32, 64)
    simd = d.divisor(inputs, max(1, 64 // (bits * weight_bits)))
    pe = d.divisor(outputs, max(1, 128 // (simd * bits * weight_bits)))
    if d.index % 4 == 3:  # every weight a constant of its own
        inputs = simd = d.of(4, 8, 9, 16)
        outputs = pe = d.of(2, 4, 8)
    side = d.of(1, 4, 8)
    x = TensorType((1, inputs, side, side), bits == 1 or bool(d.of(0, 1)), bits)
    attrs = {"per_pixel": True, "weight_bits": weight_bits, "weight_signed": True}
    bias = d.ints(-(1 << (bits + weight_bits)), 1 << (bits + weight_bits), outputs)
    constants = {"weight": d.weights(weight_bits, (outputs, inputs)), "bias": bias * d.of(0, 1, 1)}
    return made(name, "matvec", [x], Folding(simd, pe), attrs, constants)


def _matvec_resident(name: str, d: Draw) -> Point:
    bits, rows = d.of(2, 3, 4, 4), d.of(2, 2, 4)
    inputs, outputs = d.of(16, 24, 36, 72, 144), d.of(8, 12, 24)
    simd = d.divisor(inputs, 72)
    pe = d.divisor(outputs, max(1, 288 // simd))
    inputs, outputs = (simd * rows, pe) if d.of(0, 1) else (simd, pe * rows)
    x = TensorType((1, inputs, 4, 4), bool(d.of(0, 0, 1)), bits)
    weight_bits = d.of(3, 4, 4, 6, 8)
    attrs = {"per_pixel": True, "weight_bits": weight_bits, "weight_signed": True}
    constants = {"weight": d.weights(weight_bits, (outputs, inputs)), "bias": d.ints(-500, 500, outputs)}
    return made(name, "matvec", [x], Folding(simd, pe), attrs, constants, "lut_const")


def _matvec_of_blocks(name: str, d: Draw) -> Point:
    bits, weight_bits = d.of(2, 4, 8, 8), d.of(3, 4, 8, 8)
    inputs, outputs = d.of(8, 9, 16, 27, 64), d.of(8, 16, 32)
    simd, pe = d.divisor(inputs, 4), d.divisor(outputs, 4)
    x = TensorType((1, inputs, 4, 4), bool(d.of(0, 1)), bits)
    attrs = {"per_pixel": True, "weight_bits": weight_bits, "weight_signed": True}
    constants = {"weight": d.weights(weight_bits, (outputs, inputs)), "bias": d.ints(-500, 500, outputs)}
    unit, storage = (("dsp", "auto"), ("dsp", "bram"), ("lut_generic", "bram"), ("dsp", "lut"))[d.index % 4]
    return made(name, "matvec", [x], Folding(simd, pe), attrs, constants, unit, storage)


def _depthwise_of_blocks(name: str, d: Draw) -> Point:
    bits, weight_bits, channels, taps = d.of(4, 8), d.of(4, 8), d.of(8, 16, 64), d.of(3, 9)
    lanes = d.divisor(channels, 8)
    x = TensorType((1, taps * channels, 5, 5), bool(d.of(0, 1)), bits)
    attrs = {"taps": taps, "weight_bits": weight_bits, "weight_signed": True}
    constants = {"weight": d.weights(weight_bits, (channels, taps)), "bias": d.ints(-500, 500, channels)}
    storage = ("auto", "bram")[d.index % 2]
    return made(name, "depthwise", [x], Folding(lanes, lanes), attrs, constants, "dsp", storage)


def _depthwise(name: str, d: Draw) -> Point:
    bits, weight_bits = d.of(2, 4, 8, 8), d.of(1, 2, 4, 8)
    taps, channels, side = d.of(3, 9, 10, 25), d.of(3, 8, 16, 64), d.of(1, 5, 8, 25)
    lanes = d.divisor(channels, max(1, 320 // (bits * weight_bits)))
    x = TensorType((1, taps * channels, side, side), bool(d.of(0, 1)), bits)
    attrs = {"taps": taps, "weight_bits": weight_bits, "weight_signed": True}
    constants = {"weight": d.weights(weight_bits, (channels, taps)), "bias": d.ints(-500, 500, channels)}
    return made(name, "depthwise", [x], Folding(lanes, lanes), attrs, constants)


def _window(name: str, d: Draw) -> Point:
    bits, channels = d.of(1, 2, 4, 8, 8), d.of(1, 3, 4, 8, 16, 64)
    lanes = d.divisor(channels, max(1, 64 // bits))
    size, kernel, stride = d.of(8, 10, 14, 28, 32), d.of(1, 2, 3, 3, 5), d.of(1, 1, 2)
    pad = d.of(0, (kernel - 1) // 2)
    x = TensorType((1, channels, size, size), bits == 1 or bool(d.of(0, 1)), bits)
    order = ("nhwc", "taps")[d.of(0, 1)]
    value = d.of(0, -1) if bits > 1 and x.signed else 1 if bits == 1 else 0
    attrs: dict[str, Attr] = {
        "kernel": (kernel, kernel),
        "stride": (stride, stride),
        "pads": (pad,) * 4,
        "pad_value": value,
    }
    plain = made(name, "window", [x], Folding(lanes, lanes), {**attrs, "order": order})
    return replace(plain, text=f"{plain.text} k{kernel} s{stride} p{pad}")


def _thresholds(name: str, d: Draw) -> Point:
    bits, steps, channels = d.of(6, 9, 12, 16, 20), d.of(1, 1, 3, 7, 15, 15), d.of(4, 8, 16, 32, 64)
    lanes = d.divisor(channels, max(1, 60 // steps))
    rows = d.of(1, channels, channels, channels)
    x = TensorType((1, channels, 4, 4), bool(d.of(0, 1, 1)), bits)
    reach = min(x.hi, 1 << (bits - d.of(1, 3)))
    table = np.sort(d.ints(-reach if x.signed else 0, reach, (rows, steps)), axis=1)
    flip = d.ints(0, 1, rows) * d.of(0, 0, 1)
    y_min, step = (-1, 2) if steps == 1 else (0, 1)
    return made(
        name, "thresholds", [x], Folding(lanes, lanes), {"y_min": y_min, "step": step},
        {"thresholds": table, "flip": flip},
    )  # fmt: skip


def _thresholds_to_search(name: str, d: Draw) -> Point:
    bits, steps, channels = d.of(9, 12, 16, 20), d.of(31, 63, 100, 255), d.of(4, 8, 16)
    lanes, rows = d.divisor(channels, 4), d.of(1, channels, channels)
    x = TensorType((1, channels, 4, 4), bool(d.of(0, 1, 1)), bits)
    reach = 1 << (bits - 1)
    table = np.sort(d.ints(-reach if x.signed else 0, reach, (rows, steps)), axis=1)
    constants = {"thresholds": table, "flip": d.ints(0, 1, rows) * d.of(0, 0, 1)}
    return made(name, "thresholds", [x], Folding(lanes, lanes), {"y_min": 0, "step": 1}, constants)


def _requantise(name: str, d: Draw) -> Point:
    bits, mul_bits, channels = d.of(9, 12, 16, 20, 24), d.of(2, 6, 8, 11, 15), d.of(4, 8, 16, 32, 64)
    lanes = d.divisor(channels, max(1, 500 // (bits * mul_bits)))
    rows = d.of(1, channels, channels)
    x = TensorType((1, channels, 4, 4), bool(d.of(0, 1, 1)), bits)
    out, signed = d.of(3, 4, 8, 8), d.of(0, 1)
    shift = max(1, bits + mul_bits - out - 2)
    limits = {"lo": -(1 << (out - 1)) * signed, "hi": (1 << (out - signed)) - 1}
    top = (1 << mul_bits) - 1
    constants = {"mul": d.ints(top // 2 + 1, top, rows), "add": d.ints(-top, top, rows) + (1 << (shift - 1))}
    attrs = {"shift": shift, **limits, **({"ties": 1} if d.of(0, 0, 1) else {})}
    return made(name, "requantise", [x], Folding(lanes, lanes), attrs, constants)


def _requantise_within_limits(name: str, d: Draw) -> Point:
    bits, mul_bits, channels = d.of(12, 18, 20), d.of(9, 16, 24), d.of(8, 32, 128, 512)
    lanes, shift = d.divisor(channels, 4), mul_bits + bits - 9
    x = TensorType((1, channels, 4, 4), True, bits)
    top = (1 << mul_bits) - 1
    constants = {
        "mul": d.ints(top // 2 + 1, top, channels), "add": d.ints(-top, top, channels) + (1 << (shift - 1)),
        "least": d.ints(0, 50, channels) if d.index % 3 == 2 else [0], "most": d.ints(100, 255, channels),
    }  # fmt: skip
    return made(name, "requantise", [x], Folding(lanes, lanes), {"shift": shift, "lo": 0, "hi": 255}, constants)


def _table(name: str, d: Draw) -> Point:
    bits, channels, out = d.of(4, 6, 8, 8, 10, 12), d.of(4, 8, 16, 32), d.of(2, 4, 8, 8)
    lanes = d.divisor(channels, 8)
    rows = d.of(1, 1, 1, channels) if bits <= 8 else 1
    x = TensorType((1, channels, 4, 4), bool(d.of(0, 1)), bits)
    curve = np.tanh(np.linspace(-3, 3, 1 << bits) / d.ints(1, 3, (rows, 1)))
    values = np.rint(curve * ((1 << (out - 1)) - 1)).astype(np.int64)
    return made(name, "table", [x], Folding(lanes, lanes), {"bipolar": False}, {"values": values})


def _pool(name: str, d: Draw) -> Point:
    bits, taps, channels, side = d.of(1, 2, 4, 8, 12), d.of(4, 9, 25), d.of(4, 8, 16, 64), d.of(1, 4, 7)
    mode = ("max", "sum")[d.of(0, 1)] if bits > 1 else "max"
    lanes = d.divisor(channels, 32)
    x = TensorType((1, taps * channels, side, side), bits == 1 or bool(d.of(0, 1)), bits)
    constants = {"multiplier": d.ints(1, 63, side * side)} if mode == "sum" and d.of(0, 0, 1) else {}
    return made(name, "pool", [x], Folding(lanes, lanes), {"taps": taps, "mode": mode}, constants)


def _global_pool(name: str, d: Draw) -> Point:
    bits, channels, side = d.of(2, 4, 8, 8), d.of(4, 8, 16, 64), d.of(2, 5, 8)
    lanes = d.divisor(channels, 16)
    x = TensorType((1, channels, side, side), bool(d.of(0, 1)), bits)
    return made(name, "global_pool", [x], Folding(lanes, lanes), {"mode": ("sum", "max")[d.of(0, 0, 1)]})


def _add(name: str, d: Draw) -> Point:
    channels = d.of(4, 8, 16, 64)
    lanes = d.divisor(channels, 16)
    kinds = [TensorType((1, channels, 4, 4), bool(d.of(0, 1)), d.of(2, 4, 8)) for _ in "ab"]
    attrs = {"m0": d.of(1, 1, 2, 3, 77, 1021), "m1": d.of(1, 1, 5, 6, 91, -1), "bias": d.of(0, 0, 17, -300)}
    return made(name, "add", kinds, Folding(lanes, lanes), attrs)


def _multiply(name: str, d: Draw) -> Point:
    channels, side = d.of(4, 8, 16, 64), d.of(3, 4, 8)
    lanes = d.divisor(channels, 8)
    a, b = (TensorType((1, channels, side, side), bool(d.of(0, 1)), d.of(2, 4, 8)) for _ in "ab")
    kinds = [a, TensorType((1, channels), b.signed, b.bits) if d.of(0, 1) else b]
    return made(name, "multiply", kinds, Folding(lanes, lanes), {"za": d.of(0, 0, 5), "zb": d.of(0, 0, -3)})


def _argmax(name: str, d: Draw) -> Point:
    elements = d.of(4, 10, 12, 16, 100)
    lanes = d.divisor(elements, 12)
    x = TensorType((1, elements), bool(d.of(0, 1, 1)), d.of(4, 8, 12, 20))
    return made(name, "argmax", [x], Folding(lanes, 1), {})


def _layernorm(name: str, d: Draw) -> Point:
    bits, channels, tokens = d.of(4, 8, 8), d.of(8, 12, 32, 64), d.of(4, 16, 49)
    lanes = d.divisor(channels, 4)
    x = TensorType((1, channels, tokens, 1), bool(d.of(0, 1, 1)), bits)
    attrs = {"epsilon": d.of(1, 300, 2816), "scale_bits": d.of(0, 4, 8)}
    return made(name, "layernorm", [x], Folding(lanes, lanes), attrs)


def _softmax(name: str, d: Draw) -> Point:
    bits, length, heads = d.of(4, 6, 8, 8), d.of(4, 8, 16, 49, 64), d.of(1, 2, 4)
    lanes = d.divisor(length, 4)
    x = TensorType((1, heads * length, d.of(4, 16), 1), bool(d.of(0, 1)), bits)
    table = exponentials(d.of(1, 3, 10) / 100 * (1 << 8 - bits), length, (1 << bits) - 1)
    return made(name, "softmax", [x], Folding(lanes, lanes), {"length": length}, {"exp": table})


def _matmul_dynamic(name: str, d: Draw) -> Point:
    heads, terms, outputs, tokens = d.of(1, 2, 4), d.of(4, 8, 16), d.of(4, 16, 49), d.of(4, 16)
    a, b = (TensorType((1, heads, 1, 1), bool(d.of(0, 1, 1)), d.of(4, 8, 8)) for _ in "ab")
    simd, pe = d.divisor(terms, 8), d.divisor(outputs, 4)
    transposed = bool(d.of(0, 1))
    kept = (heads * terms, outputs, 1) if transposed else (heads * outputs, terms, 1)
    kinds = [replace(a, shape=(1, heads * terms, tokens, 1)), replace(b, shape=(1, *kept))]
    attrs = {"heads": heads, "transposed": transposed, "zero_a": d.of(0, 0, 5), "zero_b": d.of(0, 0, -3)}
    return made(name, "matmul_dynamic", kinds, Folding(simd, pe), attrs)


def _add_table(name: str, d: Draw) -> Point:
    bits, channels, pixels = d.of(4, 8, 20), d.of(8, 16, 64), d.of(4, 16, 49)
    lanes = d.divisor(channels, 8)
    x = TensorType((1, channels, pixels, 1), bool(d.of(0, 1, 1)), bits)
    table = {"table": d.ints(-(1 << 15), 1 << 15, (channels, pixels))}
    return made(name, "add_table", [x], Folding(lanes, lanes), {"shift": max(0, 16 - bits)}, table)


def _rearrange(name: str, d: Draw) -> Point:
    channels, side, bits = d.of(4, 8, 16, 32), d.of(4, 6, 8, 14), d.of(2, 4, 8, 8, 12)
    x = TensorType((1, channels, side, side), bool(d.of(0, 1)), bits)
    order = np.arange(x.elements, dtype=np.int64).reshape(x.shape[1:])
    ways: list[Ints] = [
        order.transpose(0, 2, 1),
        order.repeat(2, 1).repeat(2, 2),
        order[:, 1:, :-1],
        order[:, d.ints(0, side - 1, side)],
        order.reshape(4, -1, side, side).transpose(1, 0, 2, 3).reshape(order.shape),
    ]
    way = d.index % len(ways)
    lanes = d.divisor(channels, 16) if way < 4 else channels
    if way == 4 and d.of(0, 1):
        lanes = 1
    attrs: dict[str, Attr] = {"shape": (1, *ways[way].shape)}
    return made(name, "rearrange", [x], Folding(lanes, lanes), attrs, {"index": ways[way].reshape(-1)})


def _concat(name: str, d: Draw) -> Point:
    channels, others, side = d.of(4, 8, 16, 32), d.of(4, 8, 16, 32), d.of(3, 4, 8)
    axis = d.of(1, 1, 2, 3)
    a = TensorType((1, channels, side, side), bool(d.of(0, 1)), d.of(2, 4, 8))
    b = TensorType((1, others if axis == 1 else channels, side, side), bool(d.of(0, 1)), d.of(2, 4, 8))
    lanes = d.divisor(min(channels, b.channels), 16)
    if axis == 1 and d.of(0, 1):
        lanes = channels + others
    return made(name, "concat", [a, b], Folding(lanes, lanes), {"axis": axis})


def _pad(name: str, d: Draw) -> Point:
    channels, side = d.of(4, 8, 16, 32), d.of(3, 4, 8, 14)
    lanes = d.divisor(channels, 16)
    x = TensorType((1, channels, side, side), bool(d.of(0, 1)), d.of(1, 2, 4, 8, 8))
    around = d.ints(0, 2, 6) * np.array([lanes, 1, 1] * 2)
    return made(name, "pad", [x], Folding(lanes, lanes), {"pads": tuple(around.tolist()), "value": d.of(0, 0, 1)})


def _fork(name: str, d: Draw) -> Point:
    stream = StreamType(False, d.of(1, 4, 8), d.of(1, 4, 16), d.of(1, 49, 100, 1024))
    copies = d.of(2, 2, 3)
    return of_call(name, fork.kernel(stream, copies), fork.parts(stream, copies))


def _width(name: str, d: Draw) -> Point:
    narrow, ratio = d.of(1, 2, 3, 8), d.of(2, 3, 4, 8, 16)
    lanes = (narrow, narrow * ratio)[:: d.of(-1, 1)]
    stream = StreamType(bool(d.of(0, 1)), d.of(2, 4, 8), lanes[0], narrow * ratio * d.of(8, 49) // lanes[0])
    return of_call(name, width.kernel(stream, lanes[1]), width.parts(stream, lanes[1]))


def _fifo(name: str, d: Draw) -> Point:
    bits, depth = d.of(4, 8, 21, 32, 64), d.of(2, 2, 3, 9, 16, 30, 64, 100, 300, 1024)
    if d.index % 4 == 3:  # in block RAM
        bits, depth = d.of(9, 20, 36, 72, 128), d.of(500, 1024, 2000, 3000, 5000)
    return _fifo_of(name, depth, bits)


def _fifo_of(name: str, depth: int, bits: int) -> Point:
    parameters = {"WIDTH": bits, "DEPTH": depth}
    return Point(name, FIFO, f"{bits} bits x {depth}", lambda f: fifo_parts(depth, bits, f), None, parameters)


def _port(name: str, kernel: str, d: Draw) -> Point:
    bits, beats = d.of(1, 2, 4, 8, 20), d.of(1, 10, 64, 784, 3072)
    kind = TensorType((1, 1), bits == 1 or bool(d.of(0, 1)), bits)
    element = element_bits(kind)
    lanes = d.of(1, 2, 128 // element // 2, 128 // element)
    parameters = {"LANES": lanes, "BITS": bits, "ELEMENT_BITS": element, "BIPOLAR": int(kind.bipolar), "BEATS": beats}
    if kernel == EGRESS:
        parameters["SIGNED"] = int(kind.signed)
    text = f"{lanes} x {bits} bits, {beats} beats"
    parts = port_parts(kind, lanes, beats, element, kernel == INGRESS)
    return Point(name, kernel, text, lambda _: parts, None, parameters)


MAKERS: dict[str, Callable[[str, Draw], Point]] = {
    "matvec": _matvec,
    "matvec_resident": _matvec_resident,
    "depthwise": _depthwise,
    "window": _window,
    "thresholds": _thresholds,
    "requantise": _requantise,
    "table": _table,
    "pool": _pool,
    "global_pool": _global_pool,
    "add": _add,
    "multiply": _multiply,
    "argmax": _argmax,
    "add_table": _add_table,
    "layernorm": _layernorm,
    "softmax": _softmax,
    "matmul_dynamic": _matmul_dynamic,
    "rearrange": _rearrange,
    "concat": _concat,
    "pad": _pad,
    "fork": _fork,
    "width": _width,
    FIFO: _fifo,
    INGRESS: lambda name, d: _port(name, INGRESS, d),
    EGRESS: lambda name, d: _port(name, EGRESS, d),
}


OF_BLOCKS: dict[str, Callable[[str, Draw], Point]] = {
    "matvec": _matvec_of_blocks,
    "depthwise": _depthwise_of_blocks,
    "thresholds": _thresholds_to_search,
    "requantise": _requantise_within_limits,
}


def points(kernel: str, count: int) -> list[Point]:
    """Return the first `count` random points of a kernel."""
    return [point(f"{kernel}_{index}") for index in range(count)]


def of_blocks(kernel: str) -> list[Point]:
    """Return the points of a kernel in another form: multiplier blocks, told memories, a search, limits of channels."""
    return [point(f"{kernel}_{BLOCKS + index}") for index in range(MADE_OF_BLOCKS if kernel in OF_BLOCKS else 0)]


def of_taps(kernel: str) -> list[Point]:
    """Return the points of a kernel that take or give all taps of a window in a word."""
    return [point(f"{kernel}_{TAPS + index}") for index in range(OF_TAPS.get(kernel, 0))]


def planned(kernel: str) -> list[Point]:
    """Return the points of a kernel that come from plans of real networks."""
    return [point(f"{kernel}_{PLANNED + index}") for index in range(len(specs().get(kernel, [])))]


@cache
def point(name: str) -> Point:
    """Return a point: random ones are numbered from 0, the others from `BLOCKS`, `TAPS` and `PLANNED`."""
    kernel, _, text = name.rpartition("_")
    index = int(text)
    if BLOCKS <= index < PLANNED:
        return (OF_BLOCKS if index < TAPS else WITH_TAPS)[kernel](name, Draw(kernel, index))
    if index < BLOCKS:
        return MAKERS[kernel](name, Draw(kernel, index))
    spec = specs()[kernel][index - PLANNED]
    if kernel == FIFO:
        return _fifo_of(name, spec["depth"], spec["bits"])
    if kernel == "width":
        stream = StreamType(False, spec["kBits"], spec["kInLanes"], spec["kInBeats"])
        return of_call(name, width.kernel(stream, spec["kOutLanes"]), width.parts(stream, spec["kOutLanes"]))
    return of_node(*graph_of(name, spec))


def threshold_search(index: int) -> Point:
    """Return point `index` of the thresholds, its table laid out for a binary search."""
    plain = points("thresholds", index + 1)[index]
    assert plain.built is not None
    call, arrays = plain.built.call, plain.built.arrays
    name, steps = f"threshold_search_{index}", int(call.config["kSteps"])  # type: ignore[call-overload]
    table, flip = (arrays[rom.key] for rom in call.roms)
    roms = RomSet(name)
    roms.add("flip", CType(False, 1), flip)
    for number, level in enumerate(search_levels(table.reshape(len(table), -1, steps), int(table.max()) + 1)):
        roms.add(f"level{number}", type_of(level), level)
    searching = replace(call, header="threshold_search.hpp", function="threshold_search", roms=roms.roms)
    return Point(name, "threshold_search", plain.text, plain.parts, Built(searching, roms.arrays))
