# SPDX-License-Identifier: Apache-2.0
"""Waveforms and `hwgen debug` on a hand-written design: what is wrong is told element by element, and can be seen."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hwgen import artifacts, cli
from hwgen.errors import UserError
from hwgen.finished import only_build
from hwgen.verify import rtl, waves

sys.path.insert(0, str(Path(__file__).parent))
import fst
import tiny

WRONG = tiny.TWICE.replace("high + high + 5'sd1", "high + high + 5'sd2")


def save(folder: Path, **changed: str) -> Path:
    """Write a folder that a build of the tiny design might have left."""
    tiny.write(folder, **changed)
    artifacts.save(folder / "plan", tiny.plan())
    artifacts.write_npz(folder / "golden" / "tensors.npz", tiny.golden())
    return folder


@pytest.fixture(scope="module")
def damaged(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save(tmp_path_factory.mktemp("damaged") / "out", twice=WRONG)


def debug(capfd: pytest.CaptureFixture[str], code: int, *arguments: object) -> dict[str, Any]:
    assert cli.run(["debug", *map(str, arguments), "--json"]) == code
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def test_every_wrong_element_is_told_with_where_it_travels(damaged: Path, capfd: pytest.CaptureFixture[str]) -> None:
    found = debug(capfd, 5, "twice", damaged, "--first", 3)
    (trace,) = found["processes"]
    (stream,) = trace["streams"]
    assert (trace["name"], trace["scenario"], trace["frames"], trace["ok"]) == ("twice", "free-flow", 3, False)
    assert (stream["channel"], stream["frames"], stream["beats"], stream["lanes"]) == ("y", 3, 12, 2)
    assert stream["wrong"] == 3 * 12, "the upper lane of every beat"
    y = tiny.golden()["y"]
    for beat, one in enumerate(stream["first"]):
        channel, pixel = 2 * (beat % 2) + 1, beat // 2
        expected = int(y[0, channel].reshape(-1)[pixel])
        wanted = {"frame": 0, "beat": beat, "lane": 1, "channel": channel, "index": [pixel // 3, pixel % 3]}
        assert one == wanted | {"cycle": 3 + beat, "expected": expected, "got": (expected + 1 + 16) % 32 - 16}
    assert found["errors"][0]["message"].startswith(
        "Layer twice differs from the golden at frame 0, channel 1, index (0"
    )


def test_the_waves_are_an_fst_with_the_signals_of_the_process(damaged: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (trace,) = debug(capfd, 5, "twice", damaged)["processes"]
    assert Path(trace["waves"]) == damaged / "run" / "waves" / "twice.fst"
    found = fst.read(Path(trace["waves"]))
    assert found.begin <= 1 and found.end > 2 * trace["cycles"], "two steps a cycle, and the reset"
    for name in (b"hwgen_bench\0", b"cycle [31:0]\0", b"dut\0", b"out0_tdata [9:0]\0", b"x1 [7:0]\0"):
        assert name in found.hierarchy


def test_an_equal_process_ends_with_0_after_every_scenario(damaged: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (trace,) = debug(capfd, 0, "total", damaged, "--frames", 2)["processes"]
    assert trace["ok"] and trace["problems"] == [] and (trace["frames"], trace["cycles"]) == (2, 26)
    assert trace["streams"][0]["wrong"] == 0 and trace["streams"][0]["frames"] == 2


def test_the_whole_shows_the_streams_inside(damaged: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["debug", "tiny", str(damaged), "--first", "1", "--out", str(tmp_path)]) == 5
    printed = capfd.readouterr()
    assert (
        "twice.out0, tensor y: 36 of 72 elements differ\nframe  beat  lane  cycle  channel  row  column" in printed.out
    )
    assert "tiny.m_axis_0, tensor z: 18 of 18 elements differ" in printed.out
    assert "Layer twice differs" in printed.err.splitlines()[0]
    assert b"core\0" in fst.read(tmp_path / "tiny.fst").hierarchy


def test_the_scenario_that_fails_is_the_one_that_is_kept(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lossy = tiny.TWICE.replace("go = !v2 || out0_tready", "go = 1'b1")
    out = save(tmp_path / "out", twice=lossy)
    (trace,) = debug(capfd, 5, "twice", out)["processes"]
    assert trace["scenario"] == "back-pressure"
    (calm,) = debug(capfd, 0, "twice", out, "--scenario", "free-flow")["processes"]
    assert calm["ok"]


def test_a_failure_is_traced_up_to_its_frame(damaged: Path, tmp_path: Path) -> None:
    golden = tiny.golden()
    golden["z"][1, 0, 0, 2] += 1
    plan, options = tiny.plan(), rtl.Options(sim="fast")
    out = tiny.write(tmp_path / "out")
    failure = rtl.check(plan, golden, out, options).mismatches[0]
    trace = waves.trace_failure(rtl.prepare(plan, golden, options), golden, out, failure)
    assert (trace.name, trace.frames, trace.streams[0].wrong) == ("total", 2, 1)
    assert (trace.streams[0].first[0].frame, trace.streams[0].first[0].index) == (1, (0, 2))
    assert trace.waves == out / "run" / "waves" / "total.fst" and trace.waves.is_file()
    assert not (out / "sim" / "hwgen_bench.sv").read_text().count(".LOGGED(1048576)"), "the kept bench is as it was"


def test_what_cannot_be_debugged_is_a_sentence(
    damaged: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def said(*arguments: object) -> str:
        assert cli.run(["debug", *map(str, arguments)]) == 2
        return capfd.readouterr().err

    assert "twize must be a layer or a process of tiny, but there is none. Did you mean twice" in said("twize", damaged)
    assert "must be that of a build with its plan" in said("twice", tmp_path)
    assert "There is no scenario idl. Did you mean idle?" in said("twice", damaged, "--scenario", "idl")
    out = save(tmp_path / "out")
    (out / "rtl" / "twice.sv").unlink()
    assert "twice must have RTL before it can be simulated" in said("twice", out)
    (out / "golden" / "tensors.npz").unlink()
    assert "must have golden tensors to compare with" in said("twice", out)
    monkeypatch.chdir(tmp_path)
    assert "The folder build must hold one build, not none." in said("twice")


def test_the_only_build_need_not_be_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    artifacts.save(tmp_path / "build" / "a" / "plan", tiny.plan())
    monkeypatch.chdir(tmp_path)
    assert only_build(Path("plan.json"), "one build") == Path("build/a")
    artifacts.save(tmp_path / "build" / "b" / "plan", replace(tiny.plan(), name="b"))
    with pytest.raises(UserError, match=r"must hold one build, not 2 of them: build/a, build/b\. Name one\."):
        only_build(Path("plan.json"), "one build")
    monkeypatch.chdir(tmp_path / "build" / "a")
    assert only_build(Path("plan.json"), "one build") == Path()
