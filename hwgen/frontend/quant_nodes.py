# SPDX-License-Identifier: Apache-2.0
"""QONNX quantisers: what they mean, and the same thing written in standard ONNX operators.

The float32 operations and their order are those of QONNX's own definition, so that onnxruntime gives the same bits:
divide by the scale, add the zero point, clamp, round, subtract the zero point, multiply by the scale.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from hwgen.errors import Problem, did_you_mean
from hwgen.frontend.draft import QONNX_OPS
from hwgen.frontend.writer import Writer
from hwgen.graph.source import Array, SourceNode

ROUNDING_ALIASES: Mapping[str, str] = {
    "ROUND": "ROUND",
    "HALF_EVEN": "ROUND",
    "CEIL": "CEIL",
    "FLOOR": "FLOOR",
    "UP": "UP",
    "DOWN": "DOWN",
    "ROUND_TO_ZERO": "DOWN",
    "HALF_UP": "HALF_UP",
    "HALF_DOWN": "HALF_DOWN",
}
"""QONNX rounding modes to their canonical name. UP and DOWN are away from and towards zero, HALF_UP and HALF_DOWN
resolve a tie away from and towards zero, ROUND resolves it to even."""


def limits(bits: float, signed: bool, narrow: bool) -> tuple[np.float32, np.float32]:
    """Return the smallest and largest integer of a QONNX quantiser, before rounding.

    A fractional bit width gives fractional limits, as in QONNX. One signed bit is bipolar and has the limits -1 and +1.
    """
    width = np.float32(bits)
    one, two = np.float32(1), np.float32(2)
    if signed and bits == 1:
        return np.float32(-1), np.float32(1)
    if signed:
        half = two ** (width - one)
        return (-half + one if narrow else -half), half - one
    return np.float32(0), two**width - (two if narrow else one)


def expand(
    nodes: Sequence[SourceNode], constants: Mapping[str, Array], taken: set[str]
) -> tuple[list[SourceNode], dict[str, Array]]:
    """Write QONNX nodes out in standard operators of opset 13; tensor names are kept.

    Parameters
    ----------
    nodes, constants
        Of a draft whose quantiser parameters passed `check`.
    taken
        Names that new tensors must not have; grows.
    """
    writer = Writer(taken)
    for node in nodes:
        if node.op in QONNX_OPS:
            _WRITERS[node.op](writer, node, constants)
            writer.finish(node)
        else:
            writer.nodes.append(node)
    return writer.nodes, {**constants, **writer.constants}


def check(nodes: Sequence[SourceNode], constants: Mapping[str, Array]) -> Iterator[Problem]:
    """Yield what is wrong with the quantisers: parameters that are not constant, unknown rounding modes, bad values."""
    for node in nodes:
        if node.op not in QONNX_OPS:
            continue
        count = {"BipolarQuant": (2,), "Trunc": (5, 6)}.get(node.op, (4,))
        if len(node.inputs) not in count or not all(node.inputs):
            yield Problem(f"{node.op} must have {count[0]} inputs, not {len(node.inputs)}.", node.name)
            continue
        unknown = [name for name in node.inputs[1:] if name not in constants]
        if unknown:
            message = f"Parameter {unknown[0]} of {node.op} must be a constant, not computed at run time."
            yield Problem(message, node.name, "Export the model in evaluation mode with fixed scales.")
            continue
        yield from _check_values(node, [constants[name] for name in node.inputs[1:]])


def _check_values(node: SourceNode, parameters: list[Array]) -> Iterator[Problem]:
    scales = [parameters[0], *([parameters[3]] if len(parameters) == 5 else [])]
    if not all(np.all(scale > 0) for scale in scales):
        yield Problem(f"The scale of {node.op} must be positive, not {float(np.min(parameters[0])):g}.", node.name)
    mode = str(node.attrs.get("rounding_mode", "ROUND")).upper()
    if mode not in ROUNDING_ALIASES:
        yield Problem(f"Rounding mode {mode} is unknown.", node.name, did_you_mean(mode, sorted(ROUNDING_ALIASES)))
    widths = (
        [] if node.op == "BipolarQuant" else parameters[2:3] if node.op != "Trunc" else [parameters[2], parameters[-1]]
    )
    for width in widths:
        if width.size != 1 or not 1 <= float(width.reshape(-1)[0]) <= 32:
            yield Problem(
                f"The bit width of {node.op} must be one number from 1 to 32, not {width.tolist()}.", node.name
            )


def _number(value: Array) -> float:
    return float(value.reshape(-1)[0])


def _round(w: Writer, x: str, mode: str, stem: str) -> str:
    """Write one rounding of `x`; every step is the float32 operation that NumPy does in QONNX."""
    mode = ROUNDING_ALIASES[mode.upper()]
    if mode in ("ROUND", "CEIL", "FLOOR"):
        return w.op(mode.capitalize(), [x], stem)
    magnitude = w.op("Abs", [x], stem)
    if mode == "HALF_UP":
        magnitude = w.op("Add", [magnitude, w.const(f"{stem}__half", 0.5)], stem)
    elif mode == "HALF_DOWN":
        magnitude = w.op("Sub", [magnitude, w.const(f"{stem}__half", 0.5)], stem)
    magnitude = w.op("Floor" if mode in ("DOWN", "HALF_UP") else "Ceil", [magnitude], stem)
    return w.op("Mul", [w.op("Sign", [x], stem), magnitude], stem)


def _float(w: Writer, name: str, constants: Mapping[str, Array], stem: str, role: str) -> str:
    """Return a float32 constant with the value of `name`: itself where it is float32 already."""
    value = constants[name]
    return name if value.dtype == np.float32 else w.const(f"{stem}__{role}", value)


def _scaled(w: Writer, node: SourceNode, constants: Mapping[str, Array]) -> tuple[str, str, str, str]:
    stem = node.outputs[0]
    scale = _float(w, node.inputs[1], constants, stem, "scale")
    zero = _float(w, node.inputs[2], constants, stem, "zero_point")
    y = w.op("Div", [node.inputs[0], scale], stem)
    return w.op("Add", [y, zero], stem), scale, zero, stem


def _clamp(w: Writer, x: str, node: SourceNode, bits: float, stem: str) -> str:
    lo, hi = limits(bits, bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", node.op != "Trunc")))
    x = w.op("Min", [x, w.const(f"{stem}__hi", hi)], stem)
    return w.op("Max", [x, w.const(f"{stem}__lo", lo)], stem)


def _signs(w: Writer, x: str, stem: str) -> str:
    negative = w.op("Less", [x, w.const(f"{stem}__zero", 0.0)], stem)
    return w.op("Where", [negative, w.const(f"{stem}__minus", -1.0), w.const(f"{stem}__plus", 1.0)], stem)


def _write_quant(w: Writer, node: SourceNode, constants: Mapping[str, Array]) -> None:
    y, scale, zero, stem = _scaled(w, node, constants)
    bits = _number(constants[node.inputs[3]])
    if bits == 1 and node.attrs.get("signed", 1):
        y = _signs(w, y, stem)
    else:
        y = _round(w, _clamp(w, y, node, bits, stem), str(node.attrs.get("rounding_mode", "ROUND")), stem)
    w.op("Mul", [w.op("Sub", [y, zero], stem), scale], stem)


def _write_bipolar(w: Writer, node: SourceNode, constants: Mapping[str, Array]) -> None:
    stem = node.outputs[0]
    scale = _float(w, node.inputs[1], constants, stem, "scale")
    w.op("Mul", [_signs(w, node.inputs[0], stem), scale], stem)


def _write_trunc(w: Writer, node: SourceNode, constants: Mapping[str, Array]) -> None:
    """Five inputs are version 1 (a shift by the bit widths' difference), six are version 2 (an output scale)."""
    y, scale, zero, stem = _scaled(w, node, constants)
    y = w.op("Round", [y], stem)
    mode = str(node.attrs.get("rounding_mode", "FLOOR"))
    if len(node.inputs) == 5:
        shift = constants[node.inputs[3]].astype(np.float32) - constants[node.inputs[4]].astype(np.float32)
        y = w.op("Div", [y, w.const(f"{stem}__step", np.float32(2) ** shift)], stem)
        y = _round(w, y, mode, stem)
        w.op("Mul", [w.op("Sub", [y, zero], stem), scale], stem)
        return
    out_scale = constants[node.inputs[4]].astype(np.float32)
    step = 2 ** np.round(np.log2(out_scale / constants[node.inputs[1]].astype(np.float32)))
    y = w.op("Div", [y, w.const(f"{stem}__step", step)], stem)
    y = _round(w, _clamp(w, y, node, _number(constants[node.inputs[5]]), stem), mode, stem)
    rest = w.const(f"{stem}__rest", constants[node.inputs[2]].astype(np.float32) / step.astype(np.float32))
    w.op("Mul", [w.op("Sub", [y, rest], stem), w.const(f"{stem}__out_scale", out_scale)], stem)


_WRITERS = {"Quant": _write_quant, "IntQuant": _write_quant, "BipolarQuant": _write_bipolar, "Trunc": _write_trunc}
