# SPDX-License-Identifier: Apache-2.0
"""From a Brevitas module straight into hwgen; needs the ``qat`` extra (torch and Brevitas)."""

from __future__ import annotations

import contextlib
import copy
import io
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from hwgen.errors import UnsupportedError, UserError, did_you_mean
from hwgen.frontend import load
from hwgen.passes.lower import lower

DIALECTS = ("qonnx", "qcdq")
"""``qonnx`` has `Quant` nodes of any width from 1 bit; ``qcdq`` standard operators only, from 2 bits (8 at most)."""


def export_brevitas(
    module: Any,
    example: Any,
    path: str | Path,
    *,
    dialect: str = "qonnx",
    inputs: Sequence[str] = ("input",),
    outputs: Sequence[str] = ("output",),
) -> Path:
    """Export a trained Brevitas module to an ONNX file that hwgen builds, and make sure that it does.

    Parameters
    ----------
    module
        A ``torch.nn.Module`` of Brevitas layers; a copy in evaluation mode is exported.
    example
        One frame ``(1, ...)``, a float tensor or array, or a tuple of them for several inputs.
    path
        The ONNX file to write; it is written only if hwgen can read and lower it.
    dialect
        ``qonnx`` or ``qcdq``.
    inputs, outputs
        Names of the model's inputs and outputs in the file.

    Returns
    -------
    Path
        The file, for `hwgen.build`.

    Raises
    ------
    UserError
        Brevitas is not installed, the dialect is unknown, the example is not one frame, or the module fails on it.
    UnsupportedError
        Brevitas cannot export the module in this dialect, or hwgen cannot build what it exports; every problem is told.
    """
    if dialect not in DIALECTS:
        raise UserError(f"The dialect must be qonnx or qcdq, not {dialect!r}.", hint=did_you_mean(dialect, DIALECTS))
    exporter = _exporter(dialect)
    frames = _frames(example)
    path = Path(path)
    with tempfile.TemporaryDirectory(prefix="hwgen-export-") as folder:
        draft = Path(folder) / path.name
        _export(exporter, _evaluated(module, frames), frames, draft, dialect, inputs, outputs)
        lower(load(draft))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(draft.read_bytes())
    return path


def _exporter(dialect: str) -> Callable[..., Any]:
    try:
        from brevitas import export
    except ImportError as error:
        raise UserError("Brevitas is not installed.", hint="Install it: pip install 'hwgen[qat]'.") from error
    found: Callable[..., Any] = export.export_qonnx if dialect == "qonnx" else export.export_onnx_qcdq
    return found


def _frames(example: Any) -> tuple[Any, ...]:
    """Return the example as a tuple of tensors of one frame each."""
    import torch

    frames = tuple(torch.as_tensor(value) for value in (example if isinstance(example, tuple) else (example,)))
    for frame in frames:
        if frame.ndim < 2 or frame.shape[0] != 1:
            shape = tuple(frame.shape)
            raise UserError(f"The example must be one frame, (1, ...), not of shape {shape}.", hint="Take x[:1].")
    return frames


def _evaluated(module: Any, frames: tuple[Any, ...]) -> Any:
    """Return a copy of the module in evaluation mode; it has to accept the frames.

    A failed export leaves Brevitas layers in a state that no other export can use: hence the copy.
    """
    import torch

    try:
        module = copy.deepcopy(module).eval()
        with torch.no_grad():
            module(*frames)
    except Exception as error:
        raise UserError(f"The module fails on the example: {_line(error)}.") from error
    return module


def _export(
    exporter: Callable[..., Any],
    module: Any,
    frames: tuple[Any, ...],
    path: Path,
    dialect: str,
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> None:
    names = {"input_names": list(inputs), "output_names": list(outputs)}
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            exporter(module, args=frames, export_path=str(path), dynamo=False, **names)
    except Exception as error:
        hint = "Layers of 1 bit need dialect='qonnx'." if dialect == "qcdq" else "Use Brevitas layers with int formats."
        raise UnsupportedError(f"Brevitas cannot export the module as {dialect}: {_line(error)}.", hint=hint) from error


def _line(error: Exception) -> str:
    return " ".join(str(error).split())[:300].rstrip(". ") or type(error).__name__
