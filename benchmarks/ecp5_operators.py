# SPDX-License-Identifier: Apache-2.0
"""What single operators take on an ECP5-85F of speed grade 6: register, operator, register, each placed alone.

    python benchmarks/ecp5_operators.py [--kind add ...]     into benchmarks/data/ecp5_operators.csv, other kinds stay

From these figures the ecp5 table of ``hwgen/hlsc/back/delays.yaml`` starts; `benchmarks/ecp5_timing.py` shows how well
it foretells whole kernels, where routes are longer. `ns` is the whole period: clock to output, routes, logic, set-up.
"""

from __future__ import annotations

import argparse
import random
import sys
from collections.abc import Iterator
from pathlib import Path

import tables
from ecp5_place import Ports, place

TABLE = Path(__file__).parent / "data" / "ecp5_operators.csv"
COLUMNS = ("kind", "size", "ns", "routing_ns", "cells", "lut")
Case = tuple[str, int, str, Ports]


def module(inputs: list[tuple[str, int]], out: int, expression: str, before: str = "") -> tuple[str, Ports]:
    """Return a module that registers its inputs, computes, and registers the result."""
    ports = [("ap_clk", "input", 1), *((n, "input", w) for n, w in inputs), ("y", "output", out)]
    heads = ", ".join(
        ["input wire ap_clk", *(f"input wire [{w - 1}:0] {n}" for n, w in inputs), f"output reg [{out - 1}:0] y"]
    )
    regs = "".join(f" reg [{w - 1}:0] {n}_q; always @(posedge ap_clk) {n}_q <= {n};\n" for n, w in inputs)
    return f"module micro({heads});\n{regs}{before} always @(posedge ap_clk) y <= {expression};\nendmodule\n", ports


def arithmetic(rng: random.Random) -> Iterator[Case]:
    """Yield adders, comparators, selects, shifts and multipliers."""
    for n in (4, 8, 12, 16, 24, 32, 48):
        yield ("add", n, *module([("a", n), ("b", n)], n, "a_q+b_q"))
    for n in (4, 8, 16, 24, 32):
        yield ("ult", n, *module([("a", n), ("b", n)], 1, "a_q<b_q"))
    for n in (8, 16, 32):
        yield ("slt", n, *module([("a", n), ("b", n)], 1, "$signed(a_q)<$signed(b_q)"))
    for n in (8, 12, 16, 20):
        yield ("ult_const", n, *module([("a", n)], 1, f"a_q<{n}'d{rng.getrandbits(n) | 1}"))
    for n in (4, 8, 16, 32):
        yield ("eq", n, *module([("a", n), ("b", n)], 1, "a_q==b_q"))
    for n in (4, 8, 12, 16):
        yield ("eq_const", n, *module([("a", n)], 1, f"a_q=={n}'d{rng.getrandbits(n)}"))
    for n in (1, 8, 32, 64, 128):
        yield ("select", n, *module([("a", n), ("b", n), ("s", 1)], n, "s_q ? a_q : b_q"))
    for n in (8, 16, 32):
        yield ("shl", n, *module([("a", n), ("s", n.bit_length() - 1)], n, "a_q<<s_q"))
    for a, b in ((2, 2), (3, 3), (4, 4), (4, 6), (8, 4), (6, 6), (8, 8), (12, 8), (16, 16)):
        yield ("mul", a * 100 + b, *module([("a", a), ("b", b)], a + b, "$signed(a_q)*$signed(b_q)"))


def memories(rng: random.Random) -> Iterator[Case]:
    """Yield tables, RAMs in LUTs, and clock enables with many loads."""
    for depth in (16, 32, 64, 128, 256, 512):
        words = "".join(f" m[{i}]=4'd{rng.getrandbits(4)};" for i in range(depth))
        before = f" reg [3:0] m [0:{depth - 1}]; initial begin {words} end\n"
        yield ("rom", depth, *module([("a", depth.bit_length() - 1)], 4, "m[a_q]", before))
    for depth, width in ((16, 8), (32, 16), (64, 16), (128, 8)):
        bits = depth.bit_length() - 1
        before = f' (* ram_style="distributed" *) reg [{width - 1}:0] m [0:{depth - 1}];'
        before += " always @(posedge ap_clk) if (we_q) m[wa_q]<=d_q;\n"
        yield ("ram", depth, *module([("a", bits), ("wa", bits), ("d", width), ("we", 1)], width, "m[a_q]", before))
    for n in (16, 64, 128, 256, 512):
        yield ("enable", n, *module([("a", n), ("v", 4)], n, "&v_q ? a_q : y"))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--kind", action="append")
    options = parser.parse_args()
    before = {(row["kind"], row["size"]): row for row in tables.read(TABLE)}
    rows = []
    for kind, size, text, ports in [*arithmetic(random.Random(1)), *memories(random.Random(2))]:
        if options.kind and kind not in options.kind:
            rows += [before[kind, str(size)]] if (kind, str(size)) in before else []
            continue
        found = place(text, "micro", ports, 100.0)
        values = (kind, size, f"{found.period:.2f}", f"{found.routing:.2f}", found.levels, found.lut)
        rows.append(dict(zip(COLUMNS, map(str, values), strict=True)))
        print(*values, file=sys.stderr, flush=True)
    tables.write(TABLE, COLUMNS, rows)
    return 0


if __name__ == "__main__":
    sys.exit(main())
