# SPDX-License-Identifier: Apache-2.0
"""What goes into the compiler beside the source, and what comes out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hwgen.hlsc.blackbox import BlackBox


@dataclass(frozen=True)
class Target:
    """What the RTL is made for.

    Parameters
    ----------
    family
        Delay table to schedule with: ``xcup``, ``xc7``, ``ecp5`` or ``ice40``.
    clock_mhz
        Clock that every stage must meet.
    """

    family: str
    clock_mhz: float


@dataclass(frozen=True)
class StreamPort:
    """One stream port of an RTL module: `bits` wide data with valid and ready."""

    name: str
    direction: Literal["in", "out"]
    bits: int


@dataclass(frozen=True)
class Module:
    """A compiled process.

    Parameters
    ----------
    name
        Name of the C++ function and of the SystemVerilog module.
    ports
        Stream ports in parameter order; where the process has scalars, behind them `args`, whose words start the
        frames and carry the scalars, and `done`, which gives a word at the end of each frame.
    rtl
        SystemVerilog text.
    trip_count
        Iterations of one frame, None for ``while (1)``.
    ii
        Cycles between two iterations.
    depth
        Cycles from an iteration's start to its last write handshake.
    report
        Schedule and resources, JSON-ready.
    scalars
        Scalar parameters: name, bits and lowest bit of the field in a word of `args`.
    """

    name: str
    ports: tuple[StreamPort, ...]
    rtl: str = field(repr=False)
    trip_count: int | None
    ii: int
    depth: int
    report: Mapping[str, Any] = field(repr=False, compare=False)
    scalars: tuple[tuple[str, int, int], ...] = ()


@dataclass(frozen=True)
class Top:
    """A compiled dataflow top: a structural module of process, black box and FIFO instances.

    Parameters
    ----------
    name, ports, rtl
        As of a `Module`.
    instances
        Names of the process instances.
    fifos
        Name, bits of a word and words of each channel.
    rtl_files
        SystemVerilog files that the top needs beside its compiled processes: those of black boxes, and of hwgen's
        library, among them what the processes instantiate, as far as `compile_dataflow` was given these.
    black_boxes
        The processes that are SystemVerilog modules, by name.
    registers
        Name, byte address and bits of each argument in the AXI4-Lite slave.
    """

    name: str
    ports: tuple[StreamPort, ...]
    rtl: str = field(repr=False)
    instances: tuple[str, ...]
    fifos: tuple[tuple[str, int, int], ...]
    rtl_files: tuple[Path, ...] = ()
    black_boxes: Mapping[str, BlackBox] = field(default_factory=dict)
    registers: tuple[tuple[str, int, int], ...] = ()
