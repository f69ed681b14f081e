# SPDX-License-Identifier: Apache-2.0
"""Explanations: the choice is the plan's, the runner-up is a real option, and what tipped it is their difference."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from ops.build import mlp, residual

from hwgen import cli
from hwgen.config import Budget
from hwgen.errors import UserError
from hwgen.graph import Graph
from hwgen.hw import Choice, Folding, Resources, boards
from hwgen.ops.base import hardware_op
from hwgen.plan import make_plan
from hwgen.plan.explain import Explainer, Way, tipped, words

MODEL = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp" / "model.onnx"


def explainer(graph: Graph, **budget: Any) -> Explainer:
    return Explainer(make_plan(graph, boards.load("zcu102"), Budget.parse({"board": "zcu102", **budget})), graph)


@pytest.mark.parametrize("target", ["max_fps", {"fps": 2e5}])
def test_the_choice_is_the_plans_and_the_others_are_options(target: object) -> None:
    graph = residual()
    one = explainer(graph, target=target)
    nodes = {node.name: node for node in graph.nodes}
    seen = 0
    for layer, process in one.processes.items():
        told = one.explain(layer)
        assert (told.chosen.choice, told.chosen.cycles) == (process.choice, process.cycles)
        assert told.chosen.cost == process.cost
        options = {o.choice: o for o in hardware_op(nodes[layer]).options(graph, nodes[layer], one.plan.board)}
        for way in (told.runner_up, told.slower):
            if way is not None:
                seen += 1
                assert way.choice != process.choice
                assert (way.cycles, way.cost) == (options[way.choice].cycles, options[way.choice].cost)
        if told.runner_up is not None:
            assert told.runner_up.cycles <= one.plan.ii
        if told.slower is not None:
            assert told.slower.cycles > one.plan.ii and told.slower.area < told.chosen.area
    assert seen > 5


def test_a_proven_choice_has_no_smaller_rival() -> None:
    for graph in (residual(), mlp()):
        one = explainer(graph, target={"fps": 1e5})
        assert one.plan.gap == 0
        for layer in one.processes:
            told = one.explain(layer)
            if told.runner_up is not None:
                assert told.chosen.area <= told.runner_up.area + 1e-9, layer


def test_sentences_tell_choice_rival_and_reason() -> None:
    one = explainer(mlp(), target={"fps": 1e6})
    told = one.explain("fc0")
    text = " ".join(told.sentences)
    assert told.sentences[0].startswith("fc0 (matvec") and words(told.chosen.choice) in told.sentences[0]
    assert "of the budget" in text and "Runner-up: " in text and "What tipped it: it needs " in text
    assert "Smaller but slower: " in text and "times the design's II" in text
    (slowest,) = [p.layer for p in one.plan.processes if p.name == one.plan.bottleneck]
    assert "it sets the frame rate" in one.explain(slowest).sentences[0]
    data = json.loads(json.dumps(told.to_json()))
    assert data["layer"] == "fc0" and data["chosen"]["unit"] == "lut_generic" and data["runner_up"]["cycles"]


def test_what_tipped_it_is_the_difference() -> None:
    choice, none = Choice(Folding(1, 1)), Resources()
    chosen = Way(choice, 10, Resources(lut=100, ff=20), Resources(lut=5), 0.1)

    def against(cost: Resources, around: Resources = none) -> str:
        return tipped(chosen, Way(choice, 10, cost, around, 0.2))

    assert against(Resources(lut=1500, ff=20, dsp=2), Resources(lut=5)) == "it needs 1,400 LUT, 2 DSP more"
    assert against(Resources(lut=90, ff=20), Resources(lut=25)) == (
        "it needs 20 LUT around it more, though it saves 10 LUT"
    )
    assert against(Resources(lut=90, ff=20), Resources(lut=5)) == "it saves 10 LUT, but was not chosen"
    assert against(chosen.cost, chosen.around) == "nothing: both cost the same"


def test_choices_in_words() -> None:
    assert words(Choice(Folding(8, 8))) == "8 lanes"
    assert words(Choice(Folding(8, 2, 4), "dsp", "bram")) == "dsp, PE 2 x SIMD 8, 4 pixels, weights in bram"
    assert words(Choice(Folding(8, 2), "dsp", "streamed")) == "dsp, PE 2 x SIMD 8, weights streamed"


def test_layers_go_by_their_onnx_names_too() -> None:
    graph = mlp()
    nodes = tuple(replace(node, source=(f"/net/{node.name[:2]}",)) for node in graph.nodes)
    one = explainer(replace(graph, nodes=nodes))
    assert one.find("fc0") == ["fc0"] and one.find("/net/fc") == ["fc0", "fc1"]
    with pytest.raises(UserError, match=r"^fc00 must be a layer of the network, .*Did you mean .*fc0"):
        one.find("fc00")


def test_the_command_explains_models_and_builds(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    out = str(tmp_path / "out")
    assert cli.run(["plan", str(MODEL), "--board", "zcu102", "--json"]) == 0
    layers = json.loads(capfd.readouterr().out)["layers"]
    names = [layer["layer"] for layer in layers if layer["op"] == "matvec"][:2]
    assert cli.run(["explain", str(MODEL), *names, "--board", "zcu102", "--json"]) == 0
    first = json.loads(capfd.readouterr().out)
    assert first["ok"] and [layer["layer"] for layer in first["layers"]] == names
    assert cli.run(["build", str(MODEL), "--board", "zcu102", "--to", "plan", "--out", out]) == 0
    capfd.readouterr()
    assert cli.run(["explain", out, *names, "--json"]) == 0
    assert json.loads(capfd.readouterr().out) == first
    assert cli.run(["explain", out, names[0]]) == 0
    assert capfd.readouterr().out.startswith(f"{names[0]} (matvec of ")


def test_wrong_names_and_folders_are_sentences(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["explain", str(MODEL), "matmul_x", "matmul_y", "--board", "zcu102"]) == 2
    err = capfd.readouterr().err
    assert "matmul_x must be a layer" in err and "matmul_y must be a layer" in err
    assert cli.run(["explain", str(tmp_path), "x"]) == 2
    assert "must be that of a build with its plan, but it is not." in capfd.readouterr().err
