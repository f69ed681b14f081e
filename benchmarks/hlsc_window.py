# SPDX-License-Identifier: Apache-2.0
"""The sliding window against hand-written SystemVerilog: cycles with and without pauses of the input, LUTs, registers.

Run as a script it prints what `measure` returns as JSON.
"""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from statistics import mean

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests" / "hlsc" / "back")]

import numpy as np  # noqa: E402
from rtl_harness import Model, build  # noqa: E402

from hwgen.hlsc import Target, compile_process, ir  # noqa: E402
from hwgen.synth import count  # noqa: E402

FRAMES, IDEAL, SEEDS = 6, 3888, range(8)
HAND = HERE / "rtl" / "window_hand.sv"
CONFIG: Mapping[str, int | bool] = {
    "kInBits": 8, "kBits": 8, "kSigned": True, "kLanes": 8, "kChannels": 16, "kHeight": 8, "kWidth": 8, "kKernelH": 3,
    "kKernelW": 3, "kStrideH": 1, "kStrideW": 1, "kPadTop": 0, "kPadLeft": 0, "kOutHeight": 6, "kOutWidth": 6,
    "kPadValue": 0, "kTapsOrder": False, "kDepth": 64,
}  # fmt: skip
"""3x3 over 8x8 pixels of 16 channels, 8 a word: 6x6 outputs of 18 words are 648 a frame."""
PORTS = (ir.Stream("in0", "in", 64), ir.Stream("out0", "out", 64))


def source(name: str = "window_hls", config: Mapping[str, int | bool] = CONFIG) -> str:
    """Return the C++ of a process that is one window."""
    members = "".join(
        f"  static constexpr {'bool' if isinstance(v, bool) else 'unsigned'} {k} = {int(v)};\n"
        for k, v in config.items()
    )
    words = [f"hls::stream<ap_uint<{int(config['kLanes']) * int(config[k])}>>&" for k in ("kInBits", "kBits")]
    return (
        f"#include <hwgen/window.hpp>\nstruct cfg {{\n{members}}};\n"
        f"void {name}({words[0]} in0, {words[1]} out0) {{\n  hwgen::window<cfg>(in0, out0);\n}}\n"
    )


def cycles(model: Model, name: str, valid: int, seed: int = 0) -> int:
    """Return the clocks from reset to the last word of `FRAMES` frames; `valid`: per cent of clocks with input."""
    rng = np.random.default_rng(seed)
    words = [int(w) for w in rng.integers(0, 1 << 63, FRAMES * 8 * 8 * 2, dtype=np.int64)]
    found = model.run({name: {"in0": words}}, seed=seed, valid=valid)
    frames = np.asarray(words).reshape(FRAMES, 8, 8, 2)
    taps = np.lib.stride_tricks.sliding_window_view(frames, (3, 3), axis=(1, 2)).transpose(0, 1, 2, 4, 5, 3)
    if found.violations or found.words[f"{name}.out0"] != taps.reshape(-1).tolist():
        raise SystemExit(f"{name} writes wrong words.")
    return found.cycles[f"{name}.out0"][-1] + 1


def measure(clock_mhz: float = 200.0) -> dict[str, float]:
    """Return cycles and cells of the kernel and, as ``hand_...``, of the SystemVerilog written by hand.

    ``cycles_6_bubbles`` is the mean of eight runs in which the input is valid in half of the clocks, at random.
    """
    found: dict[str, float] = {"ideal": IDEAL}
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "window_hls.cpp").write_text(source())
        module = compile_process(
            folder / "window_hls.cpp", "window_hls", [ROOT / "hls" / "include"], Target("xcup", clock_mhz)
        )
        rtl = folder / "window_hls.sv"
        rtl.write_text(module.rtl)
        shells = [ir.Process(n, PORTS, (), (), (), (), (), None) for n in ("window_hls", "window_hand")]
        model = build(folder, shells, [rtl, HAND])
        for kind, path in (("", rtl), ("hand_", HAND)):
            cells = count([path], path.stem, "xcup")
            found[f"{kind}lut"], found[f"{kind}ff"] = cells.lut, cells.ff
            found[f"{kind}cycles_6"] = cycles(model, path.stem, 100)
            found[f"{kind}cycles_6_bubbles"] = mean(cycles(model, path.stem, 50, seed) for seed in SEEDS)
    return found


if __name__ == "__main__":
    print(json.dumps(measure(), indent=2))
