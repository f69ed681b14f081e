# SPDX-License-Identifier: Apache-2.0
"""The benchmark of the real networks: it knows them all, and reads its figures out of a build's answer."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

import hwgen
from hwgen.config import load_budget

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def bench(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("real_models")


def test_every_network_is_there(shared: Path, bench: ModuleType) -> None:
    known = bench.networks()
    assert len(known) == 23
    assert [network.path for network in known.values() if not network.path.is_file()] == []


def test_figures_of_a_build_that_stops_before_rtl(bench: ModuleType, tmp_path: Path) -> None:
    design = ROOT / "designs" / "digits-mlp"
    result = hwgen.build(design / "model.onnx", budget=design / "budget.yaml", out=tmp_path / "out", verify="golden")
    timings = json.loads((tmp_path / "out" / "run" / "timings.json").read_text())
    found = bench.figures({**result.to_json(), "wall_seconds": 1.0}, timings)
    assert json.loads(json.dumps(found)) == found
    assert found["ok"] and found["mismatches"] == {"golden": 0, "csim": None, "layers": None, "rtl": None}
    assert found["parity"]["max_lsb"] == 0 and "layers" not in found["parity"]
    assert found["ii_error"] is None and found["lut_error"] is None and found["frames"] == 0
    assert found["stage_seconds"].keys() == result.seconds.keys()


def test_a_float_network_comes_with_two_sets_of_frames(shared: Path, bench: ModuleType, tmp_path: Path) -> None:
    arguments = bench.networks()["mlperf_ad_fp32"].arguments(tmp_path)
    sets = [np.load(arguments[arguments.index(name) + 1])["input_1"] for name in ("--calib", "--inputs")]
    assert [len(frames) for frames in sets] == [128, 128] and not np.isin(sets[0], sets[1]).all()
    assert arguments[-2:] == ["--verify", "rtl"]


def test_a_large_network_is_simulated_by_layers_on_a_board_of_its_own(bench: ModuleType, tmp_path: Path) -> None:
    arguments = bench.networks()["coral_mobilenet_v2_1.0_224_quant"].arguments(tmp_path)
    assert arguments[1:5] == ["--verify", "layers", "--layers", "12"]
    assert load_budget(Path(arguments[arguments.index("--budget") + 1])).board == "u280"


@pytest.mark.parametrize(
    "plan, measured, error", [(102, 100, 0.02), (98, 100, -0.02), (5, None, None), (None, 5, None)]
)
def test_errors_are_fractions_of_the_measurement(
    bench: ModuleType, plan: float | None, measured: float | None, error: float | None
) -> None:
    assert bench.error(plan, measured) == error


def test_an_unknown_network_is_refused(bench: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        bench.options(["--models", "nonesuch"])
    assert "nonesuch" in capsys.readouterr().err
