# SPDX-License-Identifier: Apache-2.0
"""The imported model: ONNX as immutable data, constants folded, every shape known."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen.errors import UserError

Array = npt.NDArray[Any]

MAX_INPUT_BITS = 16
_INTEGER = re.compile(r"(u?)int([0-9]{1,2})")


@dataclass(frozen=True)
class IntegerType:
    """The integers that a model input is declared to hold; one signed bit is -1 and +1."""

    signed: bool
    bits: int

    @classmethod
    def parse(cls, text: str, option: str = "The integer type") -> IntegerType:
        """Read ``int8``, ``uint4`` ...

        Raises
        ------
        UserError
            The text is no such name, or has more than 16 bits.
        """
        found = _INTEGER.fullmatch(text.strip())
        if found is None or not 1 <= int(found[2]) <= MAX_INPUT_BITS:
            wanted = f"int1 to int{MAX_INPUT_BITS}, or uint1 to uint{MAX_INPUT_BITS}"
            raise UserError(f"{option} must be {wanted}, not {text!r}.")
        return cls(not found[1], int(found[2]))

    @property
    def lo(self) -> int:
        """Smallest integer."""
        if not self.signed:
            return 0
        return -1 if self.bits == 1 else -(1 << (self.bits - 1))

    @property
    def hi(self) -> int:
        """Largest integer."""
        if self.signed:
            return 1 if self.bits == 1 else (1 << (self.bits - 1)) - 1
        return (1 << self.bits) - 1

    def __str__(self) -> str:
        return f"{'' if self.signed else 'u'}int{self.bits}"


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
    input_types
        Inputs that are declared to hold integers, whatever their element type.
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
    input_types: Mapping[str, IntegerType] = field(default_factory=dict)
