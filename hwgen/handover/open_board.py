# SPDX-License-Identifier: Apache-2.0
"""What open place-and-route wants of a board: the top that stands at the pins, and the constraints."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from hwgen.errors import InfeasibleError
from hwgen.graph.naming import identifier
from hwgen.handover import uart
from hwgen.handover.design import Design
from hwgen.hw import Family
from hwgen.hw.open_flow import HIGH, LEDS, OpenFlow
from hwgen.hw.pll import Clock, fastest, slowest
from hwgen.plan.types import Plan
from hwgen.render.project import environment

INPUTS = ("clk", "uart_rx", "button")
CONSTRAINTS: Mapping[Family, str] = {"ecp5": "lpf", "ice40": "pcf"}
"""Ending of the constraints' file."""


def top(plan: Plan) -> str:
    """Return the name of the module at the pins."""
    return f"{plan.name}_{identifier(plan.board.name, 'board')}"


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
    oscillator = f"{plan.board.open.oscillator_mhz:g}"
    common = {"version": design.version, "title": plan.board.title, "oscillator_mhz": oscillator}
    module, listed, constraints = files(plan)
    pages = {
        module: pages_of("shell/board.sv.j2", {**common, **_top(plan, plan.board.open)}),
        constraints: pages_of(
            f"constraints/{plan.board.family}{constraints.suffix}.j2", {**common, **_constraints(plan.board.open)}
        ),
    }
    below = (design.folder / uart.SHELL / "uart.f").read_text()
    for path, text in {**pages, listed: f"{below}{module.name}\n"}.items():
        (design.folder / path).parent.mkdir(parents=True, exist_ok=True)
        (design.folder / path).write_text(text, encoding="utf-8", newline="\n")


def pages_of(template: str, facts: Mapping[str, object]) -> str:
    """Return a template's text."""
    return environment().get_template(template).render(facts)


def _top(plan: Plan, board: OpenFlow) -> dict[str, object]:
    made, pins = clock(plan), {pin.port: pin for pin in board.pins}
    hertz = int(made.mhz * 1_000_000)
    return {
        "name": plan.name,
        "top": top(plan),
        "family": plan.board.family,
        "pll": made.settings,
        "clock_hz": hertz,
        "clock_mhz": f"{float(made.mhz):.6g}",
        "baud": uart.shell(plan).baud,
        "button_low": pins["button"].inverted,
        "high": HIGH in pins,
        "leds": [pins[led] for led in LEDS],
    }


def _constraints(board: OpenFlow) -> dict[str, object]:
    pins = [
        {"port": pin.port, "site": pin.site, "pull": pin.pull, "is_input": pin.port in INPUTS} for pin in board.pins
    ]
    return {"source": board.source, "pins": pins}
