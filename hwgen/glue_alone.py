# SPDX-License-Identifier: Apache-2.0
"""What is between the processes of a plan, counted by Yosys without a process: FIFOs and port adapters."""

from __future__ import annotations

import tempfile
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import reduce
from operator import add
from pathlib import Path
from typing import TYPE_CHECKING

from hwgen.resources import jobs

if TYPE_CHECKING:
    from hwgen.plan import Plan
    from hwgen.plan.types import Port
    from hwgen.synth import YosysCounts

TOP = "glue"


def count_glue(plan: Plan) -> YosysCounts:
    """Count every FIFO and port adapter of a plan, equal ones once.

    Raises
    ------
    UserError
        When there is no Yosys.
    """
    from hwgen.hlsc.library import library_files
    from hwgen.synth import YosysCounts, count

    wanted = Counter((*_fifos(plan), *(_adapter(plan, port) for port in plan.ports)))
    with tempfile.TemporaryDirectory(prefix="hwgen-glue-") as name, ThreadPoolExecutor(jobs()) as pool:

        def alone(item: tuple[int, str]) -> YosysCounts:
            place = Path(name) / str(item[0])
            place.mkdir()
            (place / f"{TOP}.sv").write_text(item[1])
            return count([*library_files([item[1]]), place / f"{TOP}.sv"], TOP, plan.board.family)

        each = list(pool.map(alone, enumerate(wanted)))
    return reduce(add, (counts for counts, times in zip(each, wanted.values(), strict=True) for _ in range(times)),
                  YosysCounts())  # fmt: skip


def _fifos(plan: Plan) -> Iterator[str]:
    from hwgen.hlsc.back.storage import fifo_style

    for channel in plan.channels:
        if channel.depth:
            width = channel.type.width
            style = fifo_style(width, channel.depth)
            values = f'.WIDTH({width}), .DEPTH({channel.depth}), .STYLE("{style}")'
            yield _module("hwgen_fifo", values, [*_stream("s", width, True), *_stream("m", width, False)])


def _adapter(plan: Plan, port: Port) -> str:
    stream, is_input = plan.channel(port.channel).type, port.direction == "in"
    values = f".LANES({stream.lanes}), .BITS({stream.bits}), .ELEMENT_BITS({port.element_bits}), "
    values += f".BIPOLAR(1'b{int(port.type.bipolar)}), .BEATS({stream.beats})"
    axis, word = ("s_axis", "out") if is_input else ("m_axis", "in")
    here, back = ("input", "output") if is_input else ("output", "input")
    names = [*_stream(axis, port.tdata_bits, is_input), *_stream(word, stream.width, not is_input)]
    names += [f"{here} logic [{port.tdata_bits // 8 - 1}:0] {axis}_tkeep", f"{here} logic {axis}_tlast"]
    if is_input:
        return _module("hwgen_axis_ingress", values, [*names, f"{back} logic error"])
    return _module("hwgen_axis_egress", f"{values}, .SIGNED(1'b{int(port.type.signed)})", names)


def _stream(name: str, bits: int, inward: bool) -> list[str]:
    here, back = ("input", "output") if inward else ("output", "input")
    return [f"{here} logic [{bits - 1}:0] {name}_tdata", f"{here} logic {name}_tvalid", f"{back} logic {name}_tready"]


def _module(inner: str, values: str, ports: list[str]) -> str:
    heads = ", ".join(["input logic ap_clk", "input logic ap_rst_n", *ports])
    return f"module {TOP} ({heads});\n  {inner} #({values}) inner (.*);\nendmodule\n"
