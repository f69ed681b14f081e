# SPDX-License-Identifier: Apache-2.0
"""The designs over their simulated UART: accuracy against the golden model, frames and bits a second, the shell's LUTs.

Run as a script it prints what it measures as JSON and keeps it in `data/uart.json`. The PC's driver talks to a
pseudo-terminal, behind which Verilator has the pins of the board. The rates are of simulated clocks, from the first bit
of all frames to the last one of their answers.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path.insert(0, str(ROOT))

import hwgen  # noqa: E402
from hwgen import artifacts  # noqa: E402
from hwgen.handover.uart_driver import Uart  # noqa: E402
from hwgen.hw import Family  # noqa: E402
from hwgen.plan.types import Plan  # noqa: E402
from hwgen.run_board import run_board  # noqa: E402
from hwgen.synth import count  # noqa: E402
from hwgen.verify.uart import SimulatedBoard  # noqa: E402

DESIGNS = ("digits-cnn", "digits-mlp")
BOARD = "ulx3s"
FRAMES = 120
BAUD = 1_000_000
CLOCKS = 10
"""To a bit: the fewest that the shell is built for; more of them change the rates by nothing that counts."""
RATE, PATIENCE = 115_200, 120.0
"""What the terminal is told, which it does not care for, and the seconds that a simulated answer may take."""
FAMILIES: tuple[Family, ...] = ("ecp5", "ice40")
DATA = HERE / "data" / "uart.json"


def measure(name: str, folder: Path, frames: int) -> dict[str, Any]:
    """Build a design, run its test images over the simulated line, and return the figures."""
    source = ROOT / "designs" / name
    hwgen.build(source / "model.onnx", budget=source / "budget.yaml", board=BOARD, out=folder, verify="none")
    plan = artifacts.restore(folder / "plan", Plan)
    with SimulatedBoard(folder, plan.name, CLOCKS * BAUD, BAUD) as board:
        found = run_board(
            folder, board.port, source / "inputs.npz", baud=RATE, frames=frames, golden=True, timeout=PATIENCE
        )
        with Uart.open(board.port, RATE, folder / "driver", timeout=PATIENCE) as driver:
            board.ask("span")
            driver.exchange([bytes(driver.facts["in_bytes"])] * frames)
            seconds = (board.ask("span") or 0) / (CLOCKS * BAUD)
    return {
        "design": name,
        "board": BOARD,
        "frames": found.frames,
        "accuracy": found.accuracy,
        "integers": found.elements,
        "integers_that_differ_from_golden": found.differences,
        "recoveries": found.recoveries,
        "baud": BAUD,
        "clocks_per_bit": CLOCKS,
        "bytes_sent": found.sent,
        "bytes_received": found.received,
        "simulated_seconds": round(seconds, 4),
        "frames_per_second": round(found.frames / seconds, 1),
        "bits_per_second_to_board": round(10 * found.sent / seconds),
        "bits_per_second_from_board": round(10 * found.received / seconds),
        "shell": {family: shell_cells(folder, plan.name, family) for family in FAMILIES},
    }


def shell_cells(folder: Path, name: str, family: Family) -> dict[str, float]:
    """Return what the shell takes, the accelerator left out."""
    shell = folder / "rtl" / "shell"
    found = count(
        [shell / line for line in (shell / "uart.f").read_text().split()], f"{name}_uart", family, boxes=[name]
    )
    return found.resources.to_json()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--frames", type=int, default=FRAMES)
    frames = parser.parse_args().frames
    with tempfile.TemporaryDirectory() as scratch:
        rows = [measure(name, Path(scratch) / name, frames) for name in DESIGNS]
    text = json.dumps(rows, indent=2) + "\n"
    DATA.write_text(text)
    print(text, end="")


if __name__ == "__main__":
    main()
