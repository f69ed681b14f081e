# SPDX-License-Identifier: Apache-2.0
"""`make bench`: figures of the HLS compiler beside hand-written SystemVerilog, as one JSON object (`--json`).

LUT: LUT1 to LUT6 one each (no two share a LUT6_2), LUT RAM, shift registers and inverters counted in; carry cells are
beside it. Yosys `synth_xilinx -family xcup -flatten -nodsp`; tables with a module of their own stay whole. Cycles come
from Verilator: the first input word is taken in clock 0, `cycles_50` is the clock of the last
word and `first_output_cycle`, the target's "first output by cycle 9", by the same count that of the first. The word
needs eight input words, the last of them at clock 7 at the earliest: cycle 9 means two stages. (Counted from that last
input word, `first_output_after_input`, any pipeline of nine stages would do; the stricter reading is the one held.)
Seconds are CPU seconds of all processes (clang, LLVM and ours), nothing cached.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(HERE), str(ROOT / "tests" / "hlsc" / "back")]

import numpy as np  # noqa: E402
from hlsc_programs import Matvec, constant_dot, many_products  # noqa: E402

from hwgen.hlsc import Target, compile_process, ir  # noqa: E402
from hwgen.hlsc.back.emit_expr import literal  # noqa: E402
from hwgen.hw import boards  # noqa: E402
from hwgen.synth import YosysCounts, count  # noqa: E402

INCLUDE = [ROOT / "hls" / "include"]
CLOCK = 1000 / 3
BOARD = "zcu102"
"""At its own clock a design is planned where no budget names another."""
VECTORS = 50
FUZZ = HERE / "data" / "fuzz.json"
SIZES = (256, 512, 1024, 2048, 4096)


def cells(counts: YosysCounts) -> dict[str, float]:
    """Return the columns of a row of figures."""
    return {
        "lut": counts.lut,
        "ff": counts.ff,
        "bram": counts.resources.bram36,
        "dsp": counts.dsp,
        "carry4": counts.carry,
    }


def ratios(own: Mapping[str, float], hand: Mapping[str, float]) -> dict[str, float]:
    """Return own / hand of every figure that is not 0 by hand."""
    return {k: round(own[k] / value, 3) for k, value in hand.items() if value}


def growth(seconds: Mapping[int, float]) -> float:
    """Return the exponent e of seconds ~ size**e that fits best (least squares of the logarithms)."""
    sizes = np.log(np.array(list(seconds), float))
    return round(float(np.polyfit(sizes, np.log(np.array(list(seconds.values()))), 1)[0]), 3)


def rom_module(name: str, width: int, words: Sequence[int]) -> str:
    """Return a module that is one table: `address` in, `word` out."""
    bits = max(1, (len(words) - 1).bit_length())
    rows = "\n".join(f"        words[{i}] = {literal(width, w)};" for i, w in enumerate(words))
    return (
        f"module {name} (input logic [{bits - 1}:0] address, output logic [{width - 1}:0] word);\n"
        f"    logic [{width - 1}:0] words [{len(words)}];\n    initial begin\n{rows}\n    end\n"
        "    assign word = words[address];\nendmodule\n"
    )


def pack(lanes: Sequence[int], bits: int) -> int:
    """Return lanes as one word, lane 0 lowest."""
    return sum((int(lane) & (1 << bits) - 1) << i * bits for i, lane in enumerate(lanes))


def cpu() -> float:
    """Return the CPU seconds so far, of this process and its children."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(u.ru_utime + u.ru_stime for u in used)


def matvec(folder: Path, mhz: float) -> dict[str, Any]:
    """Measure the 64x32 matrix-vector product, compiled for a clock, against the same by hand."""
    from rtl_harness import build

    layer = Matvec.seeded()
    (folder / "matvec.cpp").write_text(layer.source())
    module = compile_process(folder / "matvec.cpp", "matvec", INCLUDE, Target("xcup", mhz))
    (folder / "matvec.sv").write_text(module.rtl)
    weights = [pack(row, 4) for row in layer.lanes().tolist()]
    levels = [pack(row, 14) for row in layer.levels.reshape(-1, layer.pe * layer.steps).tolist()]
    text = rom_module("matvec_hand_weights", 128, weights) + rom_module("matvec_hand_levels", 840, levels)
    hand = folder / "matvec_hand.sv"
    hand.write_text(text + (HERE / "rtl" / "matvec_hand.sv").read_text())
    ports = (ir.Stream("in", "in", 32), ir.Stream("out", "out", 16))
    shells = [ir.Process(name, ports, (), (), (), (), (), None) for name in ("matvec", "matvec_hand")]
    model = build(folder, shells, [folder / "matvec.sv", hand])
    x = np.random.default_rng(2).integers(0, 16, (VECTORS, layer.inputs))
    words = [pack(row, 4) for row in x.reshape(-1, layer.simd).tolist()]
    expected = [pack(row, 4) for row in layer.run(x).reshape(-1, layer.pe).tolist()]
    rows: dict[str, dict[str, Any]] = {}
    for name in ("matvec", "matvec_hand"):
        run = model.run({name: {"in": words}})
        if run.violations or run.words[f"{name}.out"] != expected:
            raise SystemExit(f"{name} writes wrong words.")
        clocks = run.cycles[f"{name}.out"]
        rows[name] = cells(count([folder / f"{name}.sv"], name, "xcup"))
        rows[name] |= {
            "first_output_cycle": clocks[0],
            "first_output_after_input": clocks[0] - layer.inputs // layer.simd + 1,
            f"cycles_{VECTORS}": clocks[-1],
        }
    own, by_hand = rows["matvec"], rows["matvec_hand"]
    fixed = {"ideal": VECTORS * layer.folds, "clock_mhz": round(mhz, 1), "stages": module.report["stages"]}
    return {**own, **fixed, "hand": by_hand, "ratio": ratios(own, by_hand)}


def constants(folder: Path, rows: int, columns: int) -> dict[str, Any]:
    """Measure a matrix-vector product of constants, fully unrolled."""
    (folder / "dot.cpp").write_text(constant_dot(rows, columns))
    module = compile_process(folder / "dot.cpp", "dot", INCLUDE, Target("xcup", CLOCK))
    (folder / "dot.sv").write_text(module.rtl)
    found = cells(count([folder / "dot.sv"], "dot", "xcup"))
    return {
        **found,
        "depth": module.depth,
        "lut_per_multiply_accumulate": round(found["lut"] / rows / columns, 2),
    }


def da4ml(rows: int, columns: int) -> dict[str, Any]:
    """Return da4ml's own estimate for the same constants, where it is installed."""
    if importlib.util.find_spec("da4ml") is None:
        return {"skipped": "da4ml is not installed"}
    from da4ml.cmvm import solve

    weights = np.random.default_rng(1).integers(-8, 8, (rows, columns))
    solution = solve(weights.T.astype(np.float32))
    return {"lut_claimed": float(solution.cost)}


COMPILE = """
import json, sys
from pathlib import Path
sys.path[:0] = {paths!r}
from hlsc import cpu, INCLUDE, CLOCK
from hwgen.hlsc import Target, backend
from hwgen.hlsc.front import read_process
start = cpu()
process = read_process(Path("products.cpp"), "products", INCLUDE)
middle = cpu()
backend.compile(process, Target("xcup", CLOCK))
end = cpu()
print(json.dumps({{"front_s": round(middle - start, 2), "back_s": round(end - middle, 2),
                   "total_s": round(end - start, 2)}}))
"""


def compile_times(folder: Path) -> dict[str, Any]:
    """Measure how long one body of so many products takes, each in a process of its own with an empty cache."""
    found: dict[str, Any] = {}
    for size in SIZES:
        (folder / "products.cpp").write_text(many_products(size))
        env = {**os.environ, "HWGEN_CACHE": str(folder / f"cache{size}"), "PYTHONPATH": str(ROOT)}
        script = COMPILE.format(paths=sys.path[:3])
        done = subprocess.run(
            [sys.executable, "-c", script], cwd=folder, env=env, stdout=subprocess.PIPE, text=True, check=True
        )
        found[f"compile_{size}"] = json.loads(done.stdout)
    totals = {size: found[f"compile_{size}"]["total_s"] for size in SIZES}
    return {**found, "compile_growth_exponent": growth(totals)}


def window() -> dict[str, Any]:
    """Return the sliding window's figures."""
    if importlib.util.find_spec("hlsc_window") is None:
        return {"skipped": "benchmarks/hlsc_window.py is absent"}
    from hlsc_window import measure

    return dict(measure())


def fuzz(folder: Path) -> dict[str, Any]:
    """Return what the last `make fuzz` found, or a short run's findings where there was none."""
    if FUZZ.is_file():
        return dict(json.loads(FUZZ.read_text()))
    summary = folder / "fuzz.json"
    command = [sys.executable, "-m", "tests.hlsc.fuzz.run", "--count", "40", "--summary", str(summary)]
    subprocess.run(command, cwd=ROOT, stdout=subprocess.DEVNULL, check=False)
    return dict(json.loads(summary.read_text()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout (the only form there is)")
    parser.add_argument("--only", nargs="*", default=[], help="measure these keys only")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        parts: dict[str, Callable[[], dict[str, Any]]] = {
            "matvec_64x32_int4": lambda: matvec(folder, CLOCK),
            "matvec_64x32_int4_board_clock": lambda: matvec(folder, boards.load(BOARD).clock_mhz),
            "const_mac_256_int4": lambda: {**constants(folder, 16, 16), "da4ml": da4ml(16, 16)},
            "const_mac_4096_int4": lambda: {**constants(folder, 64, 64), "da4ml": da4ml(64, 64)},
            "compile": lambda: compile_times(folder),
            "window": window,
            "fuzz": lambda: fuzz(folder),
        }
        result: dict[str, Any] = {}
        for key, part in parts.items():
            if options.only and key not in options.only:
                continue
            print(f"{key} ...", file=sys.stderr)
            found = part()
            result.update(found if key == "compile" else {key: found})
    print(json.dumps(result, indent=2))


if __name__ == "__main__":
    main()
