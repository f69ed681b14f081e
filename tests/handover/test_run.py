# SPDX-License-Identifier: Apache-2.0
"""`hwgen run`: frames through a simulated board, and a sentence for whatever does not fit."""

from __future__ import annotations

import dataclasses
import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from hwgen import artifacts, cli
from hwgen.errors import ExitCode
from hwgen.handover import Design
from hwgen.passes import golden
from hwgen.verify.uart import SimulatedBoard

INPUTS = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp" / "inputs.npz"
FRAMES = 12


@pytest.fixture(scope="module")
def simulated(design: Design) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(design.folder, design.plan.name) as board:
        yield board


def run(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, dict[str, Any]]:
    code = cli.run(["run", *map(str, words), "--json"])
    return code, json.loads(capfd.readouterr().out)


def refusal(capfd: pytest.CaptureFixture[str], *words: object) -> tuple[int, str]:
    code, said = run(capfd, *words)
    assert said["exit_code"] == code and len(said["errors"]) == 1
    return code, said["errors"][0]["message"]


def test_digits_over_the_line(design: Design, simulated: SimulatedBoard, capfd: pytest.CaptureFixture[str]) -> None:
    words = ("--port", simulated.port, "--inputs", INPUTS, "--frames", FRAMES, "--timeout", 30, "--baud", 115_200)
    code, found = run(capfd, design.folder, *words, "--golden")
    assert code == ExitCode.OK
    assert found["frames"] == FRAMES and found["elements"] == FRAMES * 10
    assert found["accuracy"] > 0.9 and found["differences"] == 0 and found["recoveries"] == 0
    assert found["sent"] == FRAMES * (64 + 8) and found["received"] == FRAMES * (20 + 8)


def test_answers_that_are_not_golden(
    design: Design, simulated: SimulatedBoard, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    right = golden.run

    def wrong(*arguments: Any) -> dict[str, Any]:
        return {name: values ^ (values == values.max()) for name, values in right(*arguments).items()}

    monkeypatch.setattr(golden, "run", wrong)
    words = ("--port", simulated.port, "--inputs", INPUTS, "--frames", 3, "--timeout", 30, "--golden")
    code, text = refusal(capfd, design.folder, *words)
    assert code == ExitCode.MISMATCH and text == "1 of 30 integers from the board are not the golden model's."


def test_another_design(
    design: Design, simulated: SimulatedBoard, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    facts = json.loads((design.folder / "driver" / "uart.json").read_text())
    (tmp_path / "driver").mkdir()
    (tmp_path / "driver" / "uart.json").write_text(json.dumps(facts | {"build_id": "ff" * 8}))
    words = (tmp_path, "--port", simulated.port, "--inputs", INPUTS, "--timeout", 30, "--baud", 115_200)
    code, text = refusal(capfd, *words)
    assert code == ExitCode.USER
    assert f"must hold digits_mlp ({'ff' * 8}), not {facts['build_id']}" in text


def test_what_does_not_fit(
    design: Design, simulated: SimulatedBoard, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    wrong, no_labels, no_npz = tmp_path / "wrong.npz", tmp_path / "labels.npz", tmp_path / "text.npz"
    np.savez(wrong, pixels=np.zeros((3, 64), np.float32))
    np.savez(no_labels, pixels=np.zeros((3, 1, 8, 8), np.float32), labels=np.zeros(2, np.int64))
    no_npz.write_text("text")
    np.savez(none := tmp_path / "none.npz", pixels=np.zeros((0, 1, 8, 8), np.float32))
    at = ("--port", simulated.port, "--baud", 115_200, "--timeout", 30)
    for words, message in (
        ((design.folder, "--port", "/dev/no-port", "--inputs", INPUTS), "Port /dev/no-port cannot be opened: there is"),
        ((design.folder, *at, "--inputs", wrong), "Array pixels must have the shape (frames, 1, 8, 8), not (3, 64)."),
        ((design.folder, *at, "--inputs", no_labels), "Array labels must hold one integer for each frame, not int64"),
        ((design.folder, *at, "--inputs", no_npz), "must be an npz of number arrays"),
        ((design.folder, *at, "--inputs", tmp_path / "no.npz"), "does not exist"),
        ((design.folder, *at, "--inputs", none), "There must be at least one frame."),
        ((tmp_path, *at, "--inputs", INPUTS), "holds no finished build"),
    ):
        code, text = refusal(capfd, *words)
        assert code == ExitCode.USER and message in text


def test_a_design_without_a_shell(design: Design, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    source, sink = design.plan.ports
    plan = dataclasses.replace(design.plan, ports=(source, dataclasses.replace(source, name="s_axis_1"), sink))
    artifacts.save(tmp_path / "plan", plan)
    code, text = refusal(capfd, tmp_path, "--port", "/dev/no-port", "--inputs", INPUTS)
    assert code == ExitCode.UNSUPPORTED and "serves designs with one input and one output" in text


def test_the_build_folder_is_found(
    design: Design, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ("--port", "/dev/no-port", "--inputs", INPUTS)
    assert "must hold one design with a UART shell, not none" in refusal(capfd, *words)[1]
    for name in ("a", "b"):
        shutil.copytree(design.folder / "driver", tmp_path / "build" / name / "driver")
        wanted = "2 of them: build/a, build/b" if name == "b" else "Port /dev/no-port cannot be opened"
        assert wanted in refusal(capfd, *words)[1]
