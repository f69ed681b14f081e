# SPDX-License-Identifier: Apache-2.0
"""Data that an ONNX file keeps in other files: read from the model's own folder only, and no more than is there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath, PureWindowsPath

import onnx

from hwgen.errors import Problem, UnsupportedError, UserError
from hwgen.frontend.bounds import MAX_FILE_BYTES, graphs_of
from hwgen.frontend.draft import array_of


def load_external_data(model: onnx.ModelProto, path: Path) -> list[bytes]:
    """Put the data of every external tensor in the model itself; return the bytes of each data file, sorted by name.

    Raises
    ------
    UserError
        A data file is missing, lies outside the model's folder (links followed), or is too short.
    UnsupportedError
        The data are over 2 GiB.
    """
    outside = onnx.TensorProto.EXTERNAL
    tensors = [(tensor, _location(tensor)) for tensor in tensors_of(model) if tensor.data_location == outside]
    places = sorted({place for _, place in tensors})
    problems = [problem for place in places for problem in _check(place, path)]
    if problems:
        raise UserError(problems)
    total = sum((path.parent / place).stat().st_size for place in places)
    _check_total(total)
    files = {place: (path.parent / place).read_bytes() for place in places}
    total = 0
    for tensor, place in tensors:
        data = _part(tensor, files[place])
        total += 0 if data is None else len(data)
        _check_total(total)
        if data is None or not _filled(tensor, data):
            message = f"External data of tensor {tensor.name} in {place} are too short or damaged."
            raise UserError(message, hint="Copy the model and its data files again, together.")
    return list(files.values())


def tensors_of(model: onnx.ModelProto) -> Iterator[onnx.TensorProto]:
    """Yield every tensor of the graph, of the graphs nested in it, and of the functions."""
    yield from _tensors_of_graph(model.graph)
    for function in model.functions:
        yield from _tensors_of_nodes(function.node)


def _tensors_of_graph(graph: onnx.GraphProto) -> Iterator[onnx.TensorProto]:
    yield from graph.initializer
    for sparse in graph.sparse_initializer:
        yield from (sparse.values, sparse.indices)
    yield from _tensors_of_nodes(graph.node)


def _tensors_of_nodes(nodes: Iterable[onnx.NodeProto]) -> Iterator[onnx.TensorProto]:
    for node in nodes:
        for attribute in node.attribute:
            if attribute.HasField("t"):
                yield attribute.t
            yield from attribute.tensors
            for sparse in (attribute.sparse_tensor, *attribute.sparse_tensors):
                yield from (sparse.values, sparse.indices)
        for graph in graphs_of([node]):
            yield from _tensors_of_graph(graph)


def _location(tensor: onnx.TensorProto) -> str:
    return next((entry.value for entry in tensor.external_data if entry.key == "location"), "")


def _check(place: str, path: Path) -> Iterator[Problem]:
    folder = path.parent.resolve()
    absolute = PurePosixPath(place).is_absolute() or PureWindowsPath(place).is_absolute()
    if not place or absolute or "\0" in place or not _inside(folder, place):
        yield Problem(
            f"External data file {place!r} lies outside the model's folder {path.parent}.",
            hint="Store the model's data beside it: onnx.save(model, path, save_as_external_data=True).",
        )
    elif not (folder / place).is_file():
        yield Problem(
            f"External data file {place} is missing from the model's folder {path.parent}.",
            hint="Copy the data files together with the model.",
        )


def _inside(folder: Path, place: str) -> bool:
    """Say whether a path stays within the folder when its links are followed; a loop of links does not."""
    try:
        return (folder / place).resolve().is_relative_to(folder)
    except (OSError, RuntimeError):
        return False


def _check_total(size: int) -> None:
    if size > MAX_FILE_BYTES:
        raise UnsupportedError(f"The model's external data take {size:,} bytes; hwgen reads up to {MAX_FILE_BYTES:,}.")


def _part(tensor: onnx.TensorProto, data: bytes) -> bytes | None:
    """Return the tensor's bytes of its file, None where it asks for bytes that are not there."""
    entries = {entry.key: entry.value for entry in tensor.external_data}
    try:
        offset = int(entries.get("offset", 0))
        length = int(entries.get("length", len(data) - offset))
    except ValueError:
        return None
    if offset < 0 or length < 0 or offset + length > len(data):
        return None
    return data[offset : offset + length]


def _filled(tensor: onnx.TensorProto, data: bytes) -> bool:
    """Make the bytes the tensor's own; say whether they fit its type and shape."""
    del tensor.external_data[:]
    tensor.data_location = onnx.TensorProto.DEFAULT
    tensor.raw_data = data
    try:
        array_of(tensor)
    except Exception:
        return False
    return True
