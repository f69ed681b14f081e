# SPDX-License-Identifier: Apache-2.0
"""The test bench of a plan as files: SystemVerilog around the stitched top and processes alone, and its vectors."""

from __future__ import annotations

import shutil
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal

import jinja2
import numpy as np

from hwgen.errors import UserError
from hwgen.graph import Ints
from hwgen.hw import StreamType, pack, to_beats
from hwgen.plan.types import Channel, Plan, Port, Process
from hwgen.resources import data_folder

COCOTB = "hwgen_cocotb.hpp"
COPIED = (
    "hwgen_random.sv", "hwgen_source.sv", "hwgen_checker.sv", "hwgen_sink.sv", "hwgen_probe.sv", "main.cpp", COCOTB,
    "test_hwgen.py", "fst/lz4.h", "fst/zlib.h",
)  # fmt: skip
PAGES = {
    "hwgen_bench.sv": "bench.sv.j2",
    "hwgen_bench.vlt": "bench.vlt.j2",
    "Makefile": "Makefile.j2",
    "README.md": "README.md.j2",
}


@dataclass(frozen=True)
class BenchStream:
    """A stream of a device, and who drives or checks it.

    Parameters
    ----------
    id
        Number in the log; unique in the bench.
    module, port
        Module that has the stream, and the prefix of its signals there.
    direction
        Seen from the module.
    channel
        Channel of the plan that it is.
    type
        Format of its beats.
    vectors
        Vector file without its suffix.
    """

    id: int
    module: str
    port: str
    direction: Literal["in", "out"]
    channel: Channel
    type: StreamType
    vectors: str

    @property
    def width(self) -> int:
        """Bits in one beat."""
        return self.type.width

    @property
    def beats(self) -> int:
        """Beats in one frame."""
        return self.type.beats


@dataclass(frozen=True)
class Device:
    """A device under test: the stitched top (``axi``), or one process.

    Parameters
    ----------
    name
        Name of the process, or of the top.
    axi
        Its streams are AXI4-Streams with TKEEP and TLAST.
    streams
        Inputs, then outputs.
    cycles
        What one frame should take in a free flow.
    latency
        Cycles that the first frame should need more than `cycles`, roughly.
    """

    name: str
    axi: bool
    streams: tuple[BenchStream, ...]
    cycles: int
    latency: int


@dataclass(frozen=True)
class Bench:
    """Everything in the simulator.

    Parameters
    ----------
    plan
        The design.
    devices
        The top if the whole is simulated, then the processes in the plan's order.
    monitors
        Outputs of processes, checked inside the top.
    probes
        Inputs of processes, timed inside the top.
    logged
        Wrong beats of a stream that are logged; the others are only counted.
    """

    plan: Plan
    devices: tuple[Device, ...]
    monitors: tuple[BenchStream, ...]
    probes: tuple[BenchStream, ...] = ()
    logged: int = 8

    @property
    def top(self) -> Device | None:
        """The stitched top, if it is in the bench."""
        return next((device for device in self.devices if device.axi), None)

    @property
    def left_out(self) -> tuple[str, ...]:
        """Modules of the design that the bench must not read, because no device has them."""
        if self.top is not None:
            return ()
        names = {device.name for device in self.devices}
        rest = (process.name for process in self.plan.processes if process.name not in names)
        return (self.plan.name, f"{self.plan.name}_core", *rest)

    def stream(self, number: int) -> BenchStream:
        """Return a stream or monitor by its number in the log."""
        return next(s for s in self.streams() if s.id == number)

    def only(self, device: Device, logged: int) -> Bench:
        """Return the bench of one device. Its streams keep their numbers, which their random flow depends on."""
        if device.axi:
            return replace(self, devices=(device,), logged=logged)
        return replace(self, devices=(device,), monitors=(), probes=(), logged=logged)

    def streams(self) -> Iterator[BenchStream]:
        """Return the streams of all devices, then the monitors."""
        for device in self.devices:
            yield from device.streams
        yield from self.monitors


def describe(plan: Plan, alone: Collection[str] | None = None) -> Bench:
    """Return the bench of `plan`: the whole and every process, or only the processes named in `alone`."""
    numbers = iter(range(1 << 30))
    top = [_top(plan, numbers)] if alone is None else []
    processes = [_device(plan, p, numbers) for p in plan.processes if alone is None or p.name in alone]
    inside = [s for device in (processes if top else []) for s in device.streams]
    monitors, probes = (
        tuple(replace(s, id=next(numbers)) for s in inside if s.direction == direction) for direction in ("out", "in")
    )
    return Bench(plan, (*top, *processes), monitors, probes)


def _top(plan: Plan, numbers: Iterator[int]) -> Device:
    ports = sorted(plan.ports, key=lambda port: (port.direction, port.name))
    streams = tuple(_port_stream(plan, port, next(numbers)) for port in ports)
    return Device(plan.name, True, streams, plan.ii, plan.latency)


def _device(plan: Plan, process: Process, numbers: Iterator[int]) -> Device:
    streams = _process_streams(plan, process, numbers)
    return Device(process.name, False, streams, process.cycles, process.cycles + process.depth)


def _port_stream(plan: Plan, port: Port, number: int) -> BenchStream:
    channel = plan.channel(port.channel)
    stream = StreamType(channel.type.signed, port.element_bits, channel.type.lanes, channel.type.beats)
    return BenchStream(number, plan.name, port.name, port.direction, channel, stream, port.name)


def _process_streams(plan: Plan, process: Process, numbers: Iterator[int]) -> tuple[BenchStream, ...]:
    def stream(port: str, direction: Literal["in", "out"], name: str) -> BenchStream:
        channel = plan.channel(name)
        return BenchStream(next(numbers), process.name, port, direction, channel, channel.type, name)

    inputs = [stream(f"in{i}", "in", name) for i, name in enumerate(process.inputs)]
    outputs = [stream(f"out{i}", "out", name) for i, name in enumerate(process.outputs)]
    return (*inputs, *outputs)


def write(bench: Bench, golden: Mapping[str, Ints], folder: Path, frames: int, layer_frames: int) -> None:
    """Write the bench's sources and vectors under `folder`.

    Parameters
    ----------
    golden
        Every tensor that a channel carries, int64 ``(frames, *shape[1:])``.
    frames, layer_frames
        How many frames to record at the ports, and on the channels inside.
    """
    (folder / "fst").mkdir(parents=True, exist_ok=True)
    pages = environment()
    for name, template in PAGES.items():
        text = pages.get_template(f"sim/{template}").render(bench=bench, name=bench.plan.name)
        (folder / name).write_text(text, encoding="utf-8", newline="\n")
    for name in COPIED:
        shutil.copyfile(data_folder("sim") / name, folder / name)
    vectors = folder / "vectors"
    vectors.mkdir(exist_ok=True)
    written: set[str] = set()
    ports = {stream.id for stream in bench.top.streams} if bench.top else set()
    for stream in bench.streams():
        if stream.vectors not in written:
            written.add(stream.vectors)
            values = tensor(golden, stream.channel)[: frames if stream.id in ports else layer_frames]
            (vectors / f"{stream.vectors}.bin").write_bytes(encode(values, stream))


def tensor(golden: Mapping[str, Ints], channel: Channel) -> Ints:
    """Return the golden values on a channel.

    Raises
    ------
    UserError
        When the golden tensors lack them.
    """
    if channel.tensor not in golden:
        raise UserError(f"The golden tensors must hold {channel.tensor}, which channel {channel.name} carries.")
    values = golden[channel.tensor]
    return values.reshape(values.shape[0], *channel.shape[1:])


def encode(values: Ints, stream: BenchStream) -> bytes:
    """Return frames of a tensor as beats, each most significant byte first: what ``$fread`` wants."""
    words = pack(to_beats(values, stream.channel.type), stream.type)
    return np.ascontiguousarray(words[:, ::-1]).tobytes()


def sources(folder: Path, rtl: Sequence[Path]) -> list[Path]:
    """Return what Verilator has to read, in order: control file, drivers, bench, design."""
    drivers = [folder / name for name in COPIED if name.endswith(".sv")]
    return [folder / "hwgen_bench.vlt", *drivers, folder / "hwgen_bench.sv", *rtl]


def environment() -> jinja2.Environment:
    """Return the pages of the test benches."""
    return jinja2.Environment(
        loader=jinja2.FileSystemLoader(data_folder("templates")),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,
    )
