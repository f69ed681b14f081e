# SPDX-License-Identifier: Apache-2.0
"""The budget: what the user allows a design to use and what it should be good at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import yaml
from pydantic import ValidationError

from hwgen.budget_values import (
    Amount,
    Count,
    IntegerName,
    Method,
    Positive,
    Ranges,
    Sizes,
    StreamBits,
    Strict,
    Switch,
    Text,
    UnitName,
    WeightsName,
    Width,
    find_problems,
)
from hwgen.errors import UserError

INPUTS = ("shapes", "input_types")
RESOURCES = ("lut", "ff", "dsp", "bram36", "uram")


class Limits(Strict):
    """What the design may use; a resource that is not given is limited by the device, bandwidth by the memories.

    Counts (bandwidth: GB/s), or per cent of what the device has beside the reserved area.
    """

    lut: Amount | None = None
    ff: Amount | None = None
    dsp: Amount | None = None
    bram36: Amount | None = None
    uram: Amount | None = None
    bandwidth_gbps: Amount | None = None


class Reserved(Strict):
    """What a shell around the design takes, in counts or per cent of the device."""

    lut: Amount = 0.0
    ff: Amount = 0.0
    dsp: Amount = 0.0
    bram36: Amount = 0.0
    uram: Amount = 0.0


class FpsTarget(Strict):
    """At least this many frames per second, with the least area."""

    fps: Positive


class LatencyTarget(Strict):
    """At most this many microseconds from a frame's first input to its last output, with the least area."""

    latency_us: Positive


class LayerChoice(Strict):
    """What the user decides about one layer; the planner decides the rest.

    Parameters
    ----------
    unit
        What multiplies: constants in tables, LUTs, DSP blocks, or XNOR.
    pe, simd, pixels
        Outputs, inputs, and positions of one output that are computed at once.
    weights
        Where weights are kept; ``streamed`` reads them from memory for every frame.
    """

    unit: UnitName | None = None
    pe: Count | None = None
    simd: Count | None = None
    pixels: Count | None = None
    weights: WeightsName | None = None


class Ports(Strict):
    """The widest AXI4-Stream port that the planner may use, in bits; the board's `axis_bits` where absent."""

    bits: StreamBits | None = None


class LayerBits(Strict):
    """Widths of one layer; what is not given is that of all layers."""

    weights: Width | None = None
    acts: Width | None = None


class Quantize(Strict):
    """How a float model is quantised.

    Parameters
    ----------
    weights, acts
        Bits of weights and of the activations that meet them.
    first_last
        At least so many bits for weights and activations of the first and the last layers, and for the model's inputs;
        None makes no exception.
    joins
        At least so many bits for what only joins, pools and functions read, where no weights are multiplied.
    outputs
        Bits of the model's outputs; None leaves them as accumulators.
    method
        How weights are rounded: ``adaptive`` to the least error of a layer's output, or to the ``nearest`` integer.
    calibration
        How activation ranges are found: all that was seen, all but 0.01 % at either end, or the least squared error.
    equalise, trip
        Whether channels of activations may be scaled: along chains of layers, or by powers of two in the quantiser.
    layers
        Widths by layer name, which win over all others.
    """

    weights: Width = 8
    acts: Width = 8
    first_last: Width | None = 8
    joins: Width = 8
    outputs: Width | None = None
    method: Method = "adaptive"
    calibration: Ranges = "mse"
    equalise: Switch = True
    trip: Switch = True
    layers: dict[str, LayerBits] = {}


class Budget(Strict):
    """A budget file's content.

    Parameters
    ----------
    board
        Board name, or the path of a board's YAML file.
    clock_mhz
        Clock to plan for; the board's default where absent.
    pipeline_mhz
        Clock that the pipelines are cut for, where it is faster than the one planned for: room for long routes.
    limits
        Resources that may be used (`hwgen.hw.limits` makes counts of them).
    reserved
        What a shell takes; it comes off the device before anything else.
    target
        ``max_fps``, ``min_latency``, ``{fps: x}`` or ``{latency_us: x}``.
    layers
        The user's choices by the name of a layer or of one of its ONNX nodes.
    ports
        How wide the accelerator's ports may be.
    shapes, input_types
        Shapes that the model's file leaves open, and the integers that its inputs hold, by name.
    quantize
        How a float model is quantised; None where it is not asked for.
    """

    board: Text
    clock_mhz: Positive | None = None
    pipeline_mhz: Positive | None = None
    limits: Limits = Limits()
    reserved: Reserved = Reserved()
    target: Literal["max_fps", "min_latency"] | FpsTarget | LatencyTarget = "max_fps"
    layers: dict[str, LayerChoice] = {}
    ports: Ports = Ports()
    shapes: dict[str, Sizes] = {}
    input_types: dict[str, IntegerName] = {}
    quantize: Quantize | None = None

    @classmethod
    def parse(cls, data: Any, where: str = "The budget") -> Budget:
        """Check plain data.

        Raises
        ------
        UserError
            With every problem found in it; unknown keys name the nearest known one.
        """
        if not isinstance(data, Mapping):
            raise UserError(f"{where} must be a mapping.", hint=f"Keys: {', '.join(cls.model_fields)}.")
        try:
            return cls.model_validate(dict(data))
        except ValidationError as error:
            raise UserError(find_problems(where, data, error, cls)) from error


def load_budget(path: Path | None = None, changes: Mapping[str, Any] | None = None, **overrides: Any) -> Budget:
    """Read a budget file, let the command line win, and check the whole.

    Parameters
    ----------
    path
        YAML file, if there is one.
    changes
        A tree of keys that is merged into the file's, key by key (`hwgen.request.parse_changes`).
    overrides
        Keys of the budget; None means not given. Mappings are merged key by key.

    Raises
    ------
    UserError
        With every problem found.
    """
    data = _read(path) if path is not None else {}
    where = f"Budget file {path}" if path is not None else "The budget"
    if not isinstance(data, Mapping):
        return Budget.parse(data, where)
    given = {key: value for key, value in overrides.items() if value is not None}
    return Budget.parse(_merged(_merged(data, changes or {}), given), where)


def load_inputs(path: Path | None, changes: Mapping[str, Any] | None = None) -> Budget:
    """Return a budget that holds `shapes` and `input_types`, and defaults else; it needs no board for them.

    Parameters
    ----------
    path
        YAML file, if there is one.
    changes
        As for `load_budget`.

    Raises
    ------
    UserError
        With every problem found in them.
    """
    data = _read(path) if path is not None else {}
    where = f"Budget file {path}" if path is not None else "The budget"
    if not isinstance(data, Mapping):
        return Budget.parse(data, where)
    merged = _merged(data, changes or {})
    return Budget.parse({"board": "none", **{key: merged[key] for key in INPUTS if key in merged}}, where)


def _merged(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    """Return `old` with the leaves of `new` in it; a target is one leaf."""
    result = dict(old)
    for key, value in new.items():
        before = result.get(key)
        if isinstance(before, Mapping) and isinstance(value, Mapping) and key != "target":
            value = _merged(before, value)
        result[key] = value
    return result


def load_quantize(path: Path | None, overrides: Mapping[str, Any] | None = None) -> Quantize | None:
    """Return what a budget file says about quantisation; it needs no board for that.

    Parameters
    ----------
    path
        YAML file, if there is one.
    overrides
        Keys of `Quantize` that win over the file; None in place of a mapping asks for no quantisation of its own.

    Raises
    ------
    UserError
        With every problem found in the file.
    """
    data = _read(path) if path is not None else {}
    where = f"Budget file {path}" if path is not None else "The budget"
    if not isinstance(data, Mapping):
        Budget.parse(data, where)
    section = data.get("quantize")
    if isinstance(overrides, Mapping) and (section is None or isinstance(section, Mapping)):
        section = _merged(section or {}, overrides)
    elif overrides is not None:
        section = overrides
    return Budget.parse({"board": "none", **data, "quantize": section}, where).quantize


def _read(path: Path) -> Any:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"Budget file {path} cannot be read: {reason}.") from error
    return {} if data is None else data
