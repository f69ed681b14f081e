# SPDX-License-Identifier: Apache-2.0
"""What open place-and-route wants of a board: the top that stands at the pins, and the constraints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hwgen.errors import InfeasibleError
from hwgen.graph.naming import identifier
from hwgen.handover import uart
from hwgen.handover.design import Design
from hwgen.hw import Board, Family
from hwgen.hw.open_flow import HIGH, LEDS, OpenFlow
from hwgen.hw.pll import Clock, fastest, slowest
from hwgen.plan.types import Plan
from hwgen.render.project import environment

INPUTS = ("clk", "uart_rx", "button")
CONSTRAINTS: Mapping[Family, str] = {"ecp5": "lpf", "ice40": "pcf"}
"""Ending of the constraints' file."""


def module_name(name: str, board: Board) -> str:
    """Return the name of the module at a board's pins."""
    return f"{name}_{identifier(board.name, 'board')}"


def top(plan: Plan) -> str:
    """Return the name of the module at the pins for a plan."""
    return module_name(plan.name, plan.board)


def files(plan: Plan) -> tuple[Path, Path, Path]:
    """Return where the top, the list of all RTL files and the constraints are in the output folder."""
    ending = CONSTRAINTS[plan.board.family]
    return uart.SHELL / f"{top(plan)}.sv", uart.SHELL / "board.f", Path("constraints") / f"{plan.name}.{ending}"


def clock(plan: Plan) -> Clock:
    """Return the clock that the board makes for a plan: the fastest that is not above the plan's.

    Raises
    ------
    InfeasibleError
        When the board can only make faster ones.
    """
    found = fastest(plan.board, plan.clock_mhz)
    if found is None:
        least = slowest(plan.board)
        text = f"The clock must be at least {least:g} MHz on {plan.board.name}, not {plan.clock_mhz:g}."
        raise InfeasibleError(text, hint=f"Try --clock-mhz {least:g}.")
    return found


def write(design: Design) -> None:
    """Write top, file list and constraints; nothing for a board without open pins or a design without UART shell."""
    plan = design.plan
    if plan.board.open is None or uart.obstacle(plan) is not None or fastest(plan.board, plan.clock_mhz) is None:
        return
    module, listed, constraints = files(plan)
    top_text, pins = texts(plan.name, plan.board, clock(plan), uart.shell(plan).baud, design.version)
    below = (design.folder / uart.SHELL / "uart.f").read_text()
    for path, text in {module: top_text, constraints: pins, listed: f"{below}{module.name}\n"}.items():
        (design.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (design.folder / path).write_text(text, encoding="utf-8", newline="\n")


def texts(name: str, board: Board, made: Clock, baud: int, version: str) -> tuple[str, str]:
    """Return the top of a design `name` with its UART shell on an open board, and the constraints."""
    assert board.open is not None
    common = {"version": version, "title": board.title, "oscillator_mhz": f"{board.open.oscillator_mhz:g}"}
    pages, ending = environment(), CONSTRAINTS[board.family]
    constraints = pages.get_template(f"constraints/{board.family}.{ending}.j2")
    facts = {**_top(name, board, board.open, made), "baud": baud}
    return pages.get_template("shell/board.sv.j2").render(common, **facts), constraints.render(
        common, **_constraints(board.open)
    )


def _top(name: str, board: Board, flow: OpenFlow, made: Clock) -> dict[str, object]:
    pins = {pin.port: pin for pin in flow.pins}
    return {
        "name": name,
        "top": module_name(name, board),
        "family": board.family,
        "pll": made.settings,
        "clock_hz": int(made.mhz * 1_000_000),
        "clock_mhz": f"{float(made.mhz):.6g}",
        "button_low": pins["button"].inverted,
        "high": HIGH in pins,
        "leds": [pins[led] for led in LEDS],
    }


def _constraints(board: OpenFlow) -> dict[str, object]:
    pins = [
        {"port": pin.port, "site": pin.site, "pull": pin.pull, "is_input": pin.port in INPUTS} for pin in board.pins
    ]
    return {"source": board.source, "pins": pins}
