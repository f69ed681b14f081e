# SPDX-License-Identifier: Apache-2.0
"""The compiler's two entries: a process and a dataflow top, C++ to SystemVerilog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from hwgen.hlsc import backend, dataflow_emit, ir
from hwgen.hlsc.blackbox import BlackBox
from hwgen.hlsc.dataflow import Dataflow
from hwgen.hlsc.dataflow_axi import REGISTERS
from hwgen.hlsc.dataflow_front import read_dataflow
from hwgen.hlsc.front import read_process
from hwgen.hlsc.library import library_files
from hwgen.hlsc.target import Module, StreamPort, Target, Top


def compile_process(
    source: Path, function: str, include: Sequence[Path], target: Target, strict: bool = False
) -> Module:
    """Compile one process to a SystemVerilog module of the same name.

    Parameters
    ----------
    source
        C++ file with the process's definition.
    function
        Name of the process function: `void`; parameters are `hls::stream<T>&` and scalars.
    include
        Folders searched for headers, before hwgen's own `ap_int.h` and `hls_stream.h`.
    target
        Family and clock to schedule for.
    strict
        Whether what is slower than the clock at the II asked for is refused. Else it is a warning in the report, which
        names the path and the II that would do; the module is right, at a lower clock.

    Returns
    -------
    Module
        Ports are in parameter order; `ii` is what PIPELINE asks for, or where it does not the smallest that meets the
        clock.

    Raises
    ------
    HlsError
        For C++ errors and for C++ outside the subset, with file, line, rule and fix.
    InternalError
        When clang or LLVM crashes.
    """
    process = read_process(source, function, include)
    compiled = backend.compile(process, target, strict)
    ports = _ports(process.streams)
    scalars = tuple((s.name, s.width, s.low) for s in process.scalars)
    return Module(
        function, ports, compiled.rtl, process.trip_count, compiled.ii, compiled.depth, compiled.report, scalars
    )


def compile_dataflow(
    source: Path,
    function: str,
    include: Sequence[Path],
    target: Target,
    modules: Mapping[str, Module] | None = None,
    black_boxes: Mapping[str, BlackBox | Path] | None = None,
) -> Top:
    """Compile a dataflow function to a structural module of process and FIFO instances.

    Parameters
    ----------
    source, function, include, target
        As in `compile_process`; the processes need only be declared, with named parameters.
    modules
        Compiled processes by name, if at hand: their ports then tell the directions, which otherwise follow from the
        order of the calls and, at the top's ports, from names that begin with `in` or `out`; and `Top.rtl_files` has
        the library's files that they instantiate.
    black_boxes
        Processes that are SystemVerilog modules: by name their descriptions, or the JSON files with them. A
        `<process>.json` beside the source is found by itself.

    Raises
    ------
    HlsError
        For anything but stream declarations and calls, for a stream without one writer and one reader, for interfaces
        and black boxes that are not understood.
    """
    directions = {name: {p.name: p.direction for p in module.ports} for name, module in (modules or {}).items()}
    top = read_dataflow(source, function, include, directions, black_boxes)
    boxes = {instance.process: instance.box for instance in top.instances if instance.box}
    registers = tuple((r.name, r.address, r.bits) for r in top.control.registers) if top.control else ()
    return Top(
        function,
        _ports(top.ports),
        dataflow_emit.emit(top),
        tuple(instance.name for instance in top.instances),
        tuple((channel.name, channel.width, channel.depth) for channel in top.channels),
        _files(top, boxes.values(), (modules or {}).values()),
        boxes,
        registers,
    )


def _files(top: Dataflow, boxes: Iterable[BlackBox], modules: Iterable[Module]) -> tuple[Path, ...]:
    """Return the SystemVerilog files that a top needs beside its own text and that of its compiled processes."""
    own = ["hwgen_fifo"] if top.channels else []
    own += [REGISTERS] if top.control else []
    files = library_files([module.rtl for module in modules], own)
    return tuple(dict.fromkeys([*files, *(path for box in boxes for path in box.files)]))


def _ports(streams: Sequence[ir.Stream]) -> tuple[StreamPort, ...]:
    return tuple(StreamPort(s.name, s.direction, s.width) for s in streams)
