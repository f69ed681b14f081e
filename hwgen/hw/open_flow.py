# SPDX-License-Identifier: Apache-2.0
"""What a board's file says for place-and-route with open tools: the device, the oscillator, the pins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, dataclass, fields
from typing import Any, Literal, get_args

from hwgen.errors import Problem

Pull = Literal["none", "up", "down"]
LEDS = ("led0", "led1", "led2", "led3")
PORTS = ("clk", "uart_rx", "uart_tx", "button", *LEDS)
HIGH = "high"
"""Ports of every board, and one that a board may have: an output that is always 1."""


@dataclass(frozen=True)
class Pin:
    """A pin of a board.

    Parameters
    ----------
    port
        What it is: the oscillator, the serial line as the chip sees it, a button that resets, an LED, always 1.
    site
        The package's name of the pin.
    pull
        Resistor inside the chip.
    inverted
        Whether 0 is a pressed button, or a lit LED.
    """

    port: str
    site: str
    pull: Pull = "none"
    inverted: bool = False


@dataclass(frozen=True)
class OpenFlow:
    """What place-and-route has to know of a board.

    Parameters
    ----------
    device
        nextpnr's name of the device: ``85k``, ``up5k``.
    package
        nextpnr's name of the package.
    oscillator_mhz
        Clock at the pin ``clk``.
    pins
        One for each of `PORTS`, and `HIGH` where the board wants it.
    source
        Where the pins come from.
    speed
        Speed grade; empty where the family has one only.
    """

    device: str
    package: str
    oscillator_mhz: float
    pins: tuple[Pin, ...]
    source: str
    speed: str = ""

    def pin(self, port: str) -> Pin | None:
        """Return the pin of a port, None where the board has none."""
        return next((pin for pin in self.pins if pin.port == port), None)


def problems(where: str, data: Any) -> list[Problem]:
    """Return what is wrong with the key ``open`` of a board's file."""
    keys = {f.name for f in fields(OpenFlow)}
    wanted = {f.name for f in fields(OpenFlow) if f.default is MISSING}
    if not isinstance(data, dict) or not wanted <= set(data) <= keys or not isinstance(data["pins"], list):
        return [Problem(f"{where}: open must be a mapping with the keys {', '.join(sorted(wanted))}, and maybe speed.")]
    found = [problem for index, pin in enumerate(data["pins"]) for problem in _pin(f"{where}: open.pins[{index}]", pin)]
    mhz = data["oscillator_mhz"]
    if isinstance(mhz, bool) or not isinstance(mhz, int | float) or mhz <= 0:
        found.append(Problem(f"{where}: open.oscillator_mhz must be a positive number, not {mhz!r}."))
    if found:
        return found
    ports = [pin["port"] for pin in data["pins"]]
    missing = sorted(set(PORTS) - set(ports))
    if missing or len(set(ports)) != len(ports):
        text = f"{where}: open.pins must have each of {', '.join(PORTS)} once"
        return [Problem(f"{text}, and {', '.join(missing)} is not there." if missing else f"{text}.")]
    return []


def _pin(where: str, data: Any) -> list[Problem]:
    keys = [f.name for f in fields(Pin)]
    if not isinstance(data, dict) or not {"port", "site"} <= set(data) <= set(keys):
        return [Problem(f"{where} must be a mapping with the keys {', '.join(keys)}, not {data!r}.")]
    found = []
    if data["port"] not in (*PORTS, HIGH):
        found.append(Problem(f"{where}.port must be one of {', '.join((*PORTS, HIGH))}, not {data['port']!r}."))
    if data.get("pull", "none") not in get_args(Pull):
        found.append(Problem(f"{where}.pull must be one of {', '.join(get_args(Pull))}, not {data['pull']!r}."))
    if not isinstance(data.get("inverted", False), bool):
        found.append(Problem(f"{where}.inverted must be true or false, not {data['inverted']!r}."))
    return found


def read(data: Mapping[str, Any]) -> OpenFlow:
    """Return the key ``open`` of a board's file, which has no `problems`."""
    pins = tuple(Pin(**{**pin, "site": str(pin["site"])}) for pin in data["pins"])
    texts = {name: str(data[name]) for name in ("device", "package", "source", "speed") if name in data}
    return OpenFlow(oscillator_mhz=float(data["oscillator_mhz"]), pins=pins, **texts)
