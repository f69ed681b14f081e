# SPDX-License-Identifier: Apache-2.0
"""Hold the plan's cost formulas to what Yosys counts.

    python benchmarks/kernel_costs.py [--points 6] [--kernel matvec ...] [--family xcup ...]   measure, then report
    python benchmarks/kernel_costs.py --report                                                 report alone
    python benchmarks/kernel_costs.py --fit                                                    refit hwgen/ops/area.yaml

Every point of `kernel_points` is compiled and counted alone, and lands in `benchmarks/data/kernel_costs.csv` with the
estimate beside it; a point whose RTL has not changed is not counted again. The report is one JSON object: for every
kernel, family and resource the median and the 90th percentile of the relative error.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import tables
from kernel_fit import write_prices
from kernel_points import MAKERS, Point, points
from numpy.typing import NDArray
from tables import Row

from hwgen.errors import HwgenError
from hwgen.graph import Ints
from hwgen.hlsc import Target, compile_process
from hwgen.hlsc.back.storage import fifo_style
from hwgen.hw import Board, Choice, Folding, KernelCall, Resources, boards
from hwgen.plan import Channel, Plan, Process
from hwgen.plan.glue import FIFO, INGRESS
from hwgen.render import render
from hwgen.resources import data_folder
from hwgen.synth.cells import tally
from hwgen.synth.yosys import statistics

TABLE = Path(__file__).parent / "data" / "kernel_costs.csv"
BOARDS = {"xcup": "zcu102", "ecp5": "ulx3s"}
RESOURCES = ("lut", "ff", "bram36")
COLUMNS = ("point", "family", "settings", "depth", "rtl", *RESOURCES, *(f"{name}_estimate" for name in RESOURCES))
FLOOR = {"lut": 20.0, "ff": 20.0, "bram36": 0.5}
BATCH = 16
Ports = tuple[tuple[str, str, int], ...]


@dataclass(frozen=True)
class Source:
    """The SystemVerilog of a point, with the ports that a parent must connect."""

    text: str
    ports: Ports
    depth: int

    @property
    def digest(self) -> str:
        """A short hash of the text."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:12]


def plan_of(found: Sequence[Point], board: Board) -> Plan:
    """Return a plan that holds every kernel call of some points, unconnected."""
    channels: list[Channel] = []
    processes: list[Process] = []
    arrays: dict[str, Ints] = {}
    for point in found:
        assert point.built is not None
        call = point.built.call
        ends: list[tuple[str, ...]] = []
        for side, streams in (("in", point.built.call.inputs), ("out", point.built.call.outputs)):
            names = tuple(f"{point.name}_{side}{i}" for i in range(len(streams)))
            ends.append(names)
            channels += [Channel(n, n, (), s, 0, None, None) for n, s in zip(names, streams, strict=True)]
        choice = Choice(Folding(1, 1))
        processes.append(
            Process(point.name, point.name, call.function, (), choice, call, ends[0], ends[1], 0, 0, Resources(), "")
        )
        arrays.update(point.built.arrays)
    return Plan(
        "points", board, board.clock_mhz, board.resources, tuple(processes), tuple(channels), (), 0, 0, Resources(),
        "", "", (), arrays,
    )  # fmt: skip


def compiled(found: Sequence[Point], board: Board) -> dict[str, Source]:
    """Compile the points that are kernel calls."""
    calls = [point for point in found if point.built is not None]
    target = Target(board.family, board.clock_mhz)
    sources: dict[str, Source] = {}
    if not calls:
        return sources
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        render(plan_of(calls, board), folder)
        for point in calls:
            path = folder / "hls/src" / f"{point.name}.cpp"
            try:
                module = compile_process(path, point.name, [folder / "hls/include"], target)
            except HwgenError as error:
                print(f"{point.name} on {board.family}: {error}", file=sys.stderr)
                continue
            assert point.built is not None
            sources[point.name] = Source(module.rtl, stream_ports(point.built.call), module.depth)
    return sources


def stream_ports(call: KernelCall) -> Ports:
    """Return the ports of a process."""
    ports: Ports = (("ap_clk", "input", 1), ("ap_rst_n", "input", 1))
    for side, direction, streams in (("in", "input", call.inputs), ("out", "output", call.outputs)):
        for i, stream in enumerate(streams):
            ports += _stream(f"{side}{i}", stream.width, direction)
    return ports


def _library(point: Point) -> Source:
    """Return an instance of a hand-written module under the point's name."""
    p = point.parameters
    values = ", ".join(f".{key}({value})" for key, value in p.items())
    if point.kernel == FIFO:
        names = _stream("s", p["WIDTH"], "input") + _stream("m", p["WIDTH"], "output")
        values += f', .STYLE("{fifo_style(p["WIDTH"], p["DEPTH"])}")'
    else:
        outer, inner, is_input = p["LANES"] * p["ELEMENT_BITS"], p["LANES"] * p["BITS"], point.kernel == INGRESS
        here, back, axis, word = (
            ("input", "output", "s_axis", "out") if is_input else ("output", "input", "m_axis", "in")
        )
        names = _stream(axis, outer, here) + _stream(word, inner, back)
        names += ((f"{axis}_tkeep", here, outer // 8), (f"{axis}_tlast", here, 1))
        names += (("error", "output", 1),) if is_input else ()
    ports = (("ap_clk", "input", 1), ("ap_rst_n", "input", 1), *names)
    heads = ", ".join(f"{direction} logic [{bits - 1}:0] {name}" for name, direction, bits in ports)
    text = f"module {point.name} ({heads});\n  {point.kernel} #({values}) i (.*);\nendmodule\n"
    return Source(text, ports, 0)


def _stream(name: str, bits: int, direction: str) -> Ports:
    back = "output" if direction == "input" else "input"
    return (f"{name}_tdata", direction, bits), (f"{name}_tvalid", direction, 1), (f"{name}_tready", back, 1)


def counted(sources: Mapping[str, Source], board: Board) -> dict[str, Resources]:
    """Synthesise some modules in one run of Yosys, each for itself, and count them."""
    family = board.family
    wires: list[str] = []
    instances: list[str] = []
    for name, source in sources.items():
        wires += [f"{direction} logic [{bits - 1}:0] {name}_{port}" for port, direction, bits in source.ports]
        links = ", ".join(f".{port}({name}_{port})" for port, _, _ in source.ports)
        instances.append(f"  {name} i_{name} ({links});")
    top = f"module all_points (\n  {', '.join(wires)});\n" + "\n".join(instances) + "\nendmodule\n"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "points.sv").write_text(top + "\n".join(source.text for source in sources.values()))
        library = sorted((data_folder("hls") / "rtl").glob("*.sv"))
        lines = [f"read_verilog -sv {path}" for path in library] + ["read_verilog -sv points.sv"]
        lines += ["hierarchy -check -top all_points"]
        lines += [f"setattr -mod -set keep_hierarchy 1 {name}" for name in sources]
        if family == "ecp5":
            lines.append("synth_ecp5 -nodsp -top all_points")
        else:
            lines.append(f"synth_xilinx -family {family} -flatten -noiopad -noclkbuf -nodsp -top all_points")
        statistics(lines, folder)
        modules = json.loads((folder / "stat.json").read_text())["modules"]
    cells = {name.lstrip("\\"): data["num_cells_by_type"] for name, data in modules.items()}
    return {name: tally(_flat(name, cells), family).resources for name in sources}


def _flat(name: str, cells: Mapping[str, Mapping[str, int]]) -> dict[str, int]:
    """Return the cells of a module and of all modules in it."""
    total: dict[str, int] = {}
    for cell, number in cells[name].items():
        inner = _flat(cell, cells) if cell in cells else {cell: 1}
        for kind, each in inner.items():
            total[kind] = total.get(kind, 0) + each * int(number)
    return total


def measure(found: Sequence[Point], board: Board, old: Mapping[str, Row]) -> Iterator[Row]:
    """Compile and count points; those whose RTL is known keep their counts."""
    sources = compiled(found, board)
    sources.update({point.name: _library(point) for point in found if point.built is None})
    stale = [name for name, source in sources.items() if old.get(name, {}).get("rtl") != source.digest]
    counts: dict[str, Resources] = {}
    for start in range(0, len(stale), BATCH):
        counts.update(counted({name: sources[name] for name in stale[start : start + BATCH]}, board))
    for point in found:
        if point.name in sources:
            source = sources[point.name]
            row = {"point": point.name, "family": board.family, "settings": point.text}
            row |= {"depth": str(source.depth), "rtl": source.digest}
            have = old.get(point.name, {})
            now = counts.get(point.name)
            yield row | {name: _text(getattr(now, name)) if now else have[name] for name in RESOURCES}


def _text(value: float) -> str:
    return f"{value:g}" if value < 1e5 else str(round(value))


def read() -> list[Row]:
    """Return the committed table."""
    return tables.read(TABLE)


def write(rows: Iterable[Row]) -> None:
    """Write the table, sorted."""
    order = {kernel: i for i, kernel in enumerate(MAKERS)}

    def place(row: Mapping[str, Any]) -> tuple[str, int, int]:
        kernel, _, index = row["point"].rpartition("_")
        return row["family"], order[kernel], int(index)

    tables.write(TABLE, COLUMNS, sorted(rows, key=place))


def estimated(rows: Sequence[Row]) -> list[Row]:
    """Return the rows with today's estimates beside the counts."""
    found: dict[tuple[str, int], Point] = {}
    done = []
    for row in rows:
        kernel, _, text = row["point"].rpartition("_")
        key = (kernel, int(text))
        if key not in found:
            found.update({(kernel, i): p for i, p in enumerate(points(kernel, key[1] + 1))})
        cost = found[key].cost(boards.load(BOARDS[row["family"]]).family)
        done.append(row | {f"{name}_estimate": _text(getattr(cost, name)) for name in RESOURCES})
    return done


def errors(rows: Sequence[Row], resource: str) -> NDArray[np.float64]:
    """Return the relative error of every row; below `FLOOR` the error counts relative to the floor."""
    counts = np.array([float(row[resource]) for row in rows])
    estimates = np.array([float(row[f"{resource}_estimate"]) for row in rows])
    return np.asarray(np.abs(estimates - counts) / np.maximum(counts, FLOOR[resource]))


def _summary(rows: Sequence[Row]) -> dict[str, Any]:
    found: dict[str, Any] = {"points": len(rows)}
    for resource in RESOURCES:
        off = errors(rows, resource)
        if resource == "bram36":
            found[resource] = {"exact": round(float(np.mean(off == 0)), 3)}
        else:
            median, ninety = np.percentile(off, [50, 90])
            found[resource] = {"median": round(float(median), 3), "p90": round(float(ninety), 3)}
    return found


def report(rows: Sequence[Row]) -> dict[str, Any]:
    """Return the errors over all rows, by family, and by family and kernel."""
    families = sorted({row["family"] for row in rows})
    by_family: dict[str, Any] = {}
    for family in families:
        here = [row for row in rows if row["family"] == family]
        groups: dict[str, list[Row]] = {}
        for row in here:
            groups.setdefault(row["point"].rpartition("_")[0], []).append(row)
        by_family[family] = {"all": _summary(here), **{kernel: _summary(group) for kernel, group in groups.items()}}
    return {"all": _summary(rows), **by_family}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=int, default=6, help="points of each kernel and family")
    parser.add_argument("--kernel", action="append", choices=list(MAKERS))
    parser.add_argument("--family", action="append", choices=list(BOARDS))
    parser.add_argument("--report", action="store_true", help="measure nothing")
    parser.add_argument("--fit", action="store_true", help="measure nothing, find new prices")
    options = parser.parse_args()
    if options.fit:
        write_prices(read())
    table = {(row["family"], row["point"]): row for row in read()}
    for family in [] if options.report or options.fit else options.family or list(BOARDS):
        board = boards.load(BOARDS[family])
        for kernel in options.kernel or list(MAKERS):
            old = {name: row for (of, name), row in table.items() if of == family}
            rows = list(measure(points(kernel, options.points), board, old))
            table.update({(family, row["point"]): row for row in rows})
            write(estimated(list(table.values())))
            print(f"{family} {kernel}: {len(rows)} points", file=sys.stderr, flush=True)
    done = estimated(list(table.values()))
    write(done)
    print(json.dumps(report(done), indent=2))
    return 0


if __name__ == "__main__":
    sys.exit(main())
