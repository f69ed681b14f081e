# SPDX-License-Identifier: Apache-2.0
"""The scripts for Vivado and Vitis, run in tclsh against a model of their commands: Vivado itself is not here."""

from __future__ import annotations

import dataclasses
import re
import shutil
from pathlib import Path

import numpy as np
import pytest

from hwgen.handover import Design, shells, vivado
from hwgen.handover.amd import zynq
from hwgen.hw import boards
from tests.handover.vivado_model import BlockDesign, Call, check_files, check_properties, packaged, run, table

ZYNQ = ("zcu102", "zcu104", "kv260", "kria-kr260", "ultra96", "pynq-z2")
CARDS = ("u280", "u50", "u250")
OTHERS = ("arty-a7-100", "vck190")


def ports_of(path: Path) -> set[str]:
    """Read the names of a module's ports."""
    head = path.read_text().split(");", 1)[0]
    return set(re.findall(r"^\s*(?:input|output)\b[^\n,]*?(\w+)\s*,?$", head, re.MULTILINE))


def handed(design: Design, folder: Path, board: str) -> Design:
    """Hand the design over once more, for another board, into another folder."""
    plan = dataclasses.replace(design.plan, board=boards.load(board))
    for room in ("rtl", "hls"):
        shutil.copytree(design.folder / room, folder / room)
    other = dataclasses.replace(design, plan=plan, folder=folder)
    for write in (shells.write, vivado.write):
        write(other)
    return other


def ran(design: Design, script: str, work: Path, *arguments: str) -> list[Call]:
    """Run a script, and check everything that is checked of each."""
    calls, done = run(design.folder / "vivado" / script, *arguments, work=work)
    assert done.returncode == 0, f"{script}: {done.stderr}"
    check_properties(calls)
    check_files(calls)
    return calls


@pytest.mark.parametrize("board", ZYNQ)
def test_a_zynq_board_gets_a_block_design(design: Design, tmp_path: Path, board: str) -> None:
    made = handed(design, tmp_path / "out", board)
    calls = ran(made, "project.tcl", tmp_path)
    name = design.plan.name
    wired = BlockDesign(calls, packaged(calls))
    assert wired.valid and wired.cells[f"{name}_0"] == f"hwgen:accelerators:{name}:1.0"
    known = zynq(board)
    assert known is not None
    base = known.processor.control_base
    assert wired.assigned["ps/Data", f"{name}_0/s_axi_control/reg0"] == (base, 0x10000)
    assert wired.assigned["ps/Data", "dma_0/S_AXI_LITE/Reg"] == (base + 0x10000, 0x10000)
    assert wired.config["ps"][known.processor.clock_config] == f"{design.plan.clock_mhz:g}"


def test_a_second_output_gets_a_dma_of_its_own(design: Design, tmp_path: Path) -> None:
    (out,) = design.outputs
    ports = (*design.plan.ports, dataclasses.replace(out, name="m_axis_1", tdata_bits=2048))
    wide = dataclasses.replace(design, plan=dataclasses.replace(design.plan, ports=ports))
    made = handed(wide, tmp_path / "out", "kv260")
    calls = ran(made, "project.tcl", tmp_path)
    wired = BlockDesign(calls, packaged(calls))
    assert wired.valid and wired.config["dma_1"]["c_include_mm2s"] == "0"
    assert ("dma_1/S_AXIS_S2MM" in dict(wired.links).values()) and "m_axis_1_width" in wired.cells


def test_streamed_weights_come_from_the_same_memory(design: Design, tmp_path: Path) -> None:
    (first,) = design.inputs
    feed = dataclasses.replace(first, name="s_axis_w0", feed="weights")
    rows = {"weights": np.zeros((4, first.tdata_bits // 8), np.int64)}
    plan = dataclasses.replace(design.plan, ports=(*design.plan.ports, feed), arrays=rows)
    made = handed(dataclasses.replace(design, plan=plan), tmp_path / "out", "zcu102")
    calls = ran(made, "project.tcl", tmp_path)
    ip = packaged(calls)
    assert ip.buses["m_axi_gmem0"].parameters["READ_WRITE_MODE"] == "READ_ONLY"
    assert ip.registers["ptr_s_axis_w0"]["bus"] == "m_axi_gmem0"
    wired = BlockDesign(calls, ip)
    assert wired.valid and wired.config["memory"]["NUM_SI"] == "3"


SHELLS = [("zcu102", "package_ip", "ip"), ("u280", "package_xo", "kernel")]


@pytest.mark.parametrize(("board", "script", "shell"), SHELLS)
def test_every_port_is_in_an_interface(design: Design, tmp_path: Path, board: str, script: str, shell: str) -> None:
    made = handed(design, tmp_path / "out", board)
    ip = packaged(ran(made, f"{script}.tcl", tmp_path))
    mapped = [port for bus in ip.buses.values() for port in bus.ports.values()]
    module = made.folder / "rtl" / "shell" / f"{design.plan.name}_{shell}.sv"
    assert sorted(mapped) == sorted(ports_of(module)), "each port must be in one interface"
    clock = ip.buses["ap_clk"].parameters
    others = [name for name, bus in ip.buses.items() if ":interface:" in bus.type]
    assert clock["ASSOCIATED_RESET"] == "ap_rst_n" and clock["ASSOCIATED_BUSIF"].split(":") == others
    assert ip.buses["s_axi_control"].memory == "s_axi_control"


def test_an_alveo_card_gets_a_kernel(design: Design, tmp_path: Path) -> None:
    name = design.plan.name
    for card in CARDS:
        made = handed(design, tmp_path / card, card)
        calls = ran(made, "package_xo.tcl", tmp_path)
        assert (made.folder / "vivado" / "out" / f"{name}_kernel.xo").is_file()
        ip = packaged(calls)
        assert ip.properties["sdx_kernel"] == "true" and ip.properties["sdx_kernel_type"] == "rtl"
        offsets = {name: int(register["address_offset"], 0) for name, register in ip.registers.items()}
        assert [offsets[n] for n in ("CTRL", "GIER", "IP_IER", "IP_ISR")] == [0, 4, 8, 12]
        masters = {n for n, bus in ip.buses.items() if bus.mode == "master" and ":aximm:" in bus.type}
        assert {register["bus"] for register in ip.registers.values() if "bus" in register} == masters
        config = sections(made.folder / "vivado" / "link.cfg")
        assert all(key in table()["link_config"][section] for section, keys in config.items() for key in keys)
        assert {value.split(".")[1].split(":")[0] for value in config["connectivity"]["sp"]} == masters


def sections(path: Path) -> dict[str, dict[str, list[str]]]:
    """Read a configuration of v++: keys may come again."""
    found: dict[str, dict[str, list[str]]] = {"": {}}
    section = ""
    for line in path.read_text().splitlines():
        if line.startswith("["):
            section = line.strip("[]")
            found[section] = {}
        elif line and not line.startswith("#"):
            key, value = line.split("=", 1)
            found[section].setdefault(key, []).append(value)
    return found


def test_the_whole_way_to_a_bitstream(design: Design, tmp_path: Path) -> None:
    made = handed(design, tmp_path / "out", "zcu102")
    calls = ran(made, "build.tcl", tmp_path)
    out, name = made.folder / "vivado" / "out", design.plan.name
    assert {p.name for p in out.iterdir()} == {f"{name}.bit", f"{name}.hwh", f"{name}.xsa", "reports"}
    reports = {p.name for p in (out / "reports").iterdir()}
    wanted = ("utilization", "utilization_hierarchical", "timing_summary", "io", "control_sets", "clock_utilization")
    wanted += ("route_status", "drc", "methodology", "power")
    assert reports == {f"{report}.rpt" for report in wanted} | {"route.dcp"}
    assert [c.words[0] for c in calls if c.name == "launch_runs"] == ["synth_1", "impl_1"]
    again = ran(made, "build.tcl", tmp_path)
    assert again[0].name == "open_project" and not any(c.name == "create_bd_cell" for c in again)
    assert any(c.name == "open_run" for c in ran(made, "reports.tcl", tmp_path))


@pytest.mark.parametrize(
    ("env", "message"),
    [
        ({"SLACK": "-0.2"}, "Timing must be met at 200 MHz, but the worst path is -0.2 ns short"),
        ({"RUNS_FAIL": "1"}, "Run synth_1 must finish, but is: it says so"),
        ({"NO_BOARD_FILES": "1"}, "The board files of zcu102 must be installed"),
    ],
)
def test_a_failure_is_told_in_a_sentence(design: Design, tmp_path: Path, env: dict[str, str], message: str) -> None:
    made = handed(design, tmp_path / "out", "zcu102")
    _, done = run(made.folder / "vivado" / "build.tcl", work=tmp_path, env=env)
    assert done.returncode != 0 and message in done.stderr


@pytest.mark.parametrize("board", ["zcu102", "u280", *OTHERS])
def test_out_of_context_runs_stop_where_they_are_told(design: Design, tmp_path: Path, board: str) -> None:
    made = handed(design, tmp_path / "out", board)
    for last, steps in (("synth", 1), ("place", 2), ("route", 3)):
        calls = ran(made, "ooc_synth.tcl", tmp_path, last)
        done = [c.name for c in calls if c.name in ("synth_design", "place_design", "route_design")]
        assert done == ["synth_design", "place_design", "route_design"][:steps]
    _, failed = run(made.folder / "vivado" / "ooc_synth.tcl", "all", work=tmp_path)
    assert "The last step must be synth, place or route, not all." in failed.stderr


def test_the_engineers_own_scripts_are_run_and_kept(design: Design, tmp_path: Path) -> None:
    made = handed(design, tmp_path / "out", "zcu102")
    hooks = made.folder / "vivado" / "hooks"
    for moment in ("post_bd", "post_project", "pre_place", "post_synth"):
        (hooks / f"{moment}.tcl").write_text(f"puts seen_{moment}\n")
    _, done = run(made.folder / "vivado" / "build.tcl", work=tmp_path)
    assert "seen_post_bd" in done.stdout and "seen_post_project" in done.stdout
    calls = ran(made, "project.tcl", tmp_path)
    bound = {c.words[0]: Path(c.words[1]).name for c in calls if c.name == "set_property" and "STEPS." in c.words[0]}
    wanted = {"STEPS.SYNTH_DESIGN.TCL.POST": "post_synth.tcl", "STEPS.PLACE_DESIGN.TCL.PRE": "pre_place.tcl"}
    assert bound == wanted
    _, alone = run(made.folder / "vivado" / "ooc_synth.tcl", work=tmp_path)
    assert alone.stdout.index("seen_post_synth") < alone.stdout.index("seen_pre_place")
    vivado.write(made)
    assert (hooks / "pre_place.tcl").read_text() == "puts seen_pre_place\n"


def test_constraints_are_legal(design: Design, tmp_path: Path) -> None:
    for path in sorted((design.folder / "constraints").glob("*.xdc")):
        calls, done = run(path, work=tmp_path)
        assert done.returncode == 0, f"{path.name}: {done.stderr}"
        check_properties(calls)
    clock = next(c for c in calls if c.name == "create_clock")
    assert float(clock.options["-period"]) == 1000 / design.plan.clock_mhz


def test_the_hls_project_is_legal(design: Design, tmp_path: Path) -> None:
    hls = tmp_path / "hls"
    shutil.copytree(design.folder / "hls", hls)
    render_data(hls)
    calls, done = run(hls / "run_hls.tcl", tool="hls", work=hls)
    assert done.returncode == 0, done.stderr
    for call in calls:
        if call.name == "add_files":
            assert (hls / call.words[0]).exists(), call.words[0]
    config = sections(hls / "hls_config.cfg")
    for section, keys in config.items():
        assert set(keys) <= set(table()["hls_config"][section])
    for key in ("syn.file", "tb.file"):
        assert all((hls / value).exists() for value in config["hls"][key])
    assert [c.words[0] for c in calls if c.name == "add_files" and "-tb" not in c.options] == config["hls"]["syn.file"]


def render_data(hls: Path) -> None:
    """Stand in for the vectors, which the verification writes."""
    (hls / "tb" / "data").mkdir(exist_ok=True)


def test_nothing_is_written_for_another_vendor(design: Design, tmp_path: Path) -> None:
    plan = dataclasses.replace(design.plan, board=boards.load("ulx3s"))
    vivado.write(dataclasses.replace(design, plan=plan, folder=tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_paths_do_not_know_where_the_folder_is(design: Design) -> None:
    for path in (design.folder / "vivado").rglob("*"):
        if path.is_file():
            text = path.read_text()
            assert str(design.folder) not in text and "/home/" not in text
            assert text.startswith("# generated by hwgen") or path.name == "README.md"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("place_designs", "unknown command place_designs"),
        ("place_design -fast", "place_design: unknown option -fast"),
        ("open_run", "open_run: 0 words instead of 1 to 1"),
        ("report_power -file", "report_power: option -file wants a value"),
    ],
)
def test_the_recorder_refuses(tmp_path: Path, line: str, message: str) -> None:
    script = tmp_path / "script.tcl"
    script.write_text(f"{line}\n")
    _, done = run(script, work=tmp_path)
    assert done.returncode != 0 and message in done.stderr


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("dma_0/axi_resetn", "dma_0/resetn", "has no pin resetn"),
        (r"CONFIG\.NUM_SI \{2\}", "CONFIG.NUM_SI {1}", "has no pin S01_AXI"),
        ("-offset 0xA0010000", "-offset 0xA0000000", "overlaps"),
        (r"c_m_axis_mm2s_tdata_width \{\d+\}", "c_m_axis_mm2s_tdata_width {32}", "do not fit"),
        (r" \\\n    \[get_bd_pins memory/aclk\]", "", "memory/aclk is not connected"),
    ],
)
def test_the_model_refuses(design: Design, tmp_path: Path, old: str, new: str, message: str) -> None:
    made = handed(design, tmp_path / "out", "zcu102")
    bd = made.folder / "vivado" / "bd.tcl"
    text, changed = re.subn(old, new, bd.read_text())
    assert changed
    bd.write_text(text)
    calls, _ = run(made.folder / "vivado" / "project.tcl", work=tmp_path)
    with pytest.raises(AssertionError, match=re.escape(message)):
        BlockDesign(calls, packaged(calls))


@pytest.mark.parametrize("text", ["plain", "two words", "{", "a}b", "back\\slash", '$x [y] "z"'])
def test_a_text_is_one_word_of_tcl(tmp_path: Path, text: str) -> None:
    script = tmp_path / "script.tcl"
    script.write_text(f"set one [list {vivado.quoted(text)}]\nputs -nonewline [lindex $one 0]\n")
    _, done = run(script, work=tmp_path)
    assert done.stdout == text, done.stderr
