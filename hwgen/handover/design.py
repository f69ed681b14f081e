# SPDX-License-Identifier: Apache-2.0
"""What the writers of the hand-over are given."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from hwgen.plan.types import Plan, Port


@dataclass(frozen=True)
class Tensor:
    """A tensor of the model: ONNX shape with a batch of 1, numpy's name of its type."""

    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class HostPort:
    """What a port's integers stand for on the host: ``real = scale * (q - zero_point) + offset``.

    Parameters
    ----------
    onnx
        The model's tensor; where it holds integers, it is q.
    tensor
        Its shape and type.
    scale, offset
        One value, or one for each channel of the port's tensor; no offset is 0.
    zero_point
        Integer that stands for real zero.
    axes, order
        The port's tensor is the model's, reshaped to `axes` and transposed by `order`, the batch left out; both empty
        where the elements keep their order.
    """

    onnx: str
    tensor: Tensor
    scale: tuple[float, ...]
    zero_point: int
    offset: tuple[float, ...] = ()
    axes: tuple[int, ...] = ()
    order: tuple[int, ...] = ()


@dataclass(frozen=True)
class Host:
    """What a driver has to know of the model: its inputs, its outputs, and what each port's integers stand for."""

    inputs: Mapping[str, Tensor]
    outputs: Mapping[str, Tensor]
    ports: Mapping[str, HostPort]


@dataclass(frozen=True)
class Design:
    """A finished design, about to be handed over.

    Parameters
    ----------
    plan
        Every decision.
    folder
        The output folder; ``rtl/`` holds the whole design and ``rtl/top.f`` its file list, in order.
    model, model_sha256
        The model's file name, and its hash.
    version
        Of hwgen.
    host
        What the drivers have to know; without it none are written.
    """

    plan: Plan
    folder: Path
    model: str
    model_sha256: str
    version: str
    host: Host | None = None

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Ports that frames enter through, in the order of their numbers."""
        return tuple(port for port in self.plan.ports if port.direction == "in" and not port.feed)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Ports that results leave through, in the order of their numbers."""
        return tuple(port for port in self.plan.ports if port.direction == "out")

    @property
    def feeds(self) -> tuple[Port, ...]:
        """Ports that want the words of ``weights/<port>.bin`` again for every frame."""
        return tuple(port for port in self.plan.ports if port.feed)
