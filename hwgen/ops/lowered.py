# SPDX-License-Identifier: Apache-2.0
"""What lowering returns: the integer graph, what its tensors are in the ONNX model, and a proof for each quantiser."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwgen.graph import Graph
from hwgen.graph.layout import IN_ORDER, Layout


@dataclass(frozen=True)
class Observation:
    """Which ONNX tensor an integer tensor stands for: ``real = scale * (q - zero_point) + offset``.

    Where the ONNX tensor itself holds integers, it is q.

    Parameters
    ----------
    tensor
        Integer tensor of the graph.
    onnx
        Tensor of the `SourceModel`; shapes may differ.
    scale
        One value, or one for each channel of `tensor`.
    zero_point
        Integer that stands for real zero.
    offset
        Empty for zero; only outputs have one, where a bias does not lie on the accumulator's grid.
    layout
        Where the elements of `onnx` stand in `tensor`.
    """

    tensor: str
    onnx: str
    scale: tuple[float, ...]
    zero_point: int
    offset: tuple[float, ...] = ()
    layout: Layout = IN_ORDER


@dataclass(frozen=True)
class RequantProof:
    """How a requantisation was found, and that it equals the model's quantiser for every accumulator value.

    Parameters
    ----------
    node
        Name of the integer node.
    method
        What it computes.
    exact
        True when proven equal for every input.
    differing
        Inputs at which it differs.
    detail
        Shift, levels and the range that the proof covers.
    """

    node: str
    method: Literal["thresholds", "multiply_shift", "interpolated", "table"]
    exact: bool
    differing: int
    detail: str


@dataclass(frozen=True)
class Lowered:
    """A model as an integer graph, with the bridge to its ONNX tensors.

    Parameters
    ----------
    graph
        The accelerator.
    inputs, outputs
        One for each graph input and output: what the host feeds, and what it gets back.
    observations
        Every requantised tensor.
    proofs
        Every requantisation.
    host
        Sentences on what is left to the host, and on biases that were rounded onto the accumulator's grid.
    """

    graph: Graph
    inputs: tuple[Observation, ...]
    outputs: tuple[Observation, ...]
    observations: tuple[Observation, ...] = ()
    proofs: tuple[RequantProof, ...] = ()
    host: tuple[str, ...] = ()
