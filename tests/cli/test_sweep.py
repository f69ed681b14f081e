# SPDX-License-Identifier: Apache-2.0
"""`hwgen sweep`: every combination once, what is there is not planned again, the front is the front."""

from __future__ import annotations

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from hwgen import artifacts, cli, cluster, manifest
from hwgen.errors import UserError
from hwgen.report.pareto import mark_front
from hwgen.request import Request
from hwgen.sweep import Axes, parse_axes, sweep

ROOT = Path(__file__).resolve().parents[2]
MLP = ROOT / "designs" / "digits-mlp" / "model.onnx"
Capture = pytest.CaptureFixture[str]


@pytest.fixture(scope="module")
def scheduler() -> Iterator[str]:
    """Start a cluster of one worker inside this process."""
    with LocalCluster(
        n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1", dashboard_address=":0"
    ) as found:
        yield found.scheduler_address


def silent(line: str) -> None:
    return None


def run(capfd: Capture, out: Path, scheduler: str, *arguments: object, code: int = 0) -> dict[str, Any]:
    command = ["sweep", MLP, "--out", out, "--scheduler", scheduler, "--json", *arguments]
    assert cli.run([str(part) for part in command]) == code
    found: dict[str, Any] = json.loads(capfd.readouterr().out)
    return found


def test_every_combination_is_planned_once(capfd: Capture, tmp_path: Path, scheduler: str) -> None:
    axes = ["--boards", "zcu102,ulx3s", "--clock", "50,100", "--limits", "lut=5%,30%"]
    found = run(capfd, tmp_path / "out", scheduler, *axes)
    points = found["points"]
    assert [(p["board"], p["clock_mhz"], p["limits_asked"]) for p in points] == [
        (board, clock, {"lut": lut}) for board in ("zcu102", "ulx3s") for clock in (50, 100) for lut in ("5%", "30%")
    ]
    assert (found["planned"], found["reused"]) == (8, 0)
    good = [p for p in points if p["ok"]]
    assert good and all(p["resources"]["plan"]["lut"] <= p["limits"]["lut"] for p in good)
    assert all(p["fps"] == p["clock_mhz"] * 1e6 / p["cycles"]["ii_plan"] and p["binding"] for p in good)
    bad = [p for p in points if not p["ok"]]
    assert all("LUT" in p["error"] and not p["pareto"] for p in bad)


def test_a_rerun_plans_what_is_missing(capfd: Capture, tmp_path: Path, scheduler: str) -> None:
    out = tmp_path / "out"
    first = run(capfd, out, scheduler, "--board", "zcu102", "--limits", "lut=10%,20%")
    one, _ = sorted((out / "points").iterdir())
    one.unlink()
    kept = {path: path.stat().st_mtime_ns for path in (out / "points").iterdir()}
    again = run(capfd, out, scheduler, "--board", "zcu102", "--limits", "lut=10%,20%")
    assert (first["planned"], again["planned"], again["reused"]) == (2, 1, 1)
    assert again["points"] == first["points"]
    assert all(path.stat().st_mtime_ns == then for path, then in kept.items())
    one.write_text("{half")
    assert run(capfd, out, scheduler, "--board", "zcu102", "--limits", "lut=10%,20%")["planned"] == 1


def test_with_all_there_no_cluster_is_asked(tmp_path: Path, scheduler: str) -> None:
    request, axes = Request(MLP), Axes(boards=["zcu102"])
    sweep(request, axes, tmp_path / "out", scheduler, silent)
    assert sweep(request, axes, tmp_path / "out", "tcp://127.0.0.1:1", silent)["planned"] == 0


def test_what_a_point_depends_on_is_in_its_key(tmp_path: Path, scheduler: str) -> None:
    out = tmp_path / "out"
    for axes in (Axes(["zcu102"]), Axes(["zcu102"], [50]), Axes(["zcu104"]), Axes(["zcu102"], limits={"dsp": [3]})):
        assert sweep(Request(MLP), axes, out, scheduler, silent)["planned"] == 1
    assert sweep(Request(MLP, changes={"target": "min_latency"}), Axes(["zcu102"]), out, scheduler, silent)["planned"]


def test_files_for_people_and_spreadsheets(tmp_path: Path, scheduler: str) -> None:
    hashes = []
    for name in ("a", "b"):
        out = tmp_path / name
        found = sweep(Request(MLP, "zcu102"), Axes(limits={"lut": ["0.1%", "20%"]}), out, scheduler, silent)
        written = json.loads((out / "sweep.json").read_text())
        assert written["points"] == found["points"] and written["fps_note"] == "projected at clock_mhz"
        rows = list(csv.DictReader((out / "sweep.csv").open()))
        assert [row["limit_lut"] for row in rows] == ["0.1%", "20%"]
        assert rows[1]["ii"] == str(found["points"][1]["cycles"]["ii_plan"]) and rows[0]["error"]
        assert "zcu102, Pareto front" in (out / "pareto.svg").read_text()
        assert (out / "pareto.png").read_bytes().startswith(b"\x89PNG")
        hashes.append({file: manifest.sha256(out / file) for file in manifest.files(out)})
    assert hashes[0] == hashes[1]


def test_budget_files_are_an_axis(capfd: Capture, tmp_path: Path, scheduler: str) -> None:
    for name, board in (("big", "u280"), ("small", "ulx3s")):
        (tmp_path / f"{name}.yaml").write_text(f"board: {board}\ntarget: {{fps: 1000}}\n")
    found = run(capfd, tmp_path / "out", scheduler, "--budgets", f"{tmp_path}/*.yaml")
    assert [(p["budget"], p["board"]) for p in found["points"]] == [("big.yaml", "u280"), ("small.yaml", "ulx3s")]


def test_budgets_may_differ_in_what_they_say_of_the_model(
    tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    files = []
    for number, text in enumerate(("", "", "shapes: {pixels: [1, 1, 8, 8]}\n")):
        files.append(tmp_path / f"{number}.yaml")
        files[-1].write_text(f"board: zcu102\nclock_mhz: {100 + number}\n{text}")
    lowered: list[str] = []
    real = artifacts.pack
    monkeypatch.setattr(artifacts, "pack", lambda graph: lowered.append(graph.name) or real(graph))
    found = sweep(Request(MLP), Axes(budgets=files), tmp_path / "out", scheduler, silent)
    assert found["planned"] == 3 and len(lowered) == 2


def test_a_local_cluster_is_the_default(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWGEN_JOBS", "1")
    lines: list[str] = []
    found = sweep(Request(MLP, "zcu102"), Axes(), tmp_path / "out", None, lines.append)
    assert found["points"][0]["ok"] and len(lines) == 2 and lines[1].startswith("[1/1] zcu102, 200 MHz: ")


def test_the_table_is_for_people(capfd: Capture, tmp_path: Path, scheduler: str) -> None:
    arguments = [
        "--board",
        "zcu102",
        "--limits",
        "lut=0.1%,20%",
        "--out",
        str(tmp_path / "out"),
        "--scheduler",
        scheduler,
    ]
    assert cli.run(["sweep", str(MLP), *arguments]) == 0
    out, err = capfd.readouterr()
    assert "lut 20%" in out and "Pareto" in out and "accuracy not measured" in out
    assert "zcu102: The design must fit " in out and "[2/2]" in err


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--boards", "zcu103"], "Board 'zcu103' is not known."),
        (["--board", "zcu102", "--limits", "luts=3"], "--limits must be lut=20%,40% and the like, not 'luts=3'."),
        (["--board", "zcu102", "--limits", "lut=many"], "limits.lut must be a number that is not negative"),
        (["--board", "zcu102", "--clock", "fast"], "--clock must be MHz with commas between them, not 'fast'."),
        (["--budgets", "none/*.yaml"], "--budgets must match budget files, but 'none/*.yaml' matches none."),
        ([], "must name a board"),
        (["--board", "zcu102", "--set", "limits=3"], "limits must be a mapping with keys among lut"),
    ],
)
def test_a_wrong_axis_is_a_sentence(
    capfd: Capture, tmp_path: Path, scheduler: str, arguments: list[str], sentence: str
) -> None:
    answer = run(capfd, tmp_path / "out", scheduler, *arguments, code=2)
    assert sentence in " ".join(error["message"] for error in answer["errors"])
    assert list(tmp_path.iterdir()) == []


def test_a_folder_of_other_things_is_left_alone(tmp_path: Path, scheduler: str) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with pytest.raises(UserError, match="must be empty or that of a sweep"):
        sweep(Request(MLP, "zcu102"), Axes(), tmp_path, scheduler, silent)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_scheduler_that_does_not_answer_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "ANSWER_SECONDS", 0.5)
    with pytest.raises(UserError, match=r"^The scheduler tcp://127.0.0.1:1 must answer, but it does not. Start one"):
        sweep(Request(MLP, "zcu102"), Axes(), tmp_path / "out", "tcp://127.0.0.1:1", silent)


def test_workers_must_run_the_same_program(tmp_path: Path, scheduler: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster, "own", lambda: "another")
    with pytest.raises(UserError, match=r"must run this hwgen, but some run another\."):
        sweep(Request(MLP, "zcu102"), Axes(), tmp_path / "out", scheduler, silent)


def row(fps: float, lut: float, dsp: float = 0, inputs: int = 6, ok: bool = True) -> dict[str, Any]:
    plan = {"lut": lut, "dsp": dsp, "bram36": 0, "uram": 0}
    return {"ok": ok, "fps": fps, "lut_inputs": inputs, "resources": {"plan": plan}}


def test_the_front_is_what_no_other_beats() -> None:
    rows = [
        row(10, 100), row(10, 90), row(20, 200), row(15, 250), row(10, 95, dsp=-1), row(1, 500, inputs=4),
        {"ok": False}, row(20, 200),
    ]  # fmt: skip
    assert [found["pareto"] for found in mark_front(rows)] == [False, True, True, False, True, True, False, True]


def test_axes_are_read(tmp_path: Path) -> None:
    for name in ("b.yaml", "a.yaml"):
        (tmp_path / name).write_text("")
    found = parse_axes("x, y", "100,33.3", "*.yaml", ["lut=20%,40%", "dsp=5"], tmp_path)
    assert found == Axes(
        ["x", "y"], [100.0, 33.3], [tmp_path / "a.yaml", tmp_path / "b.yaml"], {"lut": ["20%", "40%"], "dsp": [5.0]}
    )
