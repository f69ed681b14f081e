# SPDX-License-Identifier: Apache-2.0
"""The imported model: ONNX as immutable data, constants folded, every shape known."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class SourceNode:
    """One ONNX node after import.

    Parameters
    ----------
    name
        The node's own name, or ``<op>_<index>`` where the file gives none; unique.
    op
        Operator without its domain: ``Conv``, ``Quant`` ...
    inputs, outputs
        Tensor names; an absent optional input is ``""``.
    attrs
        Attribute values as Python data (bytes decoded to str, lists to tuples).
    """

    name: str
    op: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attrs: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class SourceModel:
    """A model ready for lowering.

    Parameters
    ----------
    name
        Legal identifier made from the file name.
    opset
        Version of the default domain.
    nodes
        In topological order; nothing in it computes a constant.
    constants
        Initialisers and folded constants by tensor name.
    inputs, outputs
        Names of the model's inputs and outputs.
    shapes, dtypes
        Of every tensor, batch resolved to 1.
    sha256
        Of the file, external data included.
    serialized
        The simplified model as an ONNX file that onnxruntime runs: QONNX nodes written out in standard operators,
        tensor names kept.
    notes
        Sentences that tell what the import changed, such as an upgrade of the opset.
    """

    name: str
    opset: int
    nodes: tuple[SourceNode, ...]
    constants: Mapping[str, Array] = field(compare=False, repr=False)
    inputs: tuple[str, ...] = ()
    outputs: tuple[str, ...] = ()
    shapes: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    dtypes: Mapping[str, np.dtype[Any]] = field(default_factory=dict)
    sha256: str = ""
    serialized: bytes = field(default=b"", compare=False, repr=False)
    notes: tuple[str, ...] = ()
