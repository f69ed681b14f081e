# SPDX-License-Identifier: Apache-2.0
"""A real fully convolutional network on smaller frames: the same layers and weights, and seconds to simulate."""

from __future__ import annotations

from pathlib import Path

import onnx


def on_small_frames(model: Path, height: int, width: int, path: Path) -> Path:
    """Write the model with an input of that size to `path`, every other shape to be inferred; return the path."""
    small = onnx.load(str(model))
    constants = {tensor.name for tensor in small.graph.initializer}
    (port,) = (port for port in small.graph.input if port.name not in constants)
    for axis, size in zip((2, 3), (height, width), strict=True):
        port.type.tensor_type.shape.dim[axis].dim_value = size
    for output in small.graph.output:
        output.type.tensor_type.ClearField("shape")
    del small.graph.value_info[:]
    onnx.save(small, str(path))
    return path
