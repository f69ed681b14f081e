# SPDX-License-Identifier: Apache-2.0
"""Read an ONNX file and the data files beside it; say in one sentence what is wrong with anything else."""

from __future__ import annotations

import hashlib
from pathlib import Path

import onnx

from hwgen.errors import UnsupportedError, UserError
from hwgen.frontend.bounds import MAX_FILE_BYTES, check_counts
from hwgen.frontend.external import load_external_data

_LOOKS_LIKE: tuple[tuple[int, bytes, str, str], ...] = (
    (4, b"TFL3", "a TensorFlow Lite model", "Convert it with tf2onnx: python -m tf2onnx.convert --tflite FILE."),
    (0, b"\x89HDF", "a Keras HDF5 file", "Export it to ONNX with tf2onnx."),
    (0, b"PK\x03\x04", "a zip archive, such as PyTorch or Keras files are", "Export it with torch.onnx.export."),
    (0, b"\x80\x02", "a Python pickle", "Export it with torch.onnx.export."),
    (0, b"\x1f\x8b", "a gzip archive", "Unpack it first."),
    (0, b"\x93NUMPY", "a NumPy array", "Pass the model here and data with --inputs."),
    (0, b"version https://git-lfs", "a Git LFS pointer, not the model itself", "Run git lfs pull."),
)


def read(path: Path) -> tuple[onnx.ModelProto, str]:
    """Return the parsed model and the sha256 over the file and its external data.

    Raises
    ------
    UserError
        The path is missing, a folder, unreadable, empty, truncated, or not ONNX; or external data is missing, outside
        the model's folder, or too short.
    UnsupportedError
        The file or its data take over 2 GiB, or its nodes are too many, functions inlined.
    """
    data = _bytes_of(path)
    model = _parse(path, data)
    check_counts(model)
    digest = hashlib.sha256(data)
    for part in load_external_data(model, path):
        digest.update(part)
    return model, digest.hexdigest()


def _bytes_of(path: Path) -> bytes:
    if not path.exists():
        folder = path.parent if path.parent.is_dir() else Path(".")
        others = sorted(p.name for p in folder.glob("*.onnx"))[:5]
        hint = f"In that folder: {', '.join(others)}." if others else "Check the path."
        raise UserError(f"Model file {path} does not exist.", hint=hint)
    if path.is_dir():
        others = sorted(str(p) for p in path.glob("*.onnx"))[:5]
        hint = f"Did you mean {', '.join(others)}?" if others else "Give the path of an .onnx file."
        raise UserError(f"Model file {path} is a folder.", hint=hint)
    if not path.is_file():
        raise UserError(f"Model file {path} is no ordinary file, but a pipe or a device.")
    if path.stat().st_size > MAX_FILE_BYTES:
        raise UnsupportedError(
            f"Model file {path} takes {path.stat().st_size:,} bytes; an ONNX file has at most {MAX_FILE_BYTES:,}.",
            hint="Store large weights beside it: onnx.save(model, path, save_as_external_data=True).",
        )
    try:
        data = path.read_bytes()
    except OSError as error:
        raise UserError(f"Model file {path} cannot be read: {error.strerror or error}.") from error
    if not data:
        raise UserError(f"Model file {path} is empty (0 bytes).", hint="Export or copy it again.")
    return data


def _parse(path: Path, data: bytes) -> onnx.ModelProto:
    for offset, magic, what, hint in _LOOKS_LIKE:
        if data[offset : offset + len(magic)] == magic:
            raise UserError(f"{path} is not an ONNX file but {what}.", hint=hint)
    try:
        model = onnx.load_model_from_string(data)
    except Exception as error:
        message = f"{path} is not an ONNX file, or it is truncated or damaged ({len(data)} bytes do not parse)."
        raise UserError(message, hint="Compare its size with the original and export or copy it again.") from error
    if not model.HasField("graph"):
        raise UserError(
            f"{path} parses as ONNX but holds no graph; it is truncated or not a model.",
            hint="Export or copy it again.",
        )
    return model
