# SPDX-License-Identifier: Apache-2.0
"""Pipeline depth of a kernel: looked up in a table that compile runs fill, else from a formula."""

from __future__ import annotations

from functools import cache
from math import ceil, log2
from pathlib import Path

import yaml

from hwgen.hw import CType, Family, KernelCall

TABLE = Path(__file__).parent / "depths.yaml"


def key(call: KernelCall, family: Family, clock_mhz: float) -> str:
    """Return what the depth of a kernel depends on as one line of text."""
    parts = [call.function, family, f"{clock_mhz:g}"]
    parts += [f"{name}={_text(value)}" for name, value in call.config.items()]
    return " ".join(parts)


def _text(value: int | bool | CType) -> str:
    if isinstance(value, CType):
        return f"{'s' if value.signed else 'u'}{value.bits}"
    return str(int(value))


@cache
def table() -> dict[str, int]:
    """Return the measured depths by `key`."""
    if not TABLE.is_file():
        return {}
    data = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return dict(data or {})


def depth(call: KernelCall, family: Family, clock_mhz: float) -> int:
    """Return the cycles from an iteration's reads to its writes: measured where known, else estimated."""
    known = table().get(key(call, family, clock_mhz))
    return known if known is not None else estimate(call, family, clock_mhz)


def estimate(call: KernelCall, family: Family, clock_mhz: float) -> int:
    """Return a depth from the kernel's longest path: levels of logic divided by the levels that fit a cycle."""
    per_cycle = max(1.0, {"xcup": 1600.0, "xc7": 800.0, "ecp5": 500.0}[family] / clock_mhz)
    return 1 + ceil(_levels(call) / per_cycle)


def _levels(call: KernelCall) -> float:
    config = call.config
    if call.function == "matvec":
        return 4 + _bits(config["weight_t"]) / 2 + 1.5 * log2(call.inputs[0].lanes)
    if call.function in ("depthwise", "requantise"):
        return 8.0
    if call.function == "thresholds":
        return 3 + log2(call.roms[0].shape[1] / call.roms[1].shape[1])
    return 5.0 if call.function == "window" else 2.0


def _bits(value: int | bool | CType) -> int:
    assert isinstance(value, CType)
    return value.bits
