# SPDX-License-Identifier: Apache-2.0
"""docs/hand-over.md tells what the folder holds, with the addresses that the block design has."""

from __future__ import annotations

import re
from pathlib import Path

from hwgen.handover import Design, block_design
from hwgen.handover.amd import card, zynq
from hwgen.hw import boards

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "hand-over.md").read_text()


def test_it_names_every_board_that_has_a_block_design_or_a_kernel() -> None:
    (sentence,) = re.findall(r"What there is depends on the board: (.*?), nothing for others", PAGE, re.DOTALL)
    told = {name for name in boards.names() if re.search(rf"\b{name}\b", sentence)}
    assert told == {name for name in boards.names() if zynq(name) or card(name)}


def test_its_addresses_are_those_of_the_block_design() -> None:
    for board, column in (("zcu102", 0), ("pynq-z2", 1)):
        known = zynq(board)
        assert known is not None
        base = known.processor.control_base
        rows = [re.findall(r"0x[0-9A-F]{8}", line) for line in PAGE.splitlines() if line.startswith("|")]
        told = [int(row[column], 16) for row in rows if len(row) == 2]
        assert told == [base, base + block_design.STEP, base + block_design.INTC_AT]


def test_its_scripts_and_files_are_there(design: Design) -> None:
    name = design.plan.name
    elsewhere = {"package_xo.tcl", "link.cfg", "kernel.f"}
    for script in re.findall(r"`(?:vivado/)?(\w+\.tcl)`", PAGE):
        hook = re.match(r"(pre|post)_\w+\.tcl|run_hls\.tcl", script)
        assert hook or script in elsewhere or (design.folder / "vivado" / script).is_file(), script
    for path in re.findall(r"^\| `([\w<>]*[/.][\w/<>.]*)` \|", PAGE, re.MULTILINE):
        assert (design.folder / path.replace("<name>", name)).exists(), path
    makefile = (design.folder / "Makefile").read_text()
    for target in re.findall(r"`make (\w+)`", PAGE):
        assert re.search(rf"^(?:\w+ )*{target}\b.*:", makefile, re.MULTILINE), target
