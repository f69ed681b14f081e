# SPDX-License-Identifier: Apache-2.0
"""A plan as people think of it: layers and ports, with width converters and forks folded into the links."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwgen.plan.types import Channel, Plan, Process

GLUE = ("fork", "width")
"""Operators that only pass beats on: between layers, not layers."""


@dataclass(frozen=True)
class Link:
    """A way from one layer or port to another.

    Parameters
    ----------
    source, target
        Names of processes or ports.
    channels
        Channels on the way, in the order of the data.
    through
        Width converters and forks on the way.
    """

    source: str
    target: str
    channels: tuple[Channel, ...]
    through: tuple[str, ...]

    @property
    def depth(self) -> int:
        """Beats that the deepest FIFO on the way holds."""
        return max(channel.depth for channel in self.channels)


def layers(plan: Plan) -> list[Process]:
    """Return the processes that compute something or put it in order."""
    return [process for process in plan.processes if process.op not in GLUE]


def links(plan: Plan) -> list[Link]:
    """Return every way between layers and ports."""
    ports = {port.channel: port.name for port in plan.ports}
    processes = {process.name: process for process in plan.processes}
    channels = {channel.name: channel for channel in plan.channels}

    def follow(source: str, name: str, way: tuple[Channel, ...], through: tuple[str, ...]) -> Iterator[Link]:
        channel = channels[name]
        way = (*way, channel)
        if channel.consumer is None:
            yield Link(source, ports[name], way, through)
            return
        reader = processes[channel.consumer[0]]
        if reader.op not in GLUE:
            yield Link(source, reader.name, way, through)
            return
        for output in reader.outputs:
            yield from follow(source, output, way, (*through, reader.name))

    starts = [(port.name, port.channel) for port in plan.ports if port.direction == "in"]
    starts += [(process.name, output) for process in layers(plan) for output in process.outputs]
    return [link for source, name in starts for link in follow(source, name, (), ())]
