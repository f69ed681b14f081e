# SPDX-License-Identifier: Apache-2.0
"""The shells' ports, bus by bus: what the shells declare.

`ip_ports` are those of ``rtl/shell/<name>_ip.sv``, `kernel_ports` those of ``rtl/shell/<name>_kernel.sv``. A
beat of a stream is padded to a power of two of bytes, as AXI DMA and memories want it: the core's bytes come first, the
rest is not looked at (inputs) or zero (outputs). A frame in memory is its padded beats one behind the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from hwgen.handover.design import Design
from hwgen.handover.registers import ADDRESS_BITS
from hwgen.plan.types import Plan, Port

NARROWEST_MEMORY, WIDEST_MEMORY = 32, 512
POINTER_BITS = 64

Direction = Literal["input", "output"]
Protocol = Literal["clock", "reset", "interrupt", "axis", "axilite", "aximm"]

_LITE: tuple[tuple[str, Direction, int], ...] = (
    ("awaddr", "input", ADDRESS_BITS), ("awvalid", "input", 1), ("awready", "output", 1), ("wdata", "input", 32),
    ("wstrb", "input", 4), ("wvalid", "input", 1), ("wready", "output", 1), ("bresp", "output", 2),
    ("bvalid", "output", 1), ("bready", "input", 1), ("araddr", "input", ADDRESS_BITS), ("arvalid", "input", 1),
    ("arready", "output", 1), ("rdata", "output", 32), ("rresp", "output", 2), ("rvalid", "output", 1),
    ("rready", "input", 1),
)  # fmt: skip
_READ: tuple[tuple[str, Direction, int], ...] = (
    ("arid", "output", 1), ("araddr", "output", POINTER_BITS), ("arlen", "output", 8), ("arsize", "output", 3),
    ("arburst", "output", 2), ("arcache", "output", 4), ("arprot", "output", 3), ("arvalid", "output", 1),
    ("arready", "input", 1), ("rid", "input", 1), ("rdata", "input", 0), ("rresp", "input", 2), ("rlast", "input", 1),
    ("rvalid", "input", 1), ("rready", "output", 1),
)  # fmt: skip
_WRITE: tuple[tuple[str, Direction, int], ...] = (
    ("awid", "output", 1), ("awaddr", "output", POINTER_BITS), ("awlen", "output", 8), ("awsize", "output", 3),
    ("awburst", "output", 2), ("awcache", "output", 4), ("awprot", "output", 3), ("awvalid", "output", 1),
    ("awready", "input", 1), ("wdata", "output", 0), ("wstrb", "output", -1), ("wlast", "output", 1),
    ("wvalid", "output", 1), ("wready", "input", 1), ("bid", "input", 1), ("bresp", "input", 2), ("bvalid", "input", 1),
    ("bready", "output", 1),
)  # fmt: skip
"""Signals: suffix, direction, bits; 0 for the data width, -1 for its bytes."""


@dataclass(frozen=True)
class Signal:
    """One port of a module: its whole name, direction, and bits."""

    name: str
    direction: Direction
    bits: int


@dataclass(frozen=True)
class Bus:
    """Ports that belong together.

    Parameters
    ----------
    name
        Of the bus; the common prefix of the signals' names, or the only signal's name.
    protocol
        What it speaks.
    role
        ``slave`` or ``master``.
    signals
        In the order of declaration.
    data_bits
        Width of its data; 1 for clock, reset and interrupt.
    port
        The port of the plan behind it, if there is one.
    """

    name: str
    protocol: Protocol
    role: Literal["slave", "master"]
    signals: tuple[Signal, ...]
    data_bits: int = 1
    port: Port | None = None

    @property
    def reads(self) -> bool:
        """Whether a memory interface reads; if not, it writes."""
        return self.port is not None and self.port.direction == "in"


def stream_bits(port: Port) -> int:
    """Return the width of a shell's stream: the core's tdata, padded to a power of two of bytes."""
    return 1 << (port.tdata_bits - 1).bit_length()


def memory_bits(port: Port) -> int:
    """Return the width of the memory interface behind a port."""
    return min(max(stream_bits(port), NARROWEST_MEMORY), WIDEST_MEMORY)


def frame_bytes(plan: Plan, port: Port) -> int:
    """Return how many bytes one frame of a port takes in memory."""
    return stored_beats(plan, port) * stream_bits(port) // 8


def stored_beats(plan: Plan, port: Port) -> int:
    """Return how many beats of a port are in memory for a frame: of a feed, which repeats them, its rows."""
    return len(plan.arrays[port.feed]) if port.feed else plan.channel(port.channel).type.beats


def ip_ports(design: Design) -> tuple[Bus, ...]:
    """Return the interfaces of the shell with streams; streamed weights come from memory by ``m_axi_gmem<n>``."""
    streams = tuple(_stream(port) for port in (*design.inputs, *design.outputs))
    return (*_common(), *streams, *(_memory(i, port) for i, port in enumerate(design.feeds)))


def kernel_ports(design: Design) -> tuple[Bus, ...]:
    """Return the interfaces of the shell that gets everything from memory: inputs, outputs, weights in that order."""
    ports = (*design.inputs, *design.outputs, *design.feeds)
    return (*_common(), *(_memory(i, port) for i, port in enumerate(ports)))


def _common() -> tuple[Bus, ...]:
    return (
        Bus("ap_clk", "clock", "slave", (Signal("ap_clk", "input", 1),)),
        Bus("ap_rst_n", "reset", "slave", (Signal("ap_rst_n", "input", 1),)),
        Bus("s_axi_control", "axilite", "slave", _signals("s_axi_control", _LITE, 32), 32),
        Bus("interrupt", "interrupt", "master", (Signal("interrupt", "output", 1),)),
    )


def _signals(prefix: str, signals: tuple[tuple[str, Direction, int], ...], data: int) -> tuple[Signal, ...]:
    widths = {0: data, -1: data // 8}
    return tuple(Signal(f"{prefix}_{name}", way, widths.get(bits, bits)) for name, way, bits in signals)


def _stream(port: Port) -> Bus:
    taken = port.direction == "in"
    ours: Direction = "input" if taken else "output"
    theirs: Direction = "output" if taken else "input"
    signals: tuple[tuple[str, Direction, int], ...] = (
        ("tdata", ours, 0), ("tkeep", ours, -1), ("tvalid", ours, 1), ("tready", theirs, 1), ("tlast", ours, 1),
    )  # fmt: skip
    bits = stream_bits(port)
    return Bus(port.name, "axis", "slave" if taken else "master", _signals(port.name, signals, bits), bits, port)


def _memory(index: int, port: Port) -> Bus:
    name, bits = f"m_axi_gmem{index}", memory_bits(port)
    signals = _READ if port.direction == "in" else _WRITE
    return Bus(name, "aximm", "master", _signals(name, signals, bits), bits, port)
