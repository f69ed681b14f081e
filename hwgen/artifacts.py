# SPDX-License-Identifier: Apache-2.0
"""Artefacts as files: any of hwgen's frozen dataclasses as JSON, with its arrays in an npz beside it, and back.

Everything written here is a function of the data alone: keys in a fixed order, no times, the same bytes every run.
"""

from __future__ import annotations

import collections.abc
import dataclasses
import io
import json
import types
import typing
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[Any]]
Packed = tuple[str, Arrays]
T = TypeVar("T")
_ARRAY = "$array"


def encode(value: object, arrays: Arrays, path: str = "") -> Any:
    """Return `value` as JSON-ready data; arrays go to `arrays` under their path: ``graph.constants.w0``, say."""
    if isinstance(value, np.ndarray):
        arrays[path] = value
        return {_ARRAY: path}
    if isinstance(value, np.generic):
        return value.item()
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        fields = (f for f in dataclasses.fields(value))
        return {f.name: encode(getattr(value, f.name), arrays, _join(path, f.name)) for f in fields}
    if isinstance(value, Mapping):
        return {str(k): encode(v, arrays, _join(path, str(k))) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(v, arrays, _join(path, str(i))) for i, v in enumerate(value)]
    return value


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def decode(kind: Any, data: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    """Inverse of `encode` for a value of type `kind`."""
    if isinstance(data, dict) and _ARRAY in data:
        return arrays[data[_ARRAY]]
    if dataclasses.is_dataclass(kind):
        hints = typing.get_type_hints(kind)
        return typing.cast(Any, kind)(**{name: decode(hints[name], item, arrays) for name, item in data.items()})
    origin, args = typing.get_origin(kind), typing.get_args(kind)
    if origin in (typing.Union, types.UnionType):
        return _decode_union(args, data, arrays)
    if origin is tuple and isinstance(data, list):
        kinds = [args[0]] * len(data) if len(args) == 2 and args[1] is Ellipsis else args
        return tuple(decode(k, item, arrays) for k, item in zip(kinds, data, strict=True))
    if origin in (dict, collections.abc.Mapping):
        return {name: decode(args[1], item, arrays) for name, item in data.items()}
    return data


def _decode_union(args: tuple[Any, ...], data: Any, arrays: Mapping[str, npt.NDArray[Any]]) -> Any:
    if isinstance(data, dict):
        return decode(next((a for a in args if dataclasses.is_dataclass(a)), Any), data, arrays)
    if isinstance(data, list):
        return decode(next((a for a in args if typing.get_origin(a) is tuple), Any), data, arrays)
    return data


def write_json(path: Path, data: Any) -> None:
    """Write JSON for people and programs: two spaces, a newline at the end."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(data, indent=2, ensure_ascii=False) + "\n")


def read_json(path: Path) -> Any:
    """Read a JSON file."""
    return json.loads(path.read_text())


def write_npz(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write arrays as a compressed npz, in sorted order and dated 1980, so that the bytes repeat."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.asarray(arrays[name]), allow_pickle=False)
            archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), zipfile.ZIP_DEFLATED)


def read_npz(path: Path) -> Arrays:
    """Read every array of an npz file."""
    with np.load(path, allow_pickle=False) as data:
        return {name: data[name] for name in data.files}


def save(stem: Path, value: object) -> None:
    """Write `value` as ``<stem>.json`` and its arrays as ``<stem>.npz``."""
    arrays: Arrays = {}
    write_json(stem.with_suffix(".json"), encode(value, arrays))
    write_npz(stem.with_suffix(".npz"), arrays)


def restore(stem: Path, kind: type[T]) -> T:
    """Read what `save` wrote."""
    value: T = decode(kind, read_json(stem.with_suffix(".json")), read_npz(stem.with_suffix(".npz")))
    return value


def pack(value: object) -> Packed:
    """Return `value` as a text and its arrays, which any other process can be sent."""
    arrays: Arrays = {}
    return json.dumps(encode(value, arrays)), arrays


def unpack(data: Packed, kind: type[T]) -> T:
    """Inverse of `pack`."""
    value: T = decode(kind, json.loads(data[0]), data[1])
    return value
