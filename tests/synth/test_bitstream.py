# SPDX-License-Identifier: Apache-2.0
"""Clocks of PLLs, and bitstreams: small tops at the pins of the open boards go all the way."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwgen.errors import InfeasibleError, UserError
from hwgen.hw import boards
from hwgen.hw.pll import fastest, slowest
from hwgen.synth import nextpnr
from hwgen.synth.bitstream import Project, make
from hwgen.synth.nextpnr import Tool, place
from hwgen.tables import bitstream_line

OPEN = [name for name in boards.names() if boards.load(name).open is not None]
SHELL = """
module small_uart #(parameter int CLOCK_HZ = 1, BAUD = 1)
    (input clk, rst_n, uart_rx, output reg uart_tx, output reg [3:0] leds);
  always_ff @(posedge clk) begin
    uart_tx <= uart_rx;
    leds <= rst_n ? leds + uart_rx : 0;
  end
endmodule
"""


@pytest.mark.parametrize("mhz", [10.0, 12.0, 16.5, 20.0, 25.0, 33.3, 43.7, 48.0, 50.0, 100.0])
@pytest.mark.parametrize("name", OPEN)
def test_a_clock_is_not_faster_than_asked_and_near_it(name: str, mhz: float) -> None:
    board = boards.load(name)
    found = fastest(board, mhz)
    if mhz < slowest(board):
        assert found is None
        return
    assert found is not None and found.mhz <= mhz
    assert found.mhz >= 0.9 * mhz or mhz < 17
    assert board.open is not None
    source, own = board.open.oscillator_mhz, found.settings
    if not own:
        assert found.mhz == source
    elif board.family == "ecp5":
        assert float(found.mhz) == pytest.approx(source * own["CLKFB_DIV"] / own["CLKI_DIV"])
        assert 400 <= found.mhz * own["CLKOP_DIV"] <= 800
    else:
        inside = source * (own["DIVF"] + 1) / (own["DIVR"] + 1)
        assert 533 <= inside <= 1066 and float(found.mhz) == pytest.approx(inside / 2 ** own["DIVQ"])


def test_the_pll_of_icepll() -> None:
    """``icepll -i 12 -o 24`` says so."""
    found = fastest(boards.load("icebreaker"), 24)
    assert found is not None and found.settings == {"DIVR": 0, "DIVF": 63, "DIVQ": 5, "FILTER_RANGE": 1}


def project(folder: Path, name: str, mhz: float) -> Project:
    """Return a shell of a few gates at the pins of a board, as the hand-over writes them."""
    from hwgen.handover import open_board

    board = boards.load(name)
    clock = fastest(board, mhz)
    assert board.open is not None and clock is not None
    module, constraints = open_board.texts("small", board, clock, 1_000_000, "0")
    files = {"small_uart.sv": SHELL, f"small_{name}.sv": module, "pins.txt": constraints}
    for file, text in files.items():
        (folder / file).write_text(text)
    sources = (folder / "small_uart.sv", folder / f"small_{name}.sv")
    return Project("small", board, f"small_{name}", sources, folder / "pins.txt", float(clock.mhz))


@pytest.mark.parametrize(("name", "mhz", "ending"), [("icebreaker", 18.0, "bin"), ("ulx3s", 50.0, "bit")])
def test_pins_and_pll_of_an_open_board(tmp_path: Path, name: str, mhz: float, ending: str) -> None:
    wanted = project(tmp_path, name, mhz)
    found = make(wanted, tmp_path / "out", tmp_path / "logs")
    facts = found.to_json(wanted)
    assert facts["file"] == f"bitstream/small.{ending}" and facts["bytes"] > 10_000
    assert len(facts["clocks"]) == 1  # the PLL's output, asked for what the dividers make
    assert found.placed.design.wanted == pytest.approx(mhz, rel=0.01) and facts["fmax_mhz"] > mhz
    assert found.placed.slowest.start.startswith(("shell", "wait", "run")) and found.placed.slowest.logic_ns > 0
    assert 0 < facts["utilisation"]["lut"]["used"] < 40 and set(found.seconds) == {"synth", "place", "pack"}
    told = bitstream_line({**facts, "asked_mhz": 60.0})
    assert told.startswith(f"bitstream/small.{ending}: ") and told.endswith("MHz set where 60 MHz was asked for.")
    assert {path.name for path in (tmp_path / "logs").iterdir()} == {"synth.log", "nextpnr.log", "pack.log"}


def test_a_full_device_is_told_with_figures(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = (
        "print('Info: \\t  ICESTORM_LC:  6000/  5280   113%\\nInfo: \\t ICESTORM_RAM:   5/  30  16%\\nERROR: no place')"
    )
    monkeypatch.setattr(nextpnr, "find", lambda program: Tool((sys.executable, "-c", said), "0"))
    with pytest.raises(InfeasibleError, match="must fit ICE40UP5K-SG48I, and it needs 6,000 of 5,280 ICESTORM_LC"):
        place(boards.load("icebreaker"), tmp_path / "a.json", tmp_path / "a.pcf", 12.0, tmp_path)


def test_a_missing_tool_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shutil.which", lambda name: None)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(UserError, match="needs nextpnr-ice40, and none was found"):
        nextpnr.find("nextpnr-ice40")
