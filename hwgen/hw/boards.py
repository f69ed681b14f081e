# SPDX-License-Identifier: Apache-2.0
"""Finds boards: one YAML file each under `hwgen/hw/boards`, or any YAML file of the same form by its path."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import Any, get_args

import yaml

from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.hw import open_flow
from hwgen.hw.board import Board, Family, Memory, MemoryKind, Resources

_FOLDER = Path(__file__).parent / "boards"
_KEYS = ("title", "part", "family", "resources", "clock_mhz", "axis_bits", "source")
_OPTIONAL = ("memories", "note", "open")
_LIMITS = tuple(f.name for f in fields(Resources))


def names() -> list[str]:
    """Return the names of the boards that come with hwgen, sorted."""
    return sorted(path.stem for path in _FOLDER.glob("*.yaml"))


def load(name: str) -> Board:
    """Return a board.

    Parameters
    ----------
    name
        One of `names()`, or the path of a YAML file (``.yaml`` or ``.yml``).

    Raises
    ------
    UserError
        When there is no such board, naming the nearest, or when its file is wrong.
    """
    path = Path(name) if name.endswith((".yaml", ".yml")) else _FOLDER / f"{name}.yaml"
    if path.suffix and path.parent == _FOLDER and name not in names():
        raise UserError(f"Board {name!r} is not known.", hint=did_you_mean(name, names()))
    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
        raise UserError(f"Board file {path} cannot be read: {_first_line(error)}.") from error
    return _board(path.stem, data)


def _first_line(error: Exception) -> str:
    return str(error).splitlines()[0].rstrip(".")


def _board(name: str, data: Any) -> Board:
    problems = _problems(name, data)
    if problems:
        raise UserError(problems)
    return Board(
        name,
        str(data["title"]),
        str(data["part"]),
        data["family"],
        Resources(**data["resources"]),
        float(data["clock_mhz"]),
        int(data["axis_bits"]),
        str(data["source"]),
        tuple(Memory(**memory) for memory in data.get("memories", ())),
        str(data.get("note", "")),
        open_flow.read(data["open"]) if "open" in data else None,
    )


def _problems(name: str, data: Any) -> list[Problem]:
    where = f"Board {name!r}"
    if not isinstance(data, dict):
        return [Problem(f"{where} must be a YAML mapping.", hint=f"Keys: {', '.join(_KEYS + _OPTIONAL)}.")]
    problems = [Problem(f"{where} lacks the key {key}.") for key in _KEYS if key not in data]
    for key in data:
        if key not in _KEYS + _OPTIONAL:
            hint = did_you_mean(str(key), _KEYS + _OPTIONAL)
            problems.append(Problem(f"{where} has an unknown key {key!r}.", hint=hint))
    if problems:
        return problems
    if data["family"] not in get_args(Family):
        text = f"{where}: family must be one of {', '.join(get_args(Family))}, not {data['family']!r}."
        problems.append(Problem(text))
    resources = data["resources"]
    if not isinstance(resources, dict) or set(resources) - set(_LIMITS):
        problems.append(Problem(f"{where}: resources must be a mapping with keys among {', '.join(_LIMITS)}."))
    elif not all(_is_number(value) and value >= 0 for value in resources.values()):
        problems.append(Problem(f"{where}: resources must be numbers that are not negative."))
    if not _is_number(data["clock_mhz"]) or data["clock_mhz"] <= 0:
        problems.append(Problem(f"{where}: clock_mhz must be a positive number, not {data['clock_mhz']!r}."))
    if not isinstance(data["axis_bits"], int) or data["axis_bits"] < 8 or data["axis_bits"] % 8:
        problems.append(Problem(f"{where}: axis_bits must be a multiple of 8, not {data['axis_bits']!r}."))
    if "open" in data:
        problems += open_flow.problems(where, data["open"])
    return problems + _memory_problems(where, data.get("memories", []))


def _memory_problems(where: str, memories: Any) -> list[Problem]:
    keys = tuple(f.name for f in fields(Memory))
    if not isinstance(memories, list):
        return [Problem(f"{where}: memories must be a list of mappings with the keys {', '.join(keys)}.")]
    problems = []
    for index, memory in enumerate(memories):
        name = f"{where}: memories[{index}]"
        if not isinstance(memory, dict) or set(memory) != set(keys):
            problems.append(Problem(f"{name} must be a mapping with the keys {', '.join(keys)}, not {memory!r}."))
            continue
        if memory["kind"] not in get_args(MemoryKind):
            text = f"{name}.kind must be one of {', '.join(get_args(MemoryKind))}, not {memory['kind']!r}."
            problems.append(Problem(text))
        for key in ("gbytes_per_s", "size_mib"):
            if not _is_number(memory[key]) or memory[key] <= 0:
                problems.append(Problem(f"{name}.{key} must be a positive number, not {memory[key]!r}."))
    return problems


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
