# SPDX-License-Identifier: Apache-2.0
"""The command line's promises: one JSON object, one sentence a problem, the right exit code, never a traceback."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from threading import Event
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwgen import cli, console, pipeline

ROOT = Path(__file__).resolve().parents[2]
MLP = ROOT / "designs" / "digits-mlp" / "model.onnx"


def run(*arguments: object, cwd: Path = ROOT, **extra: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "PYTHONPATH": str(ROOT), **extra}
    command = [sys.executable, "-m", "hwgen.cli", *map(str, arguments)]
    return subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, timeout=300)


def fails(code: int, *arguments: object, cwd: Path = ROOT) -> str:
    """Run a command that must fail, as text and as JSON; return its sentences."""
    plain = run(*arguments, cwd=cwd)
    assert plain.returncode == code, plain.stderr
    assert plain.stdout == "" and "Traceback" not in plain.stderr
    machine = run(*arguments, "--json", cwd=cwd)
    assert machine.returncode == code
    answer = json.loads(machine.stdout)
    assert answer["ok"] is False and answer["exit_code"] == code
    for error in answer["errors"]:
        assert set(error) == {"message", "node", "hint"}
        assert error["message"].removesuffix(".") in plain.stderr and error["message"].endswith((".", "?"))
    return plain.stderr


def test_schedule_of_a_process(tmp_path: Path) -> None:
    source = tmp_path / "twice.cpp"
    source.write_text(
        "#include <ap_int.h>\n#include <hls_stream.h>\n"
        "void twice(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {\n"
        "  for (int i = 0; i < 4; ++i) {\n#pragma HLS PIPELINE II=2\n    out0.write(in0.read() * 2);\n  }\n}\n"
    )
    answer = run("schedule", source, "twice", "--board", "zcu102")
    assert answer.returncode == 0 and "Schedule of twice: xcup" in answer.stdout and "II 2 " in answer.stdout
    report = json.loads(run("schedule", source, "twice", "--board", "zcu102", "--json").stdout)
    assert (report["ok"], report["ii"], report["trip_count"]) == (True, 2, 4)
    assert "twice.cpp:1:1: Function thrice must be defined" in fails(
        3, "schedule", source, "thrice", "--board", "zcu102"
    )
    for given, said in ((("--clock-mhz", "0"), "clock_mhz must be a positive number"), (("-I", "nowhere"), "nowhere")):
        assert said in fails(2, "schedule", source, "twice", "--board", "zcu102", *given)


def test_boards_are_listed() -> None:
    answer = run("boards")
    assert answer.returncode == 0
    for name in ("zcu102", "pynq-z2", "ulx3s"):
        assert name in answer.stdout
    boards = json.loads(run("boards", "--json").stdout)["boards"]
    zcu102 = next(b for b in boards if b["name"] == "zcu102")
    assert zcu102["resources"]["lut"] == 274080 and zcu102["family"] == "xcup"
    assert zcu102["bandwidth_gbps"] == 17.07 + 4.8
    assert "vck190: planned and compiled with the units and delays of UltraScale+" in answer.stdout


def test_the_doctor_finds_the_tools() -> None:
    answer = json.loads(run("doctor", "--json").stdout)
    assert answer["ok"] is True
    tools = {t["name"]: t for t in answer["tools"]}
    assert tools["onnxruntime"]["found"] and tools["onnxruntime"]["version"]
    assert "amd.com" in tools["vivado"]["remedy"]
    assert "onnxruntime" in run("doctor").stdout


def test_the_doctor_says_what_is_missing(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from hwgen import doctor

    real = doctor.importlib.util.find_spec
    monkeypatch.setattr(doctor.importlib.util, "find_spec", lambda n: None if n == "llvmlite" else real(n))
    assert cli.run(["doctor"]) == 2
    out = capsys.readouterr().out
    assert "llvmlite" in out and "MISSING" in out and "pip install llvmlite" in out


def test_version_and_help() -> None:
    assert run("--version").stdout.startswith("hwgen 0.")
    for command in ("build", "check", "boards", "doctor", "regress"):
        assert "--json" in run(command, "--help").stdout


def test_an_unknown_option_is_named() -> None:
    assert "--borad" in fails(2, "build", MLP, "--borad", "zcu102")


def test_an_unknown_command_is_named() -> None:
    answer = run("bild")
    assert answer.returncode == 2 and "bild" in answer.stderr and "Traceback" not in answer.stderr


def test_a_missing_argument_is_named() -> None:
    assert "MODEL" in fails(2, "build")


def test_a_number_must_be_a_number() -> None:
    assert "--frames" in fails(2, "build", MLP, "--frames", "many")


def test_an_unknown_board_names_the_nearest(tmp_path: Path) -> None:
    text = fails(2, "build", MLP, "--board", "zcu103", "--out", tmp_path / "out")
    assert "Board 'zcu103' is not known. Did you mean zcu104, zcu102, vck190?" in text
    assert list(tmp_path.iterdir()) == []


def test_no_board_at_all(tmp_path: Path) -> None:
    text = fails(2, "build", MLP, "--out", tmp_path / "out")
    assert "must name a board. Give --board, or board: in the file." in text
    assert list(tmp_path.iterdir()) == []


def test_a_missing_model_is_one_sentence(tmp_path: Path) -> None:
    text = fails(2, "build", tmp_path / "net.onnx", "--board", "zcu102", "--out", tmp_path / "out")
    assert f"Model file {tmp_path}/net.onnx does not exist." in text
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("content", [b"", b"not a model", MLP.read_bytes()[:5000]], ids=["empty", "text", "truncated"])
@pytest.mark.parametrize("command", ["build", "check"])
def test_a_file_that_is_no_model(tmp_path: Path, content: bytes, command: str) -> None:
    path = tmp_path / "net.onnx"
    path.write_bytes(content)
    extra = ["--out", tmp_path / "out"] if command == "build" else []
    text = fails(2, command, path, "--board", "zcu102", *extra)
    assert str(path) in text
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_an_unknown_budget_key_names_the_nearest(tmp_path: Path) -> None:
    budget = tmp_path / "b.yaml"
    budget.write_text("board: zcu102\nclock_mzh: 100\n")
    text = fails(2, "build", MLP, "--budget", budget, "--out", tmp_path / "out")
    assert "has an unknown key 'clock_mzh'. Did you mean clock_mhz?" in text
    assert [p.name for p in tmp_path.iterdir()] == ["b.yaml"]


def test_the_command_line_sets_keys_of_the_budget() -> None:
    answer = json.loads(run("check", MLP, "--set", "board=ulx3s", "--set", "limits.lut=30%", "--json").stdout)
    assert answer["ok"] and answer["board"] == "ulx3s" and answer["resources"]["plan"]["lut"] <= 0.3 * 83640
    text = fails(2, "check", MLP, "--board", "ulx3s", "--set", "limits.luts=30%")
    assert "unknown key 'limits.luts'. Did you mean lut?" in text


def test_an_output_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    text = fails(2, "build", MLP, "--board", "zcu102", "--out", tmp_path / "file" / "out")
    assert "must be writable, but it is not" in text and "Choose another with --out." in text


def test_an_output_folder_with_other_things_in_it(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    text = fails(2, "build", MLP, "--board", "zcu102", "--out", tmp_path)
    assert "must be empty or made by hwgen" in text
    assert (tmp_path / "thesis.tex").read_text() == "precious"


def test_from_needs_what_comes_before(tmp_path: Path) -> None:
    text = fails(2, "build", MLP, "--board", "zcu102", "--from", "hlsc", "--out", tmp_path / "out")
    assert "--from hlsc must follow finished stages" in text and "Try --from import" in text


def test_an_inputs_file_that_is_missing(tmp_path: Path) -> None:
    out = tmp_path / "out"
    text = fails(
        2, "build", MLP, "--board", "zcu102", "--out", out, "--inputs", tmp_path / "x.npz", "--verify", "golden"
    )
    assert "x.npz does not exist" in text
    assert list(tmp_path.iterdir()) == []


def broken(*_: object, **__: object) -> Any:
    raise ZeroDivisionError("division by zero")


def test_a_bug_is_a_sentence_and_a_log(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setenv("HWGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(pipeline, "build", broken)
    assert cli.run(["build", str(MLP), "--board", "zcu102"]) == 70
    text = capsys.readouterr().err
    (log,) = (tmp_path / "logs").iterdir()
    assert "hwgen failed in a way that is not your fault (ZeroDivisionError: division by zero)." in text
    assert str(log) in text and "Traceback" not in text
    assert "Traceback" in log.read_text()


def test_a_bug_is_json_too(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    monkeypatch.setenv("HWGEN_CACHE", str(tmp_path))
    monkeypatch.setattr(pipeline, "build", broken)
    assert cli.run(["build", str(MLP), "--board", "zcu102", "--json"]) == 70
    answer = json.loads(capfd.readouterr().out)
    assert answer["exit_code"] == 70 and "ZeroDivisionError" in answer["errors"][0]["message"]


def test_an_interrupt_is_a_sentence(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(*_: object, **__: object) -> Any:
        raise KeyboardInterrupt

    monkeypatch.setattr(pipeline, "build", interrupt)
    assert cli.run(["build", str(MLP), "--board", "zcu102"]) == 130
    assert "Interrupted; the output folder is as it was before." in capsys.readouterr().err


def test_an_interrupt_that_a_library_makes_an_error_of_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def imported(*_: object, **__: object) -> Any:
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise ImportError("initialization failed") from None

    monkeypatch.setattr(pipeline, "build", imported)
    monkeypatch.setattr(cli, "INTERRUPTED", Event())
    before = signal.signal(signal.SIGTERM, cli.interrupt)
    try:
        assert cli.run(["build", str(MLP), "--board", "zcu102"]) == 130
    finally:
        signal.signal(signal.SIGTERM, before)
    text = capsys.readouterr().err
    assert "Interrupted; the output folder is as it was before." in text and "ImportError" not in text


def test_with_json_stray_prints_go_to_stderr(capfd: pytest.CaptureFixture[str]) -> None:
    with console.clean_stdout(True):
        print("a library says hello")
        os.write(1, b"a child says hello\n")
        console.print_json({"ok": True})
    captured = capfd.readouterr()
    assert json.loads(captured.out) == {"ok": True}
    assert "hello" in captured.err


def test_tables_are_never_cut() -> None:
    text = console.table(("name", "n"), [("x" * 200, "1"), ("y", "10")], right=("n",))
    assert text.splitlines() == ["name" + " " * 196 + "   n", "x" * 200 + "   1", "y" + " " * 199 + "  10"]


def small_model(path: Path, shape: list[Any], weight: float = 1.0, op: str = "MatMul") -> Path:
    """Write a float model of one operator."""
    values = np.full((4, 3), weight, np.float32)
    graph = helper.make_graph(
        [helper.make_node(op, ["x", "w"] if op == "MatMul" else ["x"], ["y"], f"the_{op.lower()}")],
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(values, "w")],
    )
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 13)], ir_version=9), path)
    return path


@pytest.mark.parametrize(
    ("shape", "weight", "op", "code", "sentence"),
    [
        ([1, 4], 1.0, "MatMul", 3, "must be quantised, not real numbers (node the_matmul)."),
        ([1, 4], 1.0, "Hardmax", 3, "Operator Hardmax is not supported (node the_hardmax)."),
        ([1, "length"], 1.0, "MatMul", 2, "length"),
        ([1, 4], float("nan"), "MatMul", 2, "NaN"),
    ],
    ids=["float", "operator", "dynamic shape", "NaN"],
)
@pytest.mark.parametrize("command", ["build", "check"])
def test_bad_models(
    tmp_path: Path, command: str, shape: list[Any], weight: float, op: str, code: int, sentence: str
) -> None:
    path = small_model(tmp_path / "net.onnx", shape, weight, op)
    extra = ["--out", tmp_path / "out"] if command == "build" else []
    assert sentence in fails(code, command, path, "--board", "zcu102", *extra)
    assert [p.name for p in tmp_path.iterdir()] == ["net.onnx"]


def test_check_says_what_a_model_becomes() -> None:
    answer = json.loads(run("check", MLP, "--board", "ulx3s", "--json").stdout)
    assert answer["ok"] is True and answer["operators"] == {"matvec": 3, "thresholds": 2}
    assert answer["board"] == "ulx3s" and answer["cycles"]["ii_plan"] > 0 and answer["inexact"] == []


def test_check_without_a_board_plans_nothing() -> None:
    answer = run("check", MLP)
    assert answer.returncode == 0 and "integer operators" in answer.stdout and "Fits" not in answer.stdout
