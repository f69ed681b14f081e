# SPDX-License-Identifier: Apache-2.0
"""The drivers of the shell with streams: ``driver/pynq`` for PYNQ, ``driver/c`` for bare metal."""

from __future__ import annotations

from typing import Any

from hwgen.artifacts import write_json
from hwgen.handover import amd
from hwgen.handover.block_design import LENGTH_BITS
from hwgen.handover.design import Design, Host
from hwgen.handover.driver_files import copy_driver, model_facts, port_facts
from hwgen.handover.registers import IP_VERSION, LIBRARY, VENDOR, pointer, register_map
from hwgen.handover.shell_ports import frame_bytes, stored_beats, stream_bits
from hwgen.plan.types import Port
from hwgen.render.project import environment


def write(design: Design) -> None:
    """Write the C driver with an example, and the PYNQ driver where the host's share is known."""
    _write_c(design)
    if design.host is not None:
        _write_pynq(design, design.host)


def _port(design: Design, port: Port) -> dict[str, Any]:
    """Return where the elements of a port stand in memory."""
    kind = design.plan.channel(port.channel).type
    return {
        "name": port.name,
        "element_bits": port.element_bits,
        "lanes": kind.lanes,
        "beats": stored_beats(design.plan, port),
        "beat_bytes": stream_bits(port) // 8,
    }


def _write_c(design: Design) -> None:
    name, folder = design.plan.name, design.folder / "driver" / "c"
    folder.mkdir(parents=True, exist_ok=True)
    groups = {
        "inputs": [_c_port(design, port) for port in design.inputs],
        "outputs": [_c_port(design, port) for port in design.outputs],
        "feeds": [_c_port(design, port) for port in design.feeds],
    }
    facts = {
        **groups,
        "version": design.version,
        "name": name,
        "prefix": name.upper(),
        "ports": [port for group in groups.values() for port in group],
        "streams": [*groups["inputs"], *groups["outputs"]],
        "input_bytes": ", ".join(f"{port['frame_bytes']}u" for port in groups["inputs"]),
        "output_bytes": ", ".join(f"{port['frame_bytes']}u" for port in groups["outputs"]),
        "dmas": max(len(design.inputs), len(design.outputs)),
        "length_bits": LENGTH_BITS,
        "control_base": f"{amd.processor(design.plan.board).control_base:X}",
    }
    pages = environment()
    for file, template in ((f"{name}.h", "accelerator.h"), (f"{name}.c", "accelerator.c"), ("main.c", "main.c")):
        text = pages.get_template(f"driver/{template}.j2").render(facts)
        (folder / file).write_text(text, encoding="utf-8", newline="\n")


def _c_port(design: Design, port: Port) -> dict[str, Any]:
    padding = stream_bits(port) - port.tdata_bits
    return {
        **_port(design, port),
        "upper": port.name.upper(),
        "padding": f" ({padding // 8} of them padding)" if padding else "",
        "layout": port.layout,
        "frame_bytes": frame_bytes(design.plan, port),
        "register": pointer(port),
    }


def _write_pynq(design: Design, host: Host) -> None:
    name, folder = design.plan.name, design.folder / "driver" / "pynq"
    registers = register_map(design)
    facts = {
        "name": name,
        "vlnv": f"{VENDOR}:{LIBRARY}:{name}:{IP_VERSION}",
        "registers": {register.name: register.address for register in registers},
        "identity": {r.name: r.fields[0].reset for r in registers if r.fields[0].access == "constant"},
        "inputs": [port_facts(design.plan, host, port, stream_bits(port) // 8) for port in design.inputs],
        "outputs": [port_facts(design.plan, host, port, stream_bits(port) // 8) for port in design.outputs],
        "feeds": [
            {**_port(design, port), "register": pointer(port), "file": f"../../weights/{port.name}.bin"}
            for port in design.feeds
        ],
        **model_facts(host),
    }
    copy_driver(folder, {"pynq_driver": name}, design.version)
    write_json(folder / f"{name}.json", facts)
