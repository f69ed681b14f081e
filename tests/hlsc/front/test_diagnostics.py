# SPDX-License-Identifier: Apache-2.0
"""What the compiler says of a kernel: places with columns, recurrences value by value, the schedule; no left-overs."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest

from hwgen.hlsc import HlsError, Module, Target, compile_process
from hwgen.hlsc.back.schedule_text import schedule_text
from hwgen.stages import write_schedules

from .support import HEAD, INCLUDE
from .test_refusals import CASES

LEAKY = """void leaky(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<32>>& out0) {
  ap_uint<32> acc = 1;
  for (int i = 0; i < 9; ++i) {
#pragma HLS PIPELINE %s
    ap_uint<32> old = acc;
    acc = acc * 3 + in0.read() - (old >> 7);
    out0.write(old);
  }
}
"""


def compiled(folder: Path, text: str, name: str, mhz: float = 700.0, strict: bool = False) -> Module:
    source = folder / "kernel.cpp"
    source.write_text(HEAD + text)
    return compile_process(source, name, [INCLUDE], Target("xcup", mhz), strict)


@pytest.mark.parametrize("name", CASES)
def test_every_refusal_has_a_place_in_the_kernel_and_leaves_nothing(
    name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(scratch))
    with pytest.raises(HlsError) as caught:
        compiled(tmp_path, CASES[name][0], "f")
    refused = caught.value
    assert (Path(refused.file).name, refused.line > 0, refused.column > 0) == ("kernel.cpp", True, True), refused
    assert str(refused).startswith(f"{refused.file}:{refused.line}:{refused.column}: {refused.rule}")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["kernel.cpp", "scratch"] and not [*scratch.iterdir()]


def test_an_error_within_the_headers_is_placed_in_the_kernel(tmp_path: Path) -> None:
    text = LEAKY.replace("old >> 7", "old.range(99, in0)")
    with pytest.raises(HlsError) as caught:
        compiled(tmp_path, text % "II=1", "leaky")
    assert (Path(caught.value.file).name, caught.value.line) == ("kernel.cpp", 8)


def test_a_slow_recurrence_is_told_value_by_value(tmp_path: Path) -> None:
    report = compiled(tmp_path, LEAKY % "II=1", "leaky").report
    (warning,) = report["warnings"]
    (loop,) = [r for r in report["recurrences"] if not r["fits"]]
    beginning, _, path = warning.partition(" The path: ")
    assert beginning.startswith("The recurrence through acc is slower than the clock at II=1: its path takes ")
    assert beginning.endswith(f" ns and a stage has {report['period_ns']:.2f} ns at 700 MHz.")
    steps, _, fix = path.partition(", and back. To fix it, ")
    told = [step.split() for step in steps.split(", then ")]
    assert [words[0] for words in told] == [step["operator"] for step in loop["path"]]
    assert all(f"({step['loc']})" in words for words, step in zip(told, loop["path"], strict=True))
    assert "(kernel.cpp:8:32)" in steps
    assert fix.startswith(f"write #pragma HLS PIPELINE II={loop['ii_needed']}, ask for at most ")


def test_the_ii_and_the_clock_that_are_named_do(tmp_path: Path) -> None:
    slow = compiled(tmp_path, LEAKY % "II=1", "leaky")
    (loop,) = [r for r in slow.report["recurrences"] if not r["fits"]]
    assert not compiled(tmp_path, LEAKY % f"II={loop['ii_needed']}", "leaky").report["warnings"]
    assert compiled(tmp_path, LEAKY % f"II={loop['ii_needed'] - 1}", "leaky").report["warnings"]
    mhz = int(slow.report["warnings"][0].split("ask for at most ")[1].split()[0])
    assert not compiled(tmp_path, LEAKY % "II=1", "leaky", mhz).report["warnings"]
    assert compiled(tmp_path, LEAKY % "II=1", "leaky", mhz + 2).report["warnings"]


def test_strict_refuses_at_the_slowest_value(tmp_path: Path) -> None:
    with pytest.raises(HlsError, match="recurrence through acc") as caught:
        compiled(tmp_path, LEAKY % "II=1", "leaky", strict=True)
    assert (caught.value.file, caught.value.line, caught.value.column) == ("kernel.cpp", 8, 15)
    needed = compiled(tmp_path, LEAKY % "", "leaky", strict=True).ii
    assert needed > 1 and caught.value.fix.startswith(f"Write #pragma HLS PIPELINE II={needed}, ")


def test_schedule_names_what_sits_in_each_stage(tmp_path: Path) -> None:
    module = compiled(tmp_path, LEAKY % "II=3", "leaky")
    text = schedule_text(json.loads(json.dumps(module.report)))
    assert "II 3 (clocks from one iteration to the next)" in text
    assert text.count("\nStage ") == module.report["stages"]
    assert "state acc: 32 bits, 1 after reset" in text and "kernel.cpp:8:" in text
    items = [item for stage in module.report["schedule"] for item in stage["items"]]
    assert sum(item["operator"] == "read" for item in items) == 1
    assert all(item["loc"].startswith("kernel.cpp:") for item in items)
    assert all(stage["levels"] <= 4 for stage in module.report["schedule"])


def test_schedules_are_files_of_a_build(tmp_path: Path) -> None:
    module = compiled(tmp_path, LEAKY % "II=3", "leaky")
    folder = tmp_path / "report" / "schedule"
    folder.mkdir(parents=True)
    (folder / "gone.txt").write_text("of an earlier build")
    write_schedules([module], folder)
    assert sorted(p.name for p in folder.iterdir()) == ["leaky.json", "leaky.txt"]
    assert json.loads((folder / "leaky.json").read_text())["ii"] == 3
    assert (folder / "leaky.txt").read_text() == schedule_text(module.report)
