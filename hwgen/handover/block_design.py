# SPDX-License-Identifier: Apache-2.0
"""Decides the block design: the Zynq's processors, a DMA for each pair of streams, and what joins them.

Processors reach the registers of the accelerator and of the DMAs through one SmartConnect; the DMAs, and the
accelerator itself where it reads its weights, reach the memory through another. Every interrupt goes through one AXI
interrupt controller, as PYNQ wants it. The addresses are fixed: accelerator, DMAs, interrupt controller.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import zip_longest

from hwgen.handover.amd import ZynqBoard
from hwgen.handover.shell_ports import Bus

PS = "ps"
RESET = "reset"
CONTROL = "control"
MEMORY = "memory"
CONCAT = "interrupts"
INTC = "interrupt_controller"
STEP = 0x10000
INTC_AT = 0x100000
WIDEST_DMA = 1024
NARROWEST_MEMORY = 32
MOST_PORTS = 16
LENGTH_BITS = 26


@dataclass(frozen=True)
class Cell:
    """One IP in the block design: its name, its VLNV, and its properties without ``CONFIG.``."""

    name: str
    vlnv: str
    config: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True)
class Address:
    """Where an address segment is seen from an address space: first address and size in bytes.

    One that is `optional` is mapped where the board's preset has it.
    """

    space: str
    segment: str
    offset: int
    size: int
    optional: bool = False


@dataclass(frozen=True)
class BlockDesign:
    """A decided block design.

    Parameters
    ----------
    board
        The board with its processors, which are the cell `PS`.
    clock_mhz
        The fabric's clock.
    cells
        All others.
    links
        Pairs of interface pins.
    nets
        Pins that are one wire, the driver first.
    addresses
        The address map.
    excluded
        ``(space, segment)`` that a master must not reach.
    """

    board: ZynqBoard
    clock_mhz: float
    cells: tuple[Cell, ...]
    links: tuple[tuple[str, str], ...]
    nets: tuple[tuple[str, ...], ...]
    addresses: tuple[Address, ...]
    excluded: tuple[tuple[str, str], ...]

    @property
    def interrupts(self) -> tuple[str, ...]:
        """Pins that raise an interrupt, in the order of the controller's bits."""
        return tuple(net[0] for net in self.nets if net[-1].startswith(f"{CONCAT}/In"))


@dataclass(frozen=True)
class _Dma:
    """A DMA with the streams that it feeds and drains; a width converter stands between where the widths differ."""

    name: str
    feeds: Bus | None
    drains: Bus | None


def decide(name: str, clock_mhz: float, board: ZynqBoard, buses: Sequence[Bus]) -> BlockDesign | None:
    """Return the block design of an accelerator on a board.

    Parameters
    ----------
    name
        The accelerator; the cell is ``<name>_0``.
    clock_mhz
        The fabric's clock.
    buses
        Those of the packaged IP.

    Returns
    -------
    BlockDesign or None
        None where a SmartConnect would need more than its 16 ports.
    """
    streams = [i for i in buses if i.protocol == "axis"]
    inputs = [i for i in streams if i.role == "slave"]
    outputs = [i for i in streams if i.role == "master"]
    dmas = [_Dma(f"dma_{n}", *pair) for n, pair in enumerate(zip_longest(inputs, outputs))]
    own = [i.name for i in buses if i.protocol == "aximm" and i.role == "master"]
    wiring = _Wiring(f"{name}_0", f"hwgen:accelerators:{name}:1.0", board, dmas, own)
    if max(len(wiring.masters), len(wiring.slaves)) > MOST_PORTS:
        return None
    return wiring.design(clock_mhz)


@dataclass(frozen=True)
class _Parts:
    """A block design in the making: cells, links, pins that take the clock, pins that take the reset."""

    cells: list[Cell]
    links: list[tuple[str, str]]
    clocked: list[str]
    released: list[str]


class _Wiring:
    """Collects the parts of a block design."""

    def __init__(self, name: str, vlnv: str, board: ZynqBoard, dmas: Sequence[_Dma], own: Sequence[str]) -> None:
        self.name, self.vlnv, self.board, self.dmas = name, vlnv, board, dmas
        self.masters: list[tuple[str, str]] = [(f"{name}/{port}", f"{name}/{port}") for port in own]
        self.slaves: list[tuple[str, str, int]] = [(f"{name}/s_axi_control", f"{name}/s_axi_control/reg0", 0)]
        self.interrupts = [f"{name}/interrupt"]
        for number, dma in enumerate(dmas):
            self.slaves.append((f"{dma.name}/S_AXI_LITE", f"{dma.name}/S_AXI_LITE/Reg", STEP * (number + 1)))
            for side, stream in (("MM2S", dma.feeds), ("S2MM", dma.drains)):
                if stream is not None:
                    self.masters.append((f"{dma.name}/M_AXI_{side}", f"{dma.name}/Data_{side}"))
                    self.interrupts.append(f"{dma.name}/{side.lower()}_introut")
        self.slaves.append((f"{INTC}/s_axi", f"{INTC}/S_AXI/Reg", INTC_AT))

    def design(self, clock_mhz: float) -> BlockDesign:
        ps = self.board.processor
        clocked = [f"{PS}/{pin}" for pin in ps.clocked] + [f"{RESET}/slowest_sync_clk", f"{self.name}/ap_clk"]
        parts = _Parts(
            [Cell(RESET, "xilinx.com:ip:proc_sys_reset"), Cell(self.name, self.vlnv)],
            [(f"{PS}/{ps.master}", f"{CONTROL}/S00_AXI"), (f"{MEMORY}/M00_AXI", f"{PS}/{ps.slave}")],
            clocked,
            [f"{self.name}/ap_rst_n"],
        )
        for dma in self.dmas:
            self._dma(dma, parts)
        parts.cells.extend(self._joints())
        parts.clocked.extend([f"{CONTROL}/aclk", f"{MEMORY}/aclk", f"{INTC}/s_axi_aclk"])
        parts.released.extend([f"{CONTROL}/aresetn", f"{MEMORY}/aresetn", f"{INTC}/s_axi_aresetn"])
        parts.links.extend([(f"{CONTROL}/M{n:02d}_AXI", pin) for n, (pin, _, _) in enumerate(self.slaves)])
        parts.links.extend([(pin, f"{MEMORY}/S{n:02d}_AXI") for n, (pin, _) in enumerate(self.masters)])
        nets = (
            (f"{PS}/{ps.clock}", *parts.clocked),
            (f"{PS}/{ps.reset}", f"{RESET}/ext_reset_in"),
            (f"{RESET}/peripheral_aresetn", *parts.released),
            *((pin, f"{CONCAT}/In{n}") for n, pin in enumerate(self.interrupts)),
            (f"{CONCAT}/dout", f"{INTC}/intr"),
            (f"{INTC}/irq", f"{PS}/{ps.interrupt}"),
        )
        return BlockDesign(
            self.board,
            clock_mhz,
            tuple(parts.cells),
            tuple(parts.links),
            nets,
            self._addresses(),
            self._excluded(),
        )

    def _dma(self, dma: _Dma, parts: _Parts) -> None:
        config = [("c_include_sg", "0"), ("c_sg_length_width", str(LENGTH_BITS))]
        config.append(("c_addr_width", str(self.board.processor.address_bits)))
        parts.clocked.append(f"{dma.name}/s_axi_lite_aclk")
        parts.released.append(f"{dma.name}/axi_resetn")
        for side, stream in (("mm2s", dma.feeds), ("s2mm", dma.drains)):
            config.append((f"c_include_{side}", str(int(stream is not None))))
            if stream is None:
                continue
            bits = min(stream.data_bits, WIDEST_DMA)
            port = f"{'m' if side == 'mm2s' else 's'}_axis_{side}"
            config.append((f"c_m_axi_{side}_data_width", str(max(bits, NARROWEST_MEMORY))))
            config.append((f"c_{port}_tdata_width", str(bits)))
            parts.clocked.append(f"{dma.name}/m_axi_{side}_aclk")
            self._stream(stream, f"{dma.name}/{port.upper()}", bits, parts)
        parts.cells.append(Cell(dma.name, "xilinx.com:ip:axi_dma", tuple(config)))

    def _stream(self, stream: Bus, dma_pin: str, bits: int, parts: _Parts) -> None:
        """Join a stream to its DMA; one that is too wide for a DMA through a converter."""
        pin = f"{self.name}/{stream.name}"
        if bits == stream.data_bits:
            parts.links.append((dma_pin, pin) if stream.role == "slave" else (pin, dma_pin))
            return
        name = f"{stream.name}_width"
        feeds = stream.role == "slave"
        sizes = (bits, stream.data_bits) if feeds else (stream.data_bits, bits)
        config = [(f"{end}_TDATA_NUM_BYTES", str(size // 8)) for end, size in zip("SM", sizes, strict=True)]
        config += [("HAS_TLAST", "1"), ("HAS_TKEEP", "1")]
        parts.cells.append(Cell(name, "xilinx.com:ip:axis_dwidth_converter", tuple(config)))
        parts.clocked.append(f"{name}/aclk")
        parts.released.append(f"{name}/aresetn")
        before, behind = (dma_pin, pin) if feeds else (pin, dma_pin)
        parts.links.extend([(before, f"{name}/S_AXIS"), (f"{name}/M_AXIS", behind)])

    def _joints(self) -> tuple[Cell, ...]:
        vlnv = "xilinx.com:ip:smartconnect"
        return (
            Cell(CONTROL, vlnv, (("NUM_SI", "1"), ("NUM_MI", str(len(self.slaves))))),
            Cell(MEMORY, vlnv, (("NUM_SI", str(len(self.masters))), ("NUM_MI", "1"))),
            Cell(CONCAT, "xilinx.com:ip:xlconcat", (("NUM_PORTS", str(len(self.interrupts))),)),
            Cell(INTC, "xilinx.com:ip:axi_intc", (("C_IRQ_CONNECTION", "1"),)),
        )

    def _addresses(self) -> tuple[Address, ...]:
        base = self.board.processor.control_base
        found = [Address(f"{PS}/Data", segment, base + offset, STEP) for _, segment, offset in self.slaves]
        for _, space in self.masters:
            for number, (name, offset, size) in enumerate(self.board.memory):
                segment = f"{PS}/{self.board.processor.segments}{name}"
                found.append(Address(space, segment, offset, size, optional=number > 0))
        return tuple(found)

    def _excluded(self) -> tuple[tuple[str, str], ...]:
        prefix = f"{PS}/{self.board.processor.segments}"
        return tuple((space, f"{prefix}{name}") for _, space in self.masters for name in self.board.excluded)
