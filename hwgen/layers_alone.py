# SPDX-License-Identifier: Apache-2.0
"""`hwgen plan --verify-layers`: every distinct layer shape compiled, timed by Verilator alone, counted by Yosys.

Two processes are of one shape when their kernel calls are equal but for the values of the constants; where weights are
part of the logic (`lut_const`) they count too. The sums are those of a whole design with the hierarchy kept. Everything
costly is kept by content in hwgen's cache, so that an interrupted run goes on where it was.
"""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from hwgen.glue_alone import count_glue
from hwgen.resources import jobs

if TYPE_CHECKING:
    from hwgen.hlsc import Module
    from hwgen.hw import Resources
    from hwgen.plan import Plan
    from hwgen.plan.types import Process
    from hwgen.synth import YosysCounts

BATCH = 4
"""Processes that are compiled before the first of them is simulated and counted."""
Say = Callable[[str], None]


@dataclass(frozen=True)
class Proof:
    """A shape's II, None where a frame is too long to simulate, and its area."""

    ii: int | None
    counts: YosysCounts


def shape(plan: Plan, process: Process) -> str:
    """Return what two processes of one shape have in common, as text."""
    call = process.call
    roms = tuple(replace(rom, key="") for rom in call.roms)
    text = repr((process.choice, replace(call, config=dict(call.config), roms=roms)))
    if process.unit == "lut_const":
        values = (np.ascontiguousarray(plan.arrays[rom.key]).tobytes() for rom in call.roms)
        text += hashlib.sha256(b"".join(values)).hexdigest()
    return text


def verify_layers(plan: Plan, say: Say = lambda text: None) -> dict[str, Any]:
    """Prove a plan's II and area layer by layer.

    Parameters
    ----------
    plan
        The plan.
    say
        Is told of the progress.

    Returns
    -------
    dict
        JSON-ready: ``verified``, ``ii_plan``, ``ii_rtl``, ``processes``, ``shapes``, ``resources`` (``plan``,
        ``yosys``, ``error``), ``glue`` (FIFOs and port adapters), ``layers`` (one for each process) and ``unproven``
        (processes too long to simulate).

    Raises
    ------
    HwgenError
        When a process cannot be compiled, or a tool is missing.
    """
    shapes = {process.name: shape(plan, process) for process in plan.processes}
    first: dict[str, Process] = {}
    for process in plan.processes:
        first.setdefault(shapes[process.name], process)
    proofs = dict(zip(first, _prove(plan, list(first.values()), say), strict=True))
    glue = count_glue(plan)
    layers = [_layer(p, first[shapes[p.name]], proofs[shapes[p.name]]) for p in plan.processes]
    total = reduce(add, (proofs[shapes[p.name]].counts for p in plan.processes), glue).resources
    unproven = [layer["name"] for layer in layers if layer["ii_rtl"] is None]
    return {
        "verified": not unproven,
        "ii_plan": plan.ii,
        "ii_rtl": None if unproven else max(layer["ii_rtl"] for layer in layers),
        "processes": len(layers),
        "shapes": len(first),
        "resources": compared(plan.resources, total),
        "glue": glue.resources.to_json(),
        "unproven": unproven,
        "layers": layers,
    }


def compared(planned: Resources, counted: Resources) -> dict[str, Any]:
    """Return what was planned, what was counted, and how far the plan is off, as a fraction of the count."""
    plan, yosys = planned.to_json(), counted.to_json()
    errors = {name: round(plan[name] / value - 1, 4) if value else None for name, value in yosys.items()}
    return {"plan": plan, "yosys": yosys, "error": errors}


def _layer(process: Process, alike: Process, proof: Proof) -> dict[str, Any]:
    return {
        "name": process.name,
        "layer": process.layer,
        "op": process.op,
        "unit": process.unit,
        "proven_on": alike.name,
        "ii_plan": process.cycles,
        "ii_rtl": proof.ii,
        **compared(process.cost, proof.counts.resources),
    }


def _prove(plan: Plan, processes: Sequence[Process], say: Say) -> Iterator[Proof]:
    """Compile, simulate and count some processes of different shapes, a few at a time."""
    from hwgen.compile import compile_all
    from hwgen.hlsc import Target
    from hwgen.render import render

    target = Target(plan.board.family, plan.cut_mhz)
    with tempfile.TemporaryDirectory(prefix="hwgen-layers-") as name, ThreadPoolExecutor(jobs()) as pool:
        folder = Path(name)
        render(plan, folder)
        for at in range(0, len(processes), BATCH):
            batch = processes[at : at + BATCH]
            modules = compile_all([p.name for p in batch], folder / "hls", target)
            say(f"{at + len(batch)} of {len(processes)} shapes compiled")
            for process in batch:
                _write(folder, modules[process.name])
            yield from pool.map(lambda p: _proof(plan, p, folder / "alone" / p.name), batch)


def _write(folder: Path, module: Module) -> None:
    from hwgen.hlsc.library import library_files

    place = folder / "alone" / module.name
    place.mkdir(parents=True)
    (place / f"{module.name}.sv").write_text(module.rtl)
    for path in library_files([module.rtl], ()):
        (place / path.name).write_bytes(path.read_bytes())


def _proof(plan: Plan, process: Process, folder: Path) -> Proof:
    from hwgen.synth import count
    from hwgen.verify.pace import interval

    rtl = sorted(folder.glob("*.sv"))
    library = [path for path in rtl if path.stem != process.name]
    counts = count(
        [*library, folder / f"{process.name}.sv"], process.name, plan.board.family, dsp=process.unit == "dsp"
    )
    return Proof(interval(process, rtl), counts)
