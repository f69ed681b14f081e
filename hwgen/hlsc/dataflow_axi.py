# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog of a top's AXI4-Lite slave and AXI4 masters, and of the black boxes' pins that belong to them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwgen.hlsc.back.emit_expr import vector
from hwgen.hlsc.dataflow import Argument, Control, Dataflow, Instance, Master
from hwgen.hlsc.interfaces import ADDRESS_BITS

REGISTERS = "hwgen_axilite_regs"
_LONGEST = 110

_READ = (
    ("arid", "output", 1), ("araddr", "output", ADDRESS_BITS), ("arlen", "output", 8), ("arsize", "output", 3),
    ("arburst", "output", 2), ("arcache", "output", 4), ("arprot", "output", 3), ("arvalid", "output", 1),
    ("arready", "input", 1), ("rid", "input", 1), ("rdata", "input", 0), ("rresp", "input", 2), ("rlast", "input", 1),
    ("rvalid", "input", 1), ("rready", "output", 1),
)  # fmt: skip
_WRITE = (
    ("awid", "output", 1), ("awaddr", "output", ADDRESS_BITS), ("awlen", "output", 8), ("awsize", "output", 3),
    ("awburst", "output", 2), ("awcache", "output", 4), ("awprot", "output", 3), ("awvalid", "output", 1),
    ("awready", "input", 1), ("wdata", "output", 0), ("wstrb", "output", -1), ("wlast", "output", 1),
    ("wvalid", "output", 1), ("wready", "input", 1), ("bid", "input", 1), ("bresp", "input", 2), ("bvalid", "input", 1),
    ("bready", "output", 1),
)  # fmt: skip
"""Signals of a master: name, direction, bits; 0 for the data width, -1 for its bytes."""
_LITE = (
    ("awaddr", "input ", 0), ("awvalid", "input ", 1), ("awready", "output", 1), ("wdata", "input ", 32),
    ("wstrb", "input ", 4), ("wvalid", "input ", 1), ("wready", "output", 1), ("bresp", "output", 2),
    ("bvalid", "output", 1), ("bready", "input ", 1), ("araddr", "input ", 0), ("arvalid", "input ", 1),
    ("arready", "output", 1), ("rdata", "output", 32), ("rresp", "output", 2), ("rvalid", "output", 1),
    ("rready", "input ", 1),
)  # fmt: skip
"""Signals of the slave: 0 for the address width."""


def words(control: Control) -> int:
    """Return the number of argument words, from address 0x10 to the last argument's."""
    last = control.registers[-1] if control.registers else None
    return max(1, (last.address - 0x10) // 4 + (last.bits + 31) // 32) if last else 1


def address_bits(control: Control) -> int:
    """Return the bits of the slave's byte address."""
    return max(6, (0x10 + 4 * words(control) - 1).bit_length())


def wrapped(pins: Sequence[str]) -> Iterator[str]:
    """Yield the lines of an instance's pins: three in a line, fewer where it would be too long."""
    line: list[str] = []
    for number, pin in enumerate(pins):
        line.append(pin)
        following = pins[number + 1] if number + 1 < len(pins) else ""
        if len(line) == 3 or not following or len(", ".join([*line, following])) > _LONGEST:
            yield f"        {', '.join(line)}{',' if following else ''}"
            line = []


class Axi:
    """The slave and masters of a top; without any, everything is empty."""

    def __init__(self, dataflow: Dataflow) -> None:
        self.slave = dataflow.control
        self.masters = dataflow.masters
        self.at = {r.name: 8 * (r.address - 0x10) for r in self.slave.registers} if self.slave else {}

    def nets(self) -> list[str]:
        """Return the names of the signals inside the top."""
        names = ("args", "start_tvalid", "start_tready", "done_tdata", "done_tvalid", "done_tready", "regs")
        return [f"{self.slave.bundle}_{name}" for name in names] if self.slave else []

    def ports(self) -> Iterator[str]:
        """Declare the ports of the top."""
        if self.slave:
            for name, direction, bits in _LITE:
                width = vector(bits or address_bits(self.slave))
                yield f"{direction} logic {width}s_axi_{self.slave.bundle}_{name}"
            yield "/* verilator lint_off SYMRSVDWORD */ output logic interrupt"
        for master in self.masters:
            yield from self._master_ports(master)

    @staticmethod
    def _master_ports(master: Master) -> Iterator[str]:
        signals = (*(_READ if master.reader else ()), *(_WRITE if master.writer else ()))
        for name, direction, bits in signals:
            width = {0: master.bits, -1: master.bits // 8}.get(bits, bits)
            dimension = "[0:0] " if name in ("arid", "rid", "awid", "bid") else vector(width)
            yield f"{direction.ljust(6)} logic {dimension}m_axi_{master.bundle}_{name}"

    def control(self) -> Iterator[str]:
        """Declare the control signals and instantiate the registers."""
        if not self.slave:
            return
        own, count, boxes = self.slave.bundle, words(self.slave), len(self.slave.started)
        mask = sum(((1 << r.bits) - 1) << self.at[r.name] for r in self.slave.registers)
        for register in self.slave.registers:
            yield f"    // 0x{register.address:02x} {register.name}, {register.bits} bits"
        yield "    // The words between arguments do not exist."
        yield "    // verilator lint_off UNUSEDSIGNAL"
        yield f"    logic [{32 * count - 1}:0] {own}_args;"
        yield "    // verilator lint_on UNUSEDSIGNAL"
        tokens = ", ".join(f"{own}_{n}" for n in ("start_tvalid", "start_tready", "done_tvalid", "done_tready"))
        yield f"    logic [{boxes - 1}:0] {tokens};"
        yield f"    logic [{2 * boxes - 1}:0] {own}_done_tdata;"
        parameters = [
            f".ADDRESS_BITS({address_bits(self.slave)})", f".WORDS({count})", f".MASK({32 * count}'h{mask:x})",
            f".BOXES({boxes})",
        ]  # fmt: skip
        pins = [".ap_clk(ap_clk), .ap_rst_n(ap_rst_n)", ".irq(interrupt)"]
        pins += [f".s_axi_{name}(s_axi_{own}_{name})" for name, _, _ in _LITE]
        pins += [f".{n.removeprefix(f'{own}_')}({n})" for n in self.nets() if not n.endswith("_regs")]
        yield f"    {REGISTERS} #({', '.join(parameters)}) {own}_regs ("
        yield from wrapped(pins)
        yield "    );"

    def pins(self, instance: Instance) -> Iterator[str]:
        """Connect an instance's masters, and its start and end of a run."""
        for master in self.masters:
            for user, signals in ((master.reader, _READ), (master.writer, _WRITE)):
                if user and user[0] == instance.name:
                    yield from (f".{user[1]}_{n}(m_axi_{master.bundle}_{n})" for n, _, _ in signals)
        if not instance.start:
            return
        assert self.slave
        own, start, done = self.slave.bundle, instance.start, instance.done
        index = self.slave.started.index(instance.name)
        fields = [self._argument(instance.arguments[name]) for name in reversed(instance.fields)]
        yield f".{start['tdata']}({{{', '.join(fields)}}})"
        yield f".{start['tvalid']}({own}_start_tvalid[{index}])"
        yield f".{start['tready']}({own}_start_tready[{index}])"
        yield f".{done['tdata']}({own}_done_tdata[{2 * index}+:2])"
        yield f".{done['tvalid']}({own}_done_tvalid[{index}])"
        yield f".{done['tready']}({own}_done_tready[{index}])"

    def _argument(self, argument: Argument) -> str:
        if isinstance(argument.value, int):
            return f"{argument.bits}'d{argument.value & ((1 << argument.bits) - 1)}"
        assert self.slave
        return f"{self.slave.bundle}_args[{self.at[argument.value]}+:{argument.bits}]"
