# SPDX-License-Identifier: Apache-2.0
"""Pipeline depth of a kernel: looked up in a table that compile runs fill, else from a formula."""

from __future__ import annotations

from functools import cache
from math import ceil, log2
from pathlib import Path

import yaml

from hwgen.hw import CType, Family, KernelCall
from hwgen.ops.area import ram_in_block, rom_in_block

TABLE = Path(__file__).parent / "depths.yaml"


EXACT = frozenset(
    {"kSimd", "kPe", "kLanes", "kInLanes", "kOutLanes", "kBits", "kInBits", "kSteps", "kCopies", "kTies", "kStorage"}
)


def key(call: KernelCall, family: Family, clock_mhz: float) -> str:
    """Return what the depth of a kernel depends on as one line of text; extents count by their bits only.

    A storage that the compiler would choose itself goes unsaid.
    """
    said = {name: value for name, value in call.config.items() if name != "kStorage" or not _by_rule(call)}
    parts = [call.function, family, f"{clock_mhz:g}"]
    parts += [f"{name}={_text(name, value)}" for name, value in said.items()]
    parts += [
        f"{rom.name}={'s' if rom.ctype.signed else 'u'}{rom.ctype.bits}x{_size(rom.shape[0])}" for rom in call.roms
    ]
    return " ".join(parts)


def _by_rule(call: KernelCall) -> bool:
    """Tell whether the storage that a call asks for is that of the compiler's rule."""
    return (call.config["kStorage"] != IN_LUTS) == _in_block_by_rule(call)


def _text(name: str, value: int | bool | CType) -> str:
    if isinstance(value, CType):
        return f"{'s' if value.signed else 'u'}{value.bits}"
    if isinstance(value, bool) or name in EXACT:
        return str(int(value))
    return f"{'-' if value < 0 else ''}{_size(abs(value) + 1)}b"


def _size(extent: int) -> int:
    return (extent - 1).bit_length()


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


def at_most(call: KernelCall, family: Family, clock_mhz: float) -> int:
    """Return what the depth will hardly exceed: itself where it was measured, else more than the estimate."""
    known = table().get(key(call, family, clock_mhz))
    if known is not None:
        return known
    guess = estimate(call, family, clock_mhz)
    return guess + max(DOUBT, guess // 2)


DOUBT = 3
LEVELS_PER_MHZ = {"xcup": 2000.0, "xc7": 1200.0, "ecp5": 800.0, "ice40": 250.0}
FASTEST_BLOCK = {"xcup": 322.0, "xc7": 192.0, "ecp5": 153.0, "ice40": 40.0}
"""Clocks in MHz up to which a multiplier block has two registers, and three above."""
IN_LUTS = 1
"""``kStorage`` of memories in LUTs."""


def estimate(call: KernelCall, family: Family, clock_mhz: float) -> int:
    """Return a depth from the levels of logic that fit a cycle; each memory in block RAM takes a stage of its own."""
    per_cycle = LEVELS_PER_MHZ[family] / clock_mhz
    blocks = 0
    if call.config.get("kDsp"):
        blocks = 3 if clock_mhz > FASTEST_BLOCK[family] else 2
    return blocks + max(1, ceil(_levels(call) / per_cycle)) + _in_block_rams(call)


def stalls_through(family: Family, clock_mhz: float) -> int:
    """Return the processes that a stall may come through in half a clock, a level of logic each."""
    return int(LEVELS_PER_MHZ[family] / clock_mhz / 2)


def _in_block_rams(call: KernelCall) -> int:
    """Return how many memories in block RAM are read one after the other."""
    if call.function == "threshold_search":
        return sum(rom_in_block(rom.shape[0], rom.ctype.bits) for rom in call.roms[1:])
    return int(_behind_block_ram(call))


def _behind_block_ram(call: KernelCall) -> bool:
    if call.config.get("kStorage"):
        return call.config["kStorage"] != IN_LUTS
    return _in_block_by_rule(call)


def _in_block_by_rule(call: KernelCall) -> bool:
    if call.function in ("window", "rearrange"):
        depth, width = call.config["kDepth"], call.inputs[0].width
        assert isinstance(depth, int)
        return ram_in_block(depth, width)
    sizes = [(rom.shape[0], rom.shape[1] * rom.ctype.bits) for rom in call.roms]
    return any(rom_in_block(depth, width) for depth, width in sizes)


def _levels(call: KernelCall) -> float:
    config = call.config
    if call.function in ("matvec", "matvec_streamed"):
        products = 0 if config.get("kDsp") else _bits(config["weight_t"]) / 2
        return 4 + products + log2(call.inputs[0].lanes)
    if call.function == "thresholds":
        return 3 + log2(call.roms[0].shape[1] / call.roms[1].shape[1])
    if call.function == "threshold_search":
        return 1.5 * (len(call.roms) - 1 - _in_block_rams(call))
    if call.function == "requantise":
        by_constant = call.roms[0].shape[0] == 1
        by, of = _bits(config["mul_t"]), _bits(config["in_t"])
        return 2 + 0.65 * of + 0.35 * by if by_constant else 8.5 + 0.3 * by
    if call.function == "matmul_dynamic":
        return 6 + _bits(config["y_t"]) / 2 + log2(call.inputs[0].lanes)
    if call.function == "layernorm":
        return 25 + 0.8 * _number(config["kWideBits"])
    if call.function == "softmax":
        return 23 + _bits(config["sum_t"])
    return 5.0


def _number(value: int | bool | CType) -> int:
    assert isinstance(value, int)
    return value


def _bits(value: int | bool | CType) -> int:
    assert isinstance(value, CType)
    return value.bits
