# SPDX-License-Identifier: Apache-2.0
"""`hwgen plan --verify-layers`: every shape once, its II from Verilator, its area from Yosys; the sums are told."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from ops.build import GraphBuilder

from hwgen import cli, layers_alone
from hwgen.config import Budget
from hwgen.hw import boards
from hwgen.layers_alone import shape, verify_layers
from hwgen.plan import Plan, make_plan
from hwgen.tables import verified_lines

MODEL = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp" / "model.onnx"


def small() -> Plan:
    """Return two equal layers."""
    b = GraphBuilder("two")
    first = b.matvec("fc0", b.input("x", (8,), 4), 8)
    graph = b.graph([b.matvec("fc1", b.thresholds("act", first), 8)])
    return make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", "target": {"fps": 5_000_000}}))


def test_the_sums_are_those_of_the_layers_and_the_plan_holds() -> None:
    plan = small()
    found = verify_layers(plan)
    assert found["verified"] and not found["unproven"]
    assert found["ii_rtl"] == found["ii_plan"] == plan.ii
    assert [layer["name"] for layer in found["layers"]] == [process.name for process in plan.processes]
    assert all(layer["ii_rtl"] == layer["ii_plan"] for layer in found["layers"])
    assert found["shapes"] == len({layer["proven_on"] for layer in found["layers"]}) <= found["processes"]
    counted = sum(layer["yosys"]["lut"] for layer in found["layers"]) + found["glue"]["lut"]
    assert counted == found["resources"]["yosys"]["lut"] > 0
    assert f"II {plan.ii:,} ({plan.ii:,} planned)" in verified_lines(found)[-1]


def test_constants_tell_shapes_apart_only_where_they_are_logic() -> None:
    plan = small()
    process = next(p for p in plan.processes if p.op == "matvec")
    key = process.call.roms[0].key
    other = replace(plan, arrays={**plan.arrays, key: np.zeros_like(plan.arrays[key])})
    generic = replace(process, choice=replace(process.choice, unit="lut_generic"))
    constant = replace(process, choice=replace(process.choice, unit="lut_const"))
    assert shape(plan, generic) == shape(other, generic)
    assert shape(plan, constant) != shape(other, constant)
    (stream,) = process.call.inputs
    longer = replace(process.call, inputs=(replace(stream, beats=stream.beats + 1),))
    assert shape(plan, process) != shape(plan, replace(process, call=longer))


def test_the_command_tells_what_it_found(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> None:
    found = {"verified": False, "ii_rtl": None, "unproven": ["a"]}
    monkeypatch.setattr(layers_alone, "verify_layers", lambda plan, say: found)
    assert cli.run(["plan", str(MODEL), "--board", "zcu102", "--verify-layers", "--json"]) == 0
    report = json.loads(capfd.readouterr().out)
    assert report["verified"] is False and report["verified_layers"] == found
