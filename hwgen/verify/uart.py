# SPDX-License-Identifier: Apache-2.0
"""A simulated board behind a pseudo-terminal: whatever drives a serial port can drive it, bit by bit at the pins."""

from __future__ import annotations

import subprocess
import tempfile
from pathlib import Path
from types import TracebackType

from hwgen.errors import InternalError, UserError
from hwgen.resources import data_folder
from hwgen.verify.testbench import environment
from hwgen.verify.verilator import build

_LINT = "`verilator_config\nlint_off\n"
_PATIENCE = 20.0
"""Seconds that the simulator gets to end when it is asked to."""


class SimulatedBoard:
    """The UART shell of an output folder in Verilator; a context manager that ends the simulator.

    Parameters
    ----------
    folder
        Output folder with ``rtl/shell/uart.f``.
    name
        The design's name.
    clock_hz, baud
        Of the board; eight clocks to a bit are enough, and simulate fastest.
    host_baud
        What the host's side of the line really runs at; `baud` if None.

    Attributes
    ----------
    port
        Name of the terminal that stands for the serial port.

    Raises
    ------
    UserError
        The folder has no UART shell, or Verilator or a C++ compiler is missing.
    InternalError
        The simulator does not start.
    """

    def __init__(
        self, folder: Path, name: str, clock_hz: int = 800_000, baud: int = 100_000, *, host_baud: int | None = None
    ) -> None:
        program = simulator(folder, name, clock_hz, baud)
        words = [str(program), str(clock_hz), str(host_baud or baud)]
        self._process = subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.port = self._answer()

    def ask(self, command: str) -> int | None:
        """Give the simulator a command (see ``sim/uart.cpp``); return the number it answers, or None for "ok"."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{command}\n")
        self._process.stdin.flush()
        said = self._answer()
        return int(said) if said.isdigit() else None

    def close(self) -> None:
        """End the simulator."""
        try:
            self._process.communicate(timeout=_PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()

    def __enter__(self) -> SimulatedBoard:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _answer(self) -> str:
        assert self._process.stdout is not None
        line = self._process.stdout.readline().strip()
        if not line:
            self._process.kill()
            raise InternalError(f"The simulated board ended with status {self._process.wait()}.")
        return line


def simulator(folder: Path, name: str, clock_hz: int, baud: int) -> Path:
    """Build the program that simulates the UART shell of an output folder, and return it."""
    shell = folder / "rtl" / "shell"
    if not (shell / "uart.f").is_file():
        raise UserError(f"{folder} has no UART shell (rtl/shell/uart.f).")
    sources = [shell / line for line in (shell / "uart.f").read_text().split()]
    page = environment().get_template("sim/uart.sv.j2")
    with tempfile.TemporaryDirectory(prefix="hwgen-uart-") as scratch:
        bench, lint = Path(scratch) / "hwgen_bench.sv", Path(scratch) / "hwgen_bench.vlt"
        bench.write_text(page.render(module=f"{name}_uart", clock_hz=clock_hz, baud=baud), encoding="utf-8")
        lint.write_text(_LINT)
        return build([lint, *sources, bench], data_folder("sim") / "uart.cpp").program
