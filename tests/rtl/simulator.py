# SPDX-License-Identifier: Apache-2.0
"""Run a module under cocotb in Verilator: the module is wrapped with its parameters, the program is cached."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from hwgen.resources import data_folder
from hwgen.verify.simulate import cocotb_environment
from hwgen.verify.verilator import build

RTL = data_folder("hls") / "rtl"
HERE = Path(__file__).parent
VLT = '`verilator_config\npublic_flat_rw -module "hwgen_bench" -var "*"\n'


def wrapper(text: str, module: str, parameters: Mapping[str, int]) -> str:
    """Return `hwgen_bench` with the ports of a module in SystemVerilog `text`, its parameters replaced."""
    header = re.search(rf"^module {module}\b(.*?)^\);", text, re.MULTILINE | re.DOTALL)
    assert header, f"{module} has no header"
    ports = header[1]
    for name, value in parameters.items():
        ports, count = re.subn(rf"(\bparameter [^=,]*\b{name} =)[^,\n]*", rf"\g<1> {value}", ports)
        assert count == 1, f"{module} has no parameter {name}"
    names = re.findall(r"\bparameter [^=,]*\b(\w+) =", ports)
    values = f" #({', '.join(f'.{n}({n})' for n in names)})" if names else ""
    return f"module hwgen_bench{ports});\n    {module}{values} dut (.*);\nendmodule\n"


def run(
    folder: Path,
    sources: Sequence[Path],
    module: str,
    test: str,
    parameters: Mapping[str, int] | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Simulate `module` of the last source with cocotb's tests in the file `test`; return what they left.

    `settings` are the JSON that the tests read with `settings()`; they leave figures with `leave()`.
    """
    bench = folder / "hwgen_bench.sv"
    bench.write_text(wrapper(sources[-1].read_text(), module, parameters or {}))
    (folder / "bench.vlt").write_text(VLT)
    header = data_folder("sim") / "hwgen_cocotb.hpp"
    program = build([folder / "bench.vlt", *sources, bench], HERE / "main.cpp", [header]).program
    (folder / "settings.json").write_text(json.dumps(settings))
    library, environment = cocotb_environment(HERE, test)
    done = subprocess.run(
        [str(program), library], cwd=folder, env=environment, capture_output=True, text=True, timeout=300
    )
    results = (folder / "results.xml").read_text() if (folder / "results.xml").is_file() else ""
    said = done.stdout[-6000:] + done.stderr[-2000:]
    assert "<testcase" in results, said
    assert "<failure" not in results and "<error" not in results, said
    return dict(json.loads((folder / "left.json").read_text()))


def settings() -> dict[str, Any]:
    """Return the settings of the simulation that this is called in."""
    return dict(json.loads(Path("settings.json").read_text()))


def leave(**figures: Any) -> None:
    """Hand figures to the test that started the simulation."""
    Path("left.json").write_text(json.dumps(figures))
