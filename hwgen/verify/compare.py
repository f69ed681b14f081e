# SPDX-License-Identifier: Apache-2.0
"""Say where two tensors, or a tensor and a stream, differ: layer, frame, channel, pixel."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from hwgen.errors import Problem
from hwgen.graph import Ints
from hwgen.hw import from_beats, to_beats, unpack
from hwgen.plan.types import Channel, Plan

Words: TypeAlias = npt.NDArray[np.uint8]


@dataclass(frozen=True)
class Place:
    """One element of a tensor: frame, channel (axis 1), and the rest of its index."""

    frame: int
    channel: int
    index: tuple[int, ...]

    def __str__(self) -> str:
        text = f"frame {self.frame}, channel {self.channel}"
        return f"{text}, index {self.index}" if self.index else text


@dataclass(frozen=True)
class Mismatch(Problem):
    """One finding of csim or RTL simulation; as a `Problem` it is a sentence.

    Parameters
    ----------
    layer
        Process that made the wrong value.
    stream
        Channel of the plan at which it was seen.
    scenario
        ``csim``, or the RTL run: ``conv2 alone, back-pressure``.
    place, expected, got
        The first wrong element; None when the finding is not about a value (a stall, a wrong TLAST).
    """

    layer: str = ""
    stream: str = ""
    scenario: str = ""
    place: Place | None = None
    expected: int | None = None
    got: int | None = None


def differs(layer: str, channel: Channel, scenario: str, place: Place, expected: int, got: int) -> Mismatch:
    """Return the finding that an element of `channel`, made by `layer`, is wrong."""
    message = f"Layer {layer} differs from the golden at {place}: expected {expected}, got {got} ({where(scenario)})."
    return Mismatch(
        message, layer=layer, stream=channel.name, scenario=scenario, place=place, expected=expected, got=got
    )


def where(scenario: str) -> str:
    """Return how a sentence refers to a scenario."""
    return scenario if scenario == "csim" else f"rtl, {scenario}"


def maker(plan: Plan, channel: Channel) -> str:
    """Return the process that produces `channel`, or the name of the input port."""
    if channel.producer is not None:
        return channel.producer[0]
    return next(port.name for port in plan.ports if port.channel == channel.name)


def positions(channel: Channel) -> Ints:
    """Return the flat index, in the tensor without its batch axis, of every element of a frame: ``(beats, lanes)``."""
    shape = channel.shape[1:]
    order = np.arange(int(np.prod(shape)), dtype=np.int64).reshape(1, *shape)
    flat: Ints = to_beats(order, channel.type)[0]
    return flat


def place(channel: Channel, frame: int, beat: int, lane: int) -> Place:
    """Return which element travels in a lane of a beat."""
    index = np.unravel_index(int(positions(channel)[beat, lane]), channel.shape[1:])
    return Place(frame, int(index[0]), tuple(int(i) for i in index[1:]))


def first_difference(expected: Ints, got: Ints) -> tuple[Place, int, int] | None:
    """Return the first wrong element of two tensors ``(frames, C, ...)`` with the expected and the actual value."""
    wrong = np.argwhere(expected != got)
    if len(wrong) == 0:
        return None
    index = tuple(int(i) for i in wrong[0])
    return Place(index[0], index[1], index[2:]), int(expected[index]), int(got[index])


def words_to_tensor(words: Words, channel: Channel) -> Ints:
    """Return the tensor that packed beats carry."""
    return from_beats(unpack(words, channel.type), channel.type, channel.shape)
