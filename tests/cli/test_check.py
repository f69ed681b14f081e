# SPDX-License-Identifier: Apache-2.0
"""`hwgen check`: every problem at once, each with its class, and the exit code of the worst."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

from hwgen import cli

MLP = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp" / "model.onnx"
RNG = np.random.default_rng(3)


class Chain:
    """A chain of layers on a tensor of (N, 8)."""

    def __init__(self, *, batch: int | str = 1) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: dict[str, np.ndarray[Any, Any]] = {}
        self.batch = batch
        self.last = "x"

    def node(self, op: str, *others: str, **attrs: Any) -> None:
        """Append a node that reads the last tensor and `others`."""
        out = f"t{len(self.nodes)}"
        name = f"{op.lower()}_{len(self.nodes)}"
        self.nodes.append(helper.make_node(op, [self.last, *others], [out], name, **attrs))
        self.last = out

    def constant(self, name: str, value: Any) -> str:
        """Store a constant and return its name."""
        self.constants[name] = np.asarray(value)
        return name

    def quantise(self) -> None:
        """Append QuantizeLinear and DequantizeLinear."""
        scale, zero = self.constant("s", np.float32(0.5)), self.constant("z", np.int8(0))
        self.node("QuantizeLinear", scale, zero)
        self.node("DequantizeLinear", scale, zero)

    def product(self, *, quantised: bool) -> None:
        """Append a MatMul with quantised weights, or real ones."""
        name = f"w{len(self.nodes)}"
        if quantised:
            self.constant(f"{name}_q", RNG.integers(-100, 100, (8, 8)).astype(np.int8))
            parts = [f"{name}_q", self.constant("s", np.float32(0.5)), self.constant("z", np.int8(0))]
            self.nodes.append(helper.make_node("DequantizeLinear", parts, [name], f"{name}_dq"))
        else:
            self.constant(name, RNG.normal(size=(8, 8)).astype(np.float32))
        self.node("MatMul", name)

    def save(self, path: Path) -> Path:
        """Write the file."""
        ports = [helper.make_tensor_value_info(name, TensorProto.FLOAT, [self.batch, 8]) for name in ("x", self.last)]
        stored = [numpy_helper.from_array(value, name) for name, value in self.constants.items()]
        graph = helper.make_graph(self.nodes, "g", ports[:1], ports[1:], stored)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9)
        onnx.save(model, path)
        return path


def check(capfd: pytest.CaptureFixture[str], *arguments: object) -> tuple[int, dict[str, Any], str]:
    """Run the command twice; return its exit code, its JSON, and what people read on stderr."""
    code = cli.run(["check", *map(str, arguments), "--json"])
    facts = json.loads(capfd.readouterr().out)
    assert cli.run(["check", *map(str, arguments)]) == code
    printed = capfd.readouterr()
    assert facts["exit_code"] == code and facts["ok"] is (code == 0)
    assert printed.out == "" if code else printed.out != ""
    for problem in facts["problems"]:
        assert set(problem) == {"message", "node", "hint", "class"}
        assert problem["message"].removesuffix(".") in printed.err
    return code, facts, printed.err


def found(facts: dict[str, Any]) -> Sequence[tuple[str, str | None]]:
    return [(problem["class"], problem["node"]) for problem in facts["problems"]]


def test_a_sound_model_has_no_problems(capfd: pytest.CaptureFixture[str]) -> None:
    code, facts, _ = check(capfd, MLP, "--board", "zcu102")
    assert (code, facts["problems"]) == (0, [])
    assert facts["board"] == "zcu102" and facts["cycles"]["ii_plan"] > 0
    assert any("2 of 2 requantisations are proven equal" in line for line in facts["summary"])


def test_an_unsupported_operator_hides_nothing_behind_it(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chain = Chain()
    chain.quantise()
    chain.product(quantised=True)
    chain.node("CumSum", chain.constant("axis", np.int64(1)))
    chain.product(quantised=False)
    chain.node("Hardmax")
    chain.product(quantised=False)
    code, facts, _ = check(capfd, chain.save(tmp_path / "net.onnx"))
    assert code == 3
    assert found(facts) == [("unsupported", name) for name in ("cumsum_4", "matmul_5", "hardmax_6", "matmul_7")]


def test_unquantised_layers_of_a_quantised_model_are_named_one_by_one(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    chain = Chain()
    chain.quantise()
    for quantised in (False, True, False):
        chain.product(quantised=quantised)
    code, facts, _ = check(capfd, chain.save(tmp_path / "net.onnx"))
    assert code == 3
    reals = [p for p in facts["problems"] if "must be quantised, not real numbers" in p["message"]]
    assert [p["node"] for p in reals] == ["matmul_2", "matmul_5"]
    assert all(p["hint"] for p in reals)


def test_a_float_model_is_told_once_what_it_needs(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chain = Chain()
    for _ in range(3):
        chain.product(quantised=False)
        chain.node("Relu")
    code, facts, text = check(capfd, chain.save(tmp_path / "net.onnx"))
    assert code == 3 and found(facts) == [("unsupported", "matmul_0")]
    assert "3 MatMul need integers" in text and "hwgen quantize" in text


def test_the_worst_class_is_the_exit_code(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chain = Chain()
    chain.quantise()
    chain.product(quantised=False)
    code, facts, text = check(capfd, chain.save(tmp_path / "net.onnx"), "--board", "nowhere")
    assert code == 3 and found(facts) == [("user", None), ("unsupported", "matmul_2")]
    assert "Board 'nowhere' is not known" in text


def test_a_budget_without_room_is_infeasible(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    budget = tmp_path / "budget.yaml"
    budget.write_text("board: zcu102\nlimits:\n  lut: 100\n")
    code, facts, text = check(capfd, MLP, "--budget", budget)
    assert code == 4 and found(facts) == [("infeasible", None)] and "must fit 100 LUT" in text
    assert facts["operators"]["matvec"] > 0


def test_an_import_that_fails_still_looks_at_everything(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    chain = Chain(batch=4)
    chain.product(quantised=False)
    chain.constants["w0"][3, 3] = np.nan
    chain.node("Mystery", domain="my.own")
    code, facts, text = check(capfd, chain.save(tmp_path / "net.onnx"))
    assert code == 3
    assert sorted(kind for kind, _ in found(facts)) == ["unsupported", "user", "user"]
    for words in ("Operator Mystery of domain my.own", "must be 1 or symbolic, not 4", "finite numbers, not 1 NaN"):
        assert words in text


def test_a_missing_file_is_one_problem(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code, facts, _ = check(capfd, tmp_path / "none.onnx", "--board", "zcu102")
    assert code == 2 and found(facts) == [("user", None)]


def test_the_budget_may_hold_shapes_and_types(capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    chain = Chain(batch="frames")
    chain.product(quantised=True)
    model, budget = chain.save(tmp_path / "net.onnx"), tmp_path / "budget.yaml"
    budget.write_text("board: zcu102\nshapes: {frames: 2}\ninput_types: {x: int4}\n")
    code, facts, _ = check(capfd, model, "--budget", budget)
    assert code == 2 and "must be 1 or symbolic, not 2" in str(facts["problems"])
    code, facts, _ = check(capfd, model, "--budget", budget, "--shape", "frames=1")
    assert code == 0, facts
