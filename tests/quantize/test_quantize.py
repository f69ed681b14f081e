# SPDX-License-Identifier: Apache-2.0
"""The whole of post-training quantisation: files that load and lower, and figures that are true."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen import frontend
from hwgen.config import Quantize
from hwgen.errors import UserError
from hwgen.frontend.host import to_outputs, to_ports
from hwgen.frontend.reference import Reference
from hwgen.graph.source import SourceModel
from hwgen.passes import golden
from hwgen.passes.lower import lower
from hwgen.quantize import Quantised, quantise
from tests.quantize.nets import conv_net, digits_net, frames, load, node


def written(tmp_path: Path, result: Quantised) -> SourceModel:
    path = tmp_path / "quantised.onnx"
    path.write_bytes(result.onnx)
    return frontend.load(path)


@pytest.mark.parametrize("bits", [4, 8])
def test_the_file_lowers_and_its_integers_are_what_was_measured(tmp_path: Path, bits: int) -> None:
    model = conv_net(tmp_path)
    feeds, other = frames((1, 2, 8, 8), 40), frames((1, 2, 8, 8), 16, seed=9)
    result = quantise(model, feeds, Quantize(weights=bits, acts=bits), other)
    source = written(tmp_path, result)
    lowered = lower(source)
    assert all(proof.exact for proof in lowered.proofs)
    assert {n.attrs["weight_bits"] for n in lowered.graph.nodes if "weight_bits" in n.attrs} <= {bits, 8}
    reference = Reference(source)
    got = to_outputs(lowered, reference, golden.run(lowered.graph, to_ports(lowered, reference, other)), other)["y"]
    real = Reference(model).run(other, ["y"])["y"]
    assert result.evaluation is not None and result.evaluation.sqnr_db is not None
    sqnr = 10 * np.log10((real**2).sum() / ((real - got) ** 2).sum())
    assert sqnr == pytest.approx(result.evaluation.sqnr_db, abs=0.5)
    assert (real.argmax(1) == got.argmax(1)).mean() == pytest.approx(result.evaluation.top1, abs=0.07)


def test_more_bits_are_nearer_and_the_worst_layer_is_named(tmp_path: Path) -> None:
    model, feeds = conv_net(tmp_path), frames((1, 2, 8, 8), 40)
    four, eight = (quantise(model, feeds, Quantize(weights=b, acts=b)).calibration.sqnr_db or 0 for b in (4, 8))
    assert eight > four + 12 > 18
    plain = quantise(model, feeds, Quantize())
    assert plain.worst == min(plain.layers, key=lambda figures: figures.alone_db or 0)
    options = Quantize.model_validate({"layers": {"the_c1": {"weights": 2, "acts": 3}}})
    hurt = quantise(model, feeds, options)
    assert hurt.worst is not None and hurt.worst.name == "the_c1"
    assert (hurt.worst.weights, hurt.worst.acts) == (2, 8)
    assert (hurt.layers[0].sqnr_db or 0) < (plain.layers[0].sqnr_db or 0) - 20
    assert hurt.layers[1].alone_db == plain.layers[1].alone_db


def test_a_trained_network_keeps_its_classes(tmp_path: Path) -> None:
    model, train, test, labels = digits_net(tmp_path)
    real = Reference(model).run(test, ["y"])["y"].argmax(1)
    assert (real == labels).mean() > 0.85
    eight = quantise(model, train, Quantize(), test).evaluation
    assert eight is not None and eight.top1 is not None and eight.top1 >= 0.99
    few = Quantize(weights=3, acts=4, first_last=None)
    adaptive, nearest = (
        quantise(model, train, few.model_copy(update={"method": m}), test).evaluation for m in ("adaptive", "nearest")
    )
    assert adaptive is not None and nearest is not None
    assert adaptive.sqnr_db is not None and nearest.sqnr_db is not None and adaptive.sqnr_db > nearest.sqnr_db + 2
    assert adaptive.top1 is not None and nearest.top1 is not None and adaptive.top1 >= nearest.top1


def test_pixels_stay_the_integers_they_are(tmp_path: Path) -> None:
    model, train, _, _ = digits_net(tmp_path)
    port = lower(written(tmp_path, quantise(model, train, Quantize()))).inputs[0]
    assert (port.scale, port.zero_point) == ((1.0,), 0)


def test_outputs_may_be_integers(tmp_path: Path) -> None:
    model, train, _, _ = digits_net(tmp_path)
    lowered = lower(written(tmp_path, quantise(model, train, Quantize(outputs=6))))
    assert lowered.graph.types[lowered.graph.outputs[0]].bits == 6
    assert lowered.outputs[0].onnx == "y"


def test_a_tail_without_the_batch_is_the_hosts(tmp_path: Path) -> None:
    r = np.random.default_rng(0)
    nodes = [
        node("Gemm", "x w", "g"),
        node("Reshape", "g rows", "f"),
        node("Softmax", "f", "s", axis=1),
        node("Reshape", "s whole", "y"),
    ]
    constants = {"w": r.normal(size=(6, 8)), "rows": np.array([4, 2]), "whole": np.array([1, 4, 2])}
    source = written(
        tmp_path, quantise(load(tmp_path / "m.onnx", nodes, constants, x=(1, 6)), frames((1, 6)), Quantize())
    )
    lowered, reference, feeds = lower(source), Reference(source), frames((1, 6), 5)
    assert [out.onnx for out in lowered.outputs] == ["g"]
    got = to_outputs(lowered, reference, golden.run(lowered.graph, to_ports(lowered, reference, feeds)), feeds)["y"]
    assert got == pytest.approx(reference.run(feeds, ["y"])["y"], abs=1e-6)


def test_the_same_input_gives_the_same_bytes(tmp_path: Path) -> None:
    model, feeds = conv_net(tmp_path), frames((1, 2, 8, 8), 8)
    options = Quantize(weights=4, acts=4)
    assert quantise(model, feeds, options).onnx == quantise(model, feeds, options).onnx


def test_quantised_and_empty_models_are_refused(tmp_path: Path) -> None:
    model, feeds = conv_net(tmp_path), frames((1, 2, 8, 8), 8)
    again = written(tmp_path, quantise(model, feeds, Quantize()))
    with pytest.raises(UserError, match="quantised already"):
        quantise(again, feeds, Quantize())
    nothing = load(tmp_path / "relu.onnx", [node("Relu", "x", "y")], {}, x=(1, 4))
    with pytest.raises(UserError, match="at least one layer"):
        quantise(nothing, frames((1, 4)), Quantize())


def test_scalars_stay_scalars(tmp_path: Path) -> None:
    """An index without axes drops an axis; with one it would not."""
    rng = np.random.default_rng(4)
    nodes = [node("MatMul", "x w", "h"), node("Gather", "h i", "g", axis=1), node("MatMul", "g v", "y")]
    constants = {"w": rng.normal(size=(6, 8)), "i": np.array(1), "v": rng.normal(size=(8, 3))}
    model = load(tmp_path / "m.onnx", nodes, constants, x=(1, 4, 6))
    feeds = {"x": rng.normal(size=(8, 4, 6)).astype(np.float32)}
    (tmp_path / "q.onnx").write_bytes(quantise(model, feeds, Quantize()).onnx)
    assert frontend.load(tmp_path / "q.onnx").shapes["y"] == (1, 3)
