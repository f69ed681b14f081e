# SPDX-License-Identifier: Apache-2.0
"""The Plan: every decision taken, with its reason. Render, verify, synth and report read nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from hwgen.graph import Ints, TensorType
from hwgen.hw import Board, Choice, Folding, KernelCall, Resources, StreamType, Unit, fed


@dataclass(frozen=True)
class Decision:
    """One choice: what about, what was chosen, why."""

    subject: str
    choice: str
    reason: str


@dataclass(frozen=True)
class Channel:
    """A stream between two processes, or between a process and a port.

    Parameters
    ----------
    name
        Legal identifier, unique; the C++ stream and the RTL FIFO carry it.
    tensor
        Tensor of the integer graph whose golden values it carries.
    shape
        The tensor's ONNX shape with a batch of 1.
    type
        Stream format.
    depth
        FIFO depth in beats; 0 at ports, and where producer and consumer are joined by wires.
    producer, consumer
        ``(process, index of its output)`` and ``(process, index of its input)``; None at a port.
    """

    name: str
    tensor: str
    shape: tuple[int, ...]
    type: StreamType
    depth: int
    producer: tuple[str, int] | None
    consumer: tuple[str, int] | None


@dataclass(frozen=True)
class Work:
    """What a process multiplies in one frame.

    Parameters
    ----------
    macs
        Multiply-accumulates.
    weights
        Numbers that it multiplies by and keeps; 0 where both operands stream in.
    weight_bits, act_bits
        Widths of the operands.
    """

    macs: int
    weights: int
    weight_bits: int
    act_bits: int


@dataclass(frozen=True)
class Process:
    """One hardware process: a kernel instance.

    Parameters
    ----------
    name
        Legal identifier: C++ function, SystemVerilog module.
    layer
        Name of the graph node that it computes, or that it serves (forks, width converters).
    op
        Operator name.
    source
        ONNX nodes, for messages.
    choice
        Unit, folding and storage.
    call
        The kernel call.
    inputs, outputs
        Channel names in the order of the kernel's parameters.
    cycles
        Iterations for one frame.
    depth
        Pipeline depth that the latency prediction assumes, in cycles from an iteration's reads to its writes.
    cost
        Estimated resources.
    reason
        Why this unit and folding.
    work
        What it multiplies; None where it multiplies nothing.
    """

    name: str
    layer: str
    op: str
    source: tuple[str, ...]
    choice: Choice
    call: KernelCall
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    cycles: int
    depth: int
    cost: Resources
    reason: str
    work: Work | None = None

    @property
    def unit(self) -> Unit:
        """What multiplies."""
        return self.choice.unit

    @property
    def folding(self) -> Folding:
        """How much works in one cycle."""
        return self.choice.folding


@dataclass(frozen=True)
class Port:
    """One AXI4-Stream port of the accelerator.

    Parameters
    ----------
    name
        ``s_axis_0`` or ``m_axis_0``.
    direction
        ``in`` or ``out``.
    channel
        The channel behind it.
    tensor
        Tensor name in the integer graph.
    type
        The tensor's type, with scale and zero point.
    element_bits
        Bits that one element takes in tdata: 8, 16, 32 or 64.
    tdata_bits
        Width of tdata: lanes of the channel times `element_bits`.
    layout
        How to read the port, for people: "NHWC, channels innermost" for instance.
    feed
        Key in the plan's arrays of the bytes that have to come in here again and again, one row a beat; empty where
        the port carries data.
    """

    name: str
    direction: Literal["in", "out"]
    channel: str
    tensor: str
    type: TensorType
    element_bits: int
    tdata_bits: int
    layout: str
    feed: str = ""


@dataclass(frozen=True)
class Plan:
    """A whole accelerator, decided.

    Parameters
    ----------
    name
        Top-level name, a legal identifier.
    board, clock_mhz
        What it is planned for.
    limits
        Resources it had to stay within.
    processes
        In topological order.
    channels, ports
        See there.
    ii, latency
        Predicted cycles: between frames in steady state; from the first input beat taken to the last output beat
        of an isolated frame.
    resources
        Estimated total, FIFOs and port adapters included.
    bottleneck
        Process with the most cycles.
    binding
        What keeps the design from being faster, in words.
    decisions
        Every choice with its reason.
    gap
        How much smaller the area of the choice might be at most for this II, as a share of it; 0 where none is smaller.
    arrays
        Values of all ROMs by key.
    pipeline_mhz
        Clock that the pipelines are cut for; `clock_mhz` where it is not faster.
    """

    name: str
    board: Board
    clock_mhz: float
    limits: Resources
    processes: tuple[Process, ...]
    channels: tuple[Channel, ...]
    ports: tuple[Port, ...]
    ii: int
    latency: int
    resources: Resources
    bottleneck: str
    binding: str
    decisions: tuple[Decision, ...]
    gap: float = 0.0
    arrays: Mapping[str, Ints] = field(default_factory=dict, compare=False, repr=False)
    pipeline_mhz: float = 0.0

    @property
    def cut_mhz(self) -> float:
        """Clock that every stage of a pipeline has to meet."""
        return max(self.clock_mhz, self.pipeline_mhz)

    @property
    def fps(self) -> float:
        """Frames per second projected at the plan's clock."""
        return self.clock_mhz * 1e6 / self.ii

    def channel(self, name: str) -> Channel:
        """Return a channel by name."""
        return next(c for c in self.channels if c.name == name)

    def process(self, name: str) -> Process:
        """Return a process by name."""
        return next(p for p in self.processes if p.name == name)

    def feeds(self, frames: int) -> dict[str, Ints]:
        """Return the tensors of the ports that weights come in by, ``(frames, bytes)``."""
        ports = (port for port in self.ports if port.feed)
        return {p.tensor: fed(self.arrays[p.feed], self.channel(p.channel).type, frames) for p in ports}
