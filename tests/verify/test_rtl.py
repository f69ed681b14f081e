# SPDX-License-Identifier: Apache-2.0
"""RTL verification finds what is wrong, and names it; the design is hand-written, so nothing else is under test."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from hwgen.errors import InternalError, MismatchError, UserError
from hwgen.verify.compare import Place
from hwgen.verify.rtl import Options, RtlResult, check

sys.path.insert(0, str(Path(__file__).parent))
import tiny

FAST = Options(sim="fast")


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tiny.write(tmp_path_factory.mktemp("tiny"))


def run(folder: Path, options: Options = FAST, **changed: str) -> RtlResult:
    return check(tiny.plan(), tiny.golden(), tiny.write(folder / "out", **changed), options)


@pytest.mark.parametrize("sim", ["fast", "cocotb"])
def test_a_right_design_passes_and_is_measured(built: Path, sim: str) -> None:
    found = check(tiny.plan(), tiny.golden(), built, Options(sim=sim))  # type: ignore[arg-type]
    assert found.require() is found
    assert (found.ii, found.latency, found.layers) == (12, 14, {"twice": 12, "total": 12})
    assert found.tensors == 2
    assert (found.frames, found.runs) == (4, 3 * 5 + 1)
    assert json.dumps(found.to_json())


def test_both_simulations_run_the_same_cycles(built: Path) -> None:
    fast = check(tiny.plan(), tiny.golden(), built, FAST)
    cocotb = check(tiny.plan(), tiny.golden(), built, Options(sim="cocotb"))
    assert cocotb.cached
    assert fast.to_json() == cocotb.to_json()


@pytest.mark.parametrize("sim", ["fast", "cocotb"])
def test_a_wrong_value_is_named_by_layer_channel_and_pixel(built: Path, sim: str) -> None:
    golden = tiny.golden()
    golden["y"][1, 3, 0, 2] += 1
    found = check(tiny.plan(), golden, built, Options(sim=sim))  # type: ignore[arg-type]
    first = found.mismatches[0]
    assert (first.layer, first.stream, first.place) == ("twice", "y", Place(1, 3, (0, 2)))
    assert (first.expected, first.got) == (golden["y"][1, 3, 0, 2], golden["y"][1, 3, 0, 2] - 1)
    assert first.message == (
        f"Layer twice differs from the golden at frame 1, channel 3, index (0, 2): expected {first.expected}, "
        f"got {first.got} (rtl, twice alone, free-flow)."
    )
    with pytest.raises(MismatchError, match="Layer twice differs"):
        found.require()


def test_without_layers_the_monitors_in_the_top_name_the_layer(built: Path) -> None:
    golden = tiny.golden()
    golden["y"][0, 1, 1, 1] += 1
    found = check(tiny.plan(), golden, built, Options(sim="fast", layers=False))
    assert [(m.layer, m.place, m.scenario) for m in found.mismatches] == [
        ("twice", Place(0, 1, (1, 1)), "top, free-flow")
    ]


def test_a_corrupted_kernel_is_found_and_the_layers_behind_it_are_not_blamed(tmp_path: Path) -> None:
    found = run(tmp_path, twice=tiny.TWICE.replace("+ 5'sd1", "- 5'sd1"))
    alone = [m for m in found.mismatches if "alone" in m.scenario]
    assert [m.layer for m in alone] == ["twice"]
    assert alone[0].place == Place(0, 0, (0, 0))
    assert [m.layer for m in found.mismatches] == ["twice", "twice", "total"]


def test_a_register_that_reset_forgets_fails_in_the_reset_scenario_alone(tmp_path: Path) -> None:
    forgets = tiny.TOTAL.replace("      fold <= 0;\n", "").replace("logic fold;", "logic fold = 0;")
    found = run(tmp_path, total=forgets)
    assert {m.layer for m in found.mismatches} == {"total"}
    assert {m.scenario.split(", ")[1] for m in found.mismatches} == {"reset"}


def test_data_lost_under_back_pressure_is_found_there(tmp_path: Path) -> None:
    careless = tiny.TOTAL.replace("assign in0_tready = !v || out0_tready;", "assign in0_tready = 1'b1;")
    found = run(tmp_path, total=careless)
    first = found.mismatches[0]
    assert (first.layer, first.scenario) == ("total", "total alone, back-pressure")


def test_a_stall_names_the_layer_and_how_far_it_came(tmp_path: Path) -> None:
    stuck = tiny.TOTAL.replace("v <= in0_tvalid && fold;", "v <= 1'b0;")
    found = run(tmp_path, Options(sim="fast", scenarios=("free-flow",)), total=stuck)
    assert found.mismatches[0].message.startswith("Layer total stalls: 0 of 3 frames came out of out0 in ")
    assert found.ii is None
    assert found.latency is None


def test_beats_beyond_the_last_frame_are_found(tmp_path: Path) -> None:
    chatty = tiny.TOTAL.replace("logic fold;", "logic fold;\n  int taken = 0;")
    chatty = chatty.replace("if (in0_tvalid) fold <= !fold;", "if (in0_tvalid) {fold, taken} <= {!fold, taken + 1};")
    chatty = chatty.replace("v <= in0_tvalid && fold;", "v <= in0_tvalid ? fold : taken == 36;")
    found = run(tmp_path, Options(sim="fast", scenarios=("free-flow",)), total=chatty)
    assert any(m.message.startswith("Layer total sends beats on out0 after its last frame") for m in found.mismatches)


def test_a_wrong_tlast_is_found(tmp_path: Path) -> None:
    found = run(tmp_path, tiny=tiny.SHELL.replace(".BEATS(6)", ".BEATS(5)"))
    assert found.mismatches[0].message == (
        "Port m_axis_0 has a wrong TLAST of 1 at frame 0, beat 4 (rtl, top, free-flow)."
    )


def test_a_sticky_error_of_the_top_is_found(tmp_path: Path) -> None:
    found = run(tmp_path, tiny=tiny.SHELL.replace(".BEATS(12)", ".BEATS(11)"))
    assert found.mismatches[0].message.startswith("The top tiny raises error")


def test_rtl_that_reads_before_it_writes_is_found(tmp_path: Path) -> None:
    hopes = tiny.TOTAL.replace("      fold <= 0;\n", "")
    assert not run(tmp_path, total=hopes).ok


def test_one_recorded_frame_is_played_twice(built: Path) -> None:
    found = check(tiny.plan(), tiny.golden(1), built, FAST)
    assert (found.ok, found.ii, found.frames) == (True, 12, 1)


def test_seeds_change_the_flow_but_not_the_verdict(built: Path) -> None:
    flows = [check(tiny.plan(), tiny.golden(), built, Options(sim="fast", seed=seed)) for seed in range(3)]
    assert all(found.ok for found in flows)
    assert len({found.cycles for found in flows}) > 1


def test_rtl_that_verilator_refuses_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(InternalError, match=r"Verilator failed: .*twice\.sv"):
        run(tmp_path, twice=tiny.TWICE.replace("logic go;", "logic go"))


def test_what_is_missing_is_a_sentence(built: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="There must be RTL in"):
        check(tiny.plan(), tiny.golden(), tmp_path)
    with pytest.raises(UserError, match="must hold y, which channel y carries"):
        check(tiny.plan(), {k: v for k, v in tiny.golden().items() if k != "y"}, built)
    with pytest.raises(UserError, match=r"There is no scenario rest\. Did you mean reset"):
        check(tiny.plan(), tiny.golden(), built, Options(scenarios=("rest",)))


def test_the_sim_folder_repeats_byte_for_byte(built: Path) -> None:
    def content() -> dict[str, bytes]:
        return {str(p): p.read_bytes() for p in sorted((built / "sim").rglob("*")) if p.is_file()}

    check(tiny.plan(), tiny.golden(), built, FAST)
    before = content()
    check(tiny.plan(), tiny.golden(), built, FAST)
    assert content() == before


def test_the_sim_folder_runs_by_itself(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "out")
    check(tiny.plan(), tiny.golden(), folder, FAST)
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    command = ["make", f"PYTHON={sys.executable}", "OPT=-O0"]
    done = subprocess.run(command, cwd=folder / "sim", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("ok    ") == 16
    vectors = folder / "sim" / "vectors" / "z.bin"
    vectors.write_bytes(bytes(len(vectors.read_bytes())))
    done = subprocess.run(command, cwd=folder / "sim", env=environment, capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "FAIL  total_alone:free-flow" in done.stdout


def test_a_process_alone_is_simulated_without_the_others_and_without_the_top(tmp_path: Path) -> None:
    folder = tiny.write(tmp_path / "out", twice="not Verilog", tiny="not Verilog", tiny_core="not Verilog")
    found = check(tiny.plan(), tiny.golden(), folder, Options(sim="fast", alone=("total",)))
    assert (found.ok, found.tensors, found.runs, found.frames) == (True, 1, 5, 0)
    assert (found.ii, found.latency, found.layers) == (None, None, {"total": 12})
    assert "OTHERS   := tiny tiny_core twice\n" in (folder / "sim" / "Makefile").read_text()
    assert not (folder / "sim" / "vectors" / "s_axis_0.bin").exists()


@pytest.mark.parametrize("sim", ["fast", "cocotb"])
def test_damage_is_found_alone_and_only_where_one_looks(tmp_path: Path, sim: str) -> None:
    folder = tiny.write(tmp_path / "out", twice=tiny.TWICE.replace("+ 5'sd1", "- 5'sd1"))
    both, other = (
        check(tiny.plan(), tiny.golden(), folder, Options(sim=sim, alone=names))  # type: ignore[arg-type]
        for names in (("twice", "total"), ("total",))
    )
    assert [(m.layer, m.scenario) for m in both.mismatches] == [("twice", "twice alone, free-flow")]
    assert other.ok


def test_back_pressure_is_put_on_a_process_alone_too(tmp_path: Path) -> None:
    careless = tiny.TOTAL.replace("assign in0_tready = !v || out0_tready;", "assign in0_tready = 1'b1;")
    found = run(tmp_path, Options(sim="fast", alone=("total",)), total=careless)
    assert found.mismatches[0].scenario == "total alone, back-pressure"


def test_the_timeline_says_when_each_process_of_the_top_was_busy(built: Path) -> None:
    assert check(tiny.plan(), tiny.golden(), built, FAST).timeline == {
        "twice": [[0, 11, 2, 13], [12, 23, 14, 25], [24, 35, 26, 37]],
        "total": [[2, 13, 4, 14], [14, 25, 16, 26], [26, 37, 28, 38]],
    }
