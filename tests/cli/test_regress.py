# SPDX-License-Identifier: Apache-2.0
"""`hwgen regress`: what leaves expect.json by more than 2 % fails, by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from hwgen import cli, regress
from hwgen.errors import InfeasibleError
from hwgen.request import BuildResult, Request

MEASURED = {"accuracy": 0.98, "ii": 100, "latency": 205, "lut": 1000.0}


@pytest.fixture
def designs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with one design, whose build is replaced by figures."""
    folder = tmp_path / "designs" / "net"
    folder.mkdir(parents=True)
    (folder / "model.onnx").write_bytes(b"")
    (folder / "inputs.npz").write_bytes(b"")
    requests: list[Request] = []

    def build(request: Request, listen: object) -> BuildResult:
        requests.append(request)
        report = {
            "accuracy": MEASURED["accuracy"],
            "cycles": {"ii_rtl": MEASURED["ii"], "latency_rtl": MEASURED["latency"]},
            "resources": {"yosys": {"lut": MEASURED["lut"]}},
        }
        return BuildResult(True, request.folder, False, {}, {}, report)

    monkeypatch.setattr(regress.pipeline, "build", build)
    monkeypatch.setattr(regress, "REQUESTS", requests, raising=False)
    return folder.parent


def expect(designs: Path, **figures: float) -> None:
    data = {"frames": 7, "boards": {"zcu102": {**MEASURED, **figures}}}
    (designs / "net" / "expect.json").write_text(json.dumps(data))


def answer(designs: Path, capfd: pytest.CaptureFixture[str], *extra: str) -> tuple[int, dict[str, Any]]:
    code = cli.run(["regress", str(designs), "--json", *extra])
    return code, json.loads(capfd.readouterr().out)


def test_equal_figures_pass(designs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    expect(designs)
    code, found = answer(designs, capfd)
    assert code == 0 and found["ok"] and {r["verdict"] for r in found["figures"]} == {"within 2 %"}
    (request,) = regress.REQUESTS  # type: ignore[attr-defined]
    assert request.board == "zcu102" and request.frames == 7 and request.synth and request.verify == "rtl"
    assert request.inputs == designs / "net" / "inputs.npz" and request.budget is None


@pytest.mark.parametrize(("figure", "value"), [("accuracy", 0.95), ("ii", 103), ("latency", 200), ("lut", 1021.0)])
def test_a_figure_that_leaves_fails(
    designs: Path, capfd: pytest.CaptureFixture[str], figure: str, value: float
) -> None:
    expect(designs, **{figure: value})
    code, found = answer(designs, capfd)
    assert code == 5 and not found["ok"] and found["exit_code"] == 5
    (error,) = found["errors"]
    assert error["message"] == f"net on zcu102: {figure} must be within 2 % of {value}, not {MEASURED[figure]}."
    assert error["hint"] == "If that is wanted, run hwgen regress --update."


def test_two_percent_are_within(designs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    expect(designs, lut=1020.0, ii=102)
    assert answer(designs, capfd)[0] == 0


def test_update_writes_what_was_measured(designs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    expect(designs, ii=1)
    assert answer(designs, capfd, "--update")[0] == 0
    assert json.loads((designs / "net" / "expect.json").read_text())["boards"] == {"zcu102": MEASURED}
    assert answer(designs, capfd)[0] == 0


def test_a_refusal_is_a_finding(
    designs: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(request: Request, listen: object) -> BuildResult:
        raise InfeasibleError("It does not fit.")

    monkeypatch.setattr(regress.pipeline, "build", refuse)
    expect(designs)
    code, found = answer(designs, capfd)
    assert code == 5 and found["errors"][0]["message"] == "net on zcu102: It does not fit."


def test_no_designs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, found = answer(tmp_path, capfd)
    assert code == 2 and "there is no model.onnx in it" in found["errors"][0]["message"]


def test_no_expectation(designs: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, found = answer(designs, capfd)
    assert code == 2 and found["errors"][0]["message"] == "Design net must have a file expect.json."
