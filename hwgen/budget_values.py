# SPDX-License-Identifier: Apache-2.0
"""The values that a budget is made of, and the sentences about those that are none."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from math import isfinite
from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError
from pydantic_core import PydanticCustomError

from hwgen.errors import Problem, did_you_mean

INTEGER = re.compile(r"u?int([1-9]|1[0-6])")
PER_CENT = re.compile(r"(\d+(?:\.\d+)?) ?%")


class Strict(BaseModel):
    """A mapping with known keys only; immutable."""

    model_config = ConfigDict(extra="forbid", strict=True, frozen=True)


def _value(wanted: str, convert: Callable[[Any], Any]) -> PlainValidator:
    """Return a validator: `convert` returns the value, or None where it is not what is wanted."""

    def check(value: Any) -> Any:
        found = convert(value)
        if found is None:
            raise PydanticCustomError("wanted", "wanted", {"wanted": wanted})
        return found

    return PlainValidator(check)


def _number(least: float, proper: bool) -> Callable[[Any], float | None]:
    """Return a converter to numbers from `least` on, itself excluded if `proper`."""

    def convert(value: Any) -> float | None:
        if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
            return None
        return float(value) if value > least or (value == least and not proper) else None

    return convert


def _whole(least: int, most: int | None = None, step: int = 1) -> Callable[[Any], int | None]:
    def convert(value: Any) -> int | None:
        if isinstance(value, bool) or not isinstance(value, int) or value < least or value % step:
            return None
        return value if most is None or value <= most else None

    return convert


def _amount(value: Any) -> float | str | None:
    if isinstance(value, str):
        found = PER_CENT.fullmatch(value.strip())
        return value.strip() if found and float(found[1]) <= 100 else None
    return _number(0, proper=False)(value)


def _choice(*known: str) -> PlainValidator:
    wanted = f"{', '.join(known[:-1])} or {known[-1]}"
    return _value(wanted, lambda value: value if isinstance(value, str) and value in known else None)


def _sizes(value: Any) -> list[int] | None:
    sizes = list(value) if isinstance(value, list | tuple) else [value]
    return sizes if sizes and all(_whole(1)(size) for size in sizes) else None


def _integer_type(value: Any) -> str | None:
    return value.strip() if isinstance(value, str) and INTEGER.fullmatch(value.strip()) else None


Positive = Annotated[float, _value("a positive number", _number(0, proper=True))]
Amount = Annotated[float | str, _value("a number that is not negative, or a per cent such as 80%", _amount)]
Count = Annotated[int, _value("a whole number of at least 1", _whole(1))]
StreamBits = Annotated[int, _value("a multiple of 8", _whole(8, step=8))]
Width = Annotated[int, _value("a whole number from 2 to 8", _whole(2, 8))]
Switch = Annotated[bool, _value("true or false", lambda value: value if isinstance(value, bool) else None)]
Text = Annotated[str, _value("a board's name", lambda value: value if isinstance(value, str) else None)]
Sizes = Annotated[list[int], _value("positive sizes, [1, 3, 224, 224], or one of a symbolic axis", _sizes)]
IntegerName = Annotated[str, _value("int1 to int16, or uint1 to uint16", _integer_type)]
UnitName = Annotated[
    Literal["lut_const", "lut_generic", "dsp", "xnor"], _choice("lut_const", "lut_generic", "dsp", "xnor")
]
WeightsName = Annotated[
    Literal["lut", "lutram", "bram", "uram", "streamed"], _choice("lut", "lutram", "bram", "uram", "streamed")
]
Method = Annotated[Literal["adaptive", "nearest"], _choice("adaptive", "nearest")]
Ranges = Annotated[Literal["minmax", "percentile", "mse"], _choice("minmax", "percentile", "mse")]


def share(amount: float | str, whole: float) -> float:
    """Return an `Amount` as a count: per cents are of `whole`."""
    if isinstance(amount, str):
        found = PER_CENT.fullmatch(amount)
        assert found is not None
        return float(found[1]) / 100 * whole
    return amount


def find_problems(where: str, data: Mapping[str, Any], error: ValidationError, model: type[BaseModel]) -> list[Problem]:
    """Return a sentence for every finding, that about the target once."""
    problems = []
    for item in error.errors():
        path = tuple(str(part) for part in item["loc"])
        key = ".".join(path)
        if path[0] == "target":
            problems.append(_target_problem(where, data["target"]))
        elif item["type"] == "missing":
            problems.append(Problem(f"{where} must name a board.", hint="Give --board, or board: in the file."))
        elif item["type"] == "extra_forbidden":
            hint = did_you_mean(path[-1], _keys(model, path[:-1]))
            problems.append(Problem(f"{where} has an unknown key {key!r}.", hint=hint))
        elif path[-1] == "[key]":
            problems.append(Problem(f"{where}: {'.'.join(path[:-2])} must have texts as keys, not {item['input']!r}."))
        else:
            wanted = item.get("ctx", {}).get("wanted") or _mapping(path[-1], _keys(model, path))
            problems.append(Problem(f"{where}: {key} must be {wanted}, not {item['input']!r}."))
    return list(dict.fromkeys(problems))


def _mapping(key: str, keys: list[str]) -> str:
    if keys:
        return f"a mapping with keys among {', '.join(keys)}"
    return f"a mapping with {'layer' if key == 'layers' else 'input'} names as keys"


def _keys(model: type[BaseModel], path: tuple[str, ...]) -> list[str]:
    """Return the known keys of what is at `path`; none where names are free."""
    if not path:
        return list(model.model_fields)
    kind = model.model_fields[path[0]].annotation
    named = any(getattr(part, "__origin__", part) is dict for part in (kind, *get_args(kind)))
    inner = next(_models(kind), None)
    if named:
        return list(inner.model_fields) if inner is not None and len(path) > 1 else []
    return [] if inner is None else _keys(inner, path[1:])


def _models(kind: Any) -> Iterator[type[BaseModel]]:
    if isinstance(kind, type) and issubclass(kind, BaseModel):
        yield kind
    for part in get_args(kind):
        yield from _models(part)


def _target_problem(where: str, value: Any) -> Problem:
    hint = did_you_mean(value, ["max_fps", "min_latency"]) if isinstance(value, str) else None
    text = f"{where}: target must be max_fps, min_latency, {{fps: x}} or {{latency_us: x}} with x positive"
    return Problem(f"{text}, not {value!r}.", hint=hint)
