# SPDX-License-Identifier: Apache-2.0
"""What the modules of ``hls/rtl`` cost: FIFOs and port adapters."""

from __future__ import annotations

from hwgen.graph import TensorType
from hwgen.hw import Family, Resources
from hwgen.ops.area import Parts, counter_bits, counting, priced, ram

FIFO, INGRESS, EGRESS = "hwgen_fifo", "hwgen_axis_ingress", "hwgen_axis_egress"


def fifo_parts(depth: int, bits: int, family: Family) -> Parts:
    """Return the parts of a FIFO: two registers, else a memory with an output register."""
    if depth <= 2:
        lut = {"base": 1.0, "words": float(bits), "place": 0.0, "wraps": 0.0, "ram": 0.0}
        return Parts(lut, {"base": 1.0, "words": 2.0 * bits, "place": 0.0})
    stored, bram = ram(depth, bits, family)
    place = 3 * counter_bits(depth) + 1
    wraps = 2 * counter_bits(depth) if depth & (depth - 1) else 0.0
    lut = {"base": 1.0, "words": 0.0, "place": place, "wraps": wraps, "ram": stored}
    return Parts(lut, {"base": 1.0, "words": 0.0 if bram else float(bits), "place": place}, bram)


def port_parts(kind: TensorType, lanes: int, beats: int, element_bits: int, is_input: bool) -> Parts:
    """Return the parts of a port's adapter: a beat counter; the data path is wires, but for the sign of one bit."""
    counters = counting(beats)
    tested = float(lanes * element_bits // 8) if is_input else 0.0
    lut = {"base": 1.0, **counters, "tested": tested, "inverted": float(lanes * kind.bipolar)}
    return Parts(lut, {"base": 1.0, "counters": counters["counters"]})


def fifo_cost(depth: int, bits: int, family: Family) -> Resources:
    """Estimate a FIFO of `depth` words of `bits` bits (``hwgen_fifo.sv``)."""
    return priced(FIFO, family, fifo_parts(depth, bits, family))


def port_cost(
    kind: TensorType, lanes: int, beats: int, element_bits: int, is_input: bool, family: Family
) -> Resources:  # fmt: skip
    """Estimate a port's adapter (``hwgen_axis_ingress.sv``, ``hwgen_axis_egress.sv``)."""
    return priced(INGRESS if is_input else EGRESS, family, port_parts(kind, lanes, beats, element_bits, is_input))
