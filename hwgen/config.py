# SPDX-License-Identifier: Apache-2.0
"""The budget: what the user allows a design to use and what it should be good at."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from hwgen.errors import Problem, UserError, did_you_mean

Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]
Width = Annotated[int, Field(ge=2, le=8)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


class Limits(_Strict):
    """Resources that the design may use; what is not given is limited by the device."""

    lut: NotNegative | None = None
    ff: NotNegative | None = None
    dsp: NotNegative | None = None
    bram36: NotNegative | None = None
    uram: NotNegative | None = None


class FpsTarget(_Strict):
    """At least this many frames per second, with the least area."""

    fps: Positive


class LayerBits(_Strict):
    """Widths of one layer; what is not given is that of all layers."""

    weights: Width | None = None
    acts: Width | None = None


class Quantize(_Strict):
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
    method: Literal["adaptive", "nearest"] = "adaptive"
    calibration: Literal["minmax", "percentile", "mse"] = "mse"
    equalise: bool = True
    trip: bool = True
    layers: dict[str, LayerBits] = {}


class Budget(_Strict):
    """A budget file's content.

    Parameters
    ----------
    board
        Board name, or the path of a board's YAML file.
    clock_mhz
        Clock to plan for; the board's default where absent.
    limits
        Resources that may be used.
    target
        ``max_fps``, ``min_latency``, or ``{fps: x}``.
    quantize
        How a float model is quantised; None where it is not asked for.
    """

    board: str
    clock_mhz: Positive | None = None
    limits: Limits = Limits()
    target: Literal["max_fps", "min_latency"] | FpsTarget = "max_fps"
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
            raise UserError(_problems(where, data, error)) from error


def load_budget(path: Path | None = None, **overrides: Any) -> Budget:
    """Read a budget file, let the command line win, and check the whole.

    Parameters
    ----------
    path
        YAML file, if there is one.
    overrides
        Keys of the budget; None means not given. `limits` are merged key by key.

    Raises
    ------
    UserError
        With every problem found.
    """
    data = _read(path) if path is not None else {}
    where = f"Budget file {path}" if path is not None else "The budget"
    if not isinstance(data, Mapping):
        return Budget.parse(data, where)
    merged = dict(data)
    for key, value in overrides.items():
        if value is None:
            continue
        if key == "limits" and isinstance(merged.get("limits"), Mapping):
            value = {**merged["limits"], **value}
        merged[key] = value
    return Budget.parse(merged, where)


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
    if overrides is not None and (section is None or isinstance(section, Mapping)):
        section = {**(section or {}), **overrides}
    return Budget.parse({"board": "none", **data, "quantize": section}, where).quantize


def _read(path: Path) -> Any:
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise UserError(f"Budget file {path} cannot be read: {reason}.") from error
    return {} if data is None else data


_MODELS: dict[tuple[str, ...], type[BaseModel]] = {
    (): Budget,
    ("limits",): Limits,
    ("target",): FpsTarget,
    ("quantize",): Quantize,
}


def _model_at(path: tuple[str, ...]) -> type[BaseModel]:
    return LayerBits if path[:2] == ("quantize", "layers") else _MODELS[path]


def _problems(where: str, data: Mapping[str, Any], error: ValidationError) -> list[Problem]:
    problems = []
    target_reported = False
    for item in error.errors():
        path = tuple(str(part) for part in item["loc"])
        if path[0] == "target":
            if not target_reported:
                problems.append(_target_problem(where, data["target"]))
            target_reported = True
        elif item["type"] == "missing":
            problems.append(Problem(f"{where} must name a board.", hint="Give --board, or board: in the file."))
        elif item["type"] == "extra_forbidden":
            known = list(_model_at(path[:-1]).model_fields)
            key = ".".join(path)
            problems.append(Problem(f"{where} has an unknown key {key!r}.", hint=did_you_mean(path[-1], known)))
        else:
            problems.append(Problem(f"{where}: {'.'.join(path)} must be {_wanted(path)}, not {item['input']!r}."))
    return problems


def _wanted(path: tuple[str, ...]) -> str:
    if path == ("board",):
        return "a board's name"
    if path == ("limits",):
        return f"a mapping with keys among {', '.join(Limits.model_fields)}"
    if path[0] == "quantize":
        return _wanted_of_quantize(path[1:])
    return "a positive number" if path == ("clock_mhz",) else "a number that is not negative"


def _wanted_of_quantize(path: tuple[str, ...]) -> str:
    if path == ("layers",):
        return "a mapping with layer names as keys"
    if not path or (path[0] == "layers" and len(path) == 2):
        return f"a mapping with keys among {', '.join((LayerBits if path else Quantize).model_fields)}"
    choices = {"method": "adaptive or nearest", "calibration": "minmax, percentile or mse"}
    return choices.get(path[0], "true or false" if path[0] in ("equalise", "trip") else "a whole number from 2 to 8")


def _target_problem(where: str, value: Any) -> Problem:
    hint = None
    if isinstance(value, str):
        hint = did_you_mean(value, ["max_fps", "min_latency"])
    return Problem(
        f"{where}: target must be max_fps, min_latency or {{fps: x}} with x positive, not {value!r}.", hint=hint
    )
