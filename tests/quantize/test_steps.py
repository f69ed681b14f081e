# SPDX-License-Identifier: Apache-2.0
"""The steps that must not change the float function, and where quantisers go."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.config import LayerBits, Quantize
from hwgen.errors import UserError
from hwgen.graph.source import Array, SourceModel
from hwgen.quantize.bits import Bits, layer_bits
from hwgen.quantize.engine import Engine
from hwgen.quantize.equalise import equalise
from hwgen.quantize.layers import Layer
from hwgen.quantize.net import Net
from hwgen.quantize.place import place
from hwgen.quantize.prepare import bias_of, prepare
from hwgen.quantize.quantize import calibrate
from hwgen.quantize.trip import trip
from tests.quantize.nets import conv_net, frames, load, node

RNG = np.random.default_rng(5)


def outputs(engine: Engine, net: Net, feeds: dict[str, Array]) -> Array:
    return engine.walk(net, feeds, lambda node, values: None)[net.outputs[0]]


def prepared(model: SourceModel) -> Net:
    return prepare(Net.of(model))


def test_preparing_folds_norms_and_keeps_the_function(tmp_path: Path) -> None:
    model = conv_net(tmp_path)
    engine, feeds = Engine(model.opset), frames((1, 2, 8, 8))
    net = prepared(model)
    assert "BatchNormalization" not in [n.op for n in net.nodes]
    assert all(bias_of(net, layer) is not None for layer in net.layers)
    assert outputs(engine, net, feeds) == pytest.approx(outputs(engine, Net.of(model), feeds), abs=1e-5)


def test_gemm_and_matmul_are_made_plain(tmp_path: Path) -> None:
    constants = {
        "w": RNG.normal(size=(6, 4)),
        "c": RNG.normal(size=4),
        "v": RNG.normal(size=(4, 4)),
        "d": RNG.normal(size=4),
    }
    nodes = [
        node("Gemm", "x w c", "g", alpha=0.5, beta=2.0),
        node("Relu", "g", "r"),
        node("MatMul", "r v", "m"),
        node("Add", "m d", "a"),
        node("BatchNormalization", "a d2 c2 z o", "y"),
    ]
    constants |= {"d2": np.ones(4) * 2, "c2": np.ones(4), "z": np.zeros(4), "o": np.ones(4)}
    model = load(tmp_path / "m.onnx", nodes, constants, x=(1, 6))
    net = prepared(model)
    assert not {"alpha", "beta"} & set(net.layers[0].attrs)
    assert bias_of(net, net.layers[1]) == "d"
    engine, feeds = Engine(model.opset), frames((1, 6))
    assert outputs(engine, net, feeds) == pytest.approx(outputs(engine, Net.of(model), feeds), abs=1e-5)


def test_equalising_keeps_the_function_and_evens_out_the_channels(tmp_path: Path) -> None:
    model = conv_net(tmp_path)
    engine, feeds = Engine(model.opset), frames((1, 2, 8, 8))
    net = prepared(model)
    even = equalise(net, engine, feeds)
    assert outputs(engine, even, feeds) == pytest.approx(outputs(engine, net, feeds), abs=1e-6)

    def spread(of: Net) -> float:
        seen: dict[str, Array] = {}
        engine.walk(of, feeds, lambda n, values: seen.update({"r1": values["r1"]}) if "r1" in values else None)
        most = seen["r1"].max(axis=(0, 2, 3))
        return float(most.max() / most.min())

    assert spread(even) < 2.1 < spread(net)


def test_trip_keeps_the_function_to_the_bit_and_lifts_small_channels(tmp_path: Path) -> None:
    small = np.array([1, 1 / 9, 1 / 9, 1 / 5])
    constants = {
        "w": RNG.normal(size=(4, 3, 1, 1)) * small[:, np.newaxis, np.newaxis, np.newaxis],
        "v": RNG.normal(size=(6, 4, 1, 1)) / small[:, np.newaxis, np.newaxis],
    }
    nodes = [
        node("Conv", "x w", "g"),
        node("Clip", "g low high", "c"),
        node("Conv", "c v", "y"),
    ]
    model = load(tmp_path / "m.onnx", nodes, constants | {"low": 0.0, "high": 6.0}, x=(1, 3, 4, 4))
    engine, feeds = Engine(model.opset), frames((1, 3, 4, 4), 40)
    net = prepared(model)
    options = Quantize(weights=8, acts=4, first_last=None)
    bits = layer_bits(net, options)
    scaled, factors = trip(net, engine, feeds, place(net, bits, options), bits, options)
    assert list(factors) == ["c"] and factors["c"] in (2, 3)
    assert (outputs(engine, scaled, feeds) == outputs(engine, net, feeds)).all()
    assert [site.tensors for site in place(scaled, bits, options)] == [("x",), ("c_scaled",)]


def test_channels_that_a_frame_hardly_shows_are_left_alone(tmp_path: Path) -> None:
    small = np.array([1, 1 / 9, 1 / 30, 1 / 5])
    constants = {"w": RNG.normal(size=(3, 4)) * small, "v": RNG.normal(size=(4, 6)) / small[:, np.newaxis]}
    nodes = [node("Gemm", "x w", "g"), node("Relu", "g", "r"), node("Gemm", "r v", "y")]
    model = load(tmp_path / "m.onnx", nodes, constants, x=(1, 3))
    engine, feeds, options = Engine(model.opset), frames((1, 3), 100), Quantize(acts=4, first_last=None)
    net = prepared(model)
    assert equalise(net, engine, feeds) is net
    bits = layer_bits(net, options)
    assert trip(net, engine, feeds, place(net, bits, options), bits, options)[1] == {}


def test_quantisers_stand_behind_activations_and_once_for_each_tensor(tmp_path: Path) -> None:
    net = prepared(conv_net(tmp_path))
    options = Quantize(weights=4, acts=4)
    sites = {site.tensors: site for site in place(net, layer_bits(net, options), options)}
    assert list(sites) == [("x",), ("r1",), ("r2",), ("c3",), ("r3",), ("g3",)]
    assert [site.bits for site in sites.values()] == [8, 4, 4, 8, 8, 8]
    assert sites[("x",)].exact and not sites[("r1",)].exact
    assert sites[("r2",)].layers == ("the_c3",)


def test_functions_of_one_tensor_share_their_origin(tmp_path: Path) -> None:
    constants = {"w": RNG.normal(size=(4, 2, 1, 1)), "v": RNG.normal(size=(3, 4, 1, 1))}
    nodes = [node("Conv", "x w", "a"), node("Sigmoid", "a", "s"), node("Mul", "a s", "m"), node("Conv", "m v", "y")]
    net = prepared(load(tmp_path / "m.onnx", nodes, constants, x=(1, 2, 4, 4)))
    options = Quantize()
    assert [site.tensors for site in place(net, layer_bits(net, options), options)] == [("x",), ("a",), ("m",)]


def test_what_concat_joins_shares_a_grid(tmp_path: Path) -> None:
    constants = {
        "w": RNG.normal(size=(4, 2, 1, 1)),
        "u": RNG.normal(size=(4, 2, 1, 1)),
        "v": RNG.normal(size=(3, 8, 1, 1)),
    }
    nodes = [
        node("Conv", "x w", "a"),
        node("Conv", "x u", "b"),
        node("Relu", "b", "r"),
        node("Concat", "a r", "c", axis=1),
        node("Conv", "c v", "y"),
    ]
    net = prepared(load(tmp_path / "m.onnx", nodes, constants, x=(1, 2, 4, 4)))
    options = Quantize(weights=4, acts=4)
    sites = place(net, layer_bits(net, options), options)
    assert [site.tensors for site in sites] == [("x",), ("a", "r")]
    engine, feeds = Engine(17), frames((1, 2, 4, 4))
    grids = calibrate(net, engine, feeds, sites, options)
    assert grids["a"] == grids["r"] and grids["a"].signed


def test_bits_of_first_last_and_named_layers(tmp_path: Path) -> None:
    net = prepared(conv_net(tmp_path))
    options = Quantize(weights=4, acts=3, layers={"the_c3": LayerBits(weights=2), "the_logits": LayerBits(acts=5)})
    assert layer_bits(net, options) == {
        "the_c1": Bits(8, 8),
        "the_c2": Bits(4, 3),
        "the_c3": Bits(2, 3),
        "the_logits": Bits(8, 5),
    }
    with pytest.raises(UserError, match=r"names the_c33.*Did you mean the_c3"):
        layer_bits(net, Quantize(layers={"the_c33": LayerBits(weights=2)}))


@pytest.mark.parametrize(
    ("shape", "weight", "attrs"),
    [
        ((1, 4, 7, 6), (6, 4, 3, 3), {"pads": [1, 0, 2, 1], "strides": [2, 1]}),
        ((1, 4, 9, 9), (8, 2, 3, 3), {"group": 2, "dilations": [2, 1]}),
        ((1, 4, 9, 9), (4, 1, 2, 3), {"group": 4, "auto_pad": "SAME_UPPER", "strides": [2, 2]}),
        ((1, 3, 11), (5, 3, 4), {"pads": [2, 1]}),
    ],
)
def test_rows_times_matrix_is_the_convolution(
    tmp_path: Path, shape: tuple[int, ...], weight: tuple[int, ...], attrs: dict[str, object]
) -> None:
    w = RNG.normal(size=weight).astype(np.float32)
    model = load(tmp_path / "m.onnx", [node("Conv", "x w", "y", **attrs)], {"w": w}, x=shape)
    net, feeds = Net.of(model), frames(shape, 3)
    layer = Layer.of(net, net.layers[0])
    product = layer.rows(feeds["x"], w, 10**9, 0) @ layer.matrix(w).transpose(0, 2, 1)
    want = outputs(Engine(model.opset), net, feeds)
    places = np.moveaxis(want, 1, -1).reshape(-1, want.shape[1])
    assert np.concatenate(list(product), axis=1) == pytest.approx(places, abs=1e-4)
    assert (layer.weights(layer.matrix(w), w) == w).all()
    factors = np.arange(1, shape[1] + 1, dtype=np.float32)
    scaled = net.with_constants({"w": layer.scaled_inputs(w, 1 / factors)})
    lifted = {"x": feeds["x"] * factors.reshape(-1, *[1] * (len(shape) - 2))}
    assert outputs(Engine(model.opset), scaled, lifted) == pytest.approx(want, abs=1e-4)


def test_frames_run_one_by_one_where_the_model_fixes_the_batch(tmp_path: Path) -> None:
    nodes = [node("Reshape", "x flat", "f"), node("MatMul", "f w", "m"), node("Reshape", "m rows", "y")]
    constants = {"flat": np.array([6, 2]), "w": RNG.normal(size=(2, 2)), "rows": np.array([1, 12])}
    model = load(tmp_path / "m.onnx", nodes, constants, x=(1, 3, 4))
    feeds = frames((1, 3, 4), 5)
    want = feeds["x"].reshape(5, 6, 2) @ np.asarray(constants["w"], np.float32)
    assert outputs(Engine(model.opset), Net.of(model), feeds) == pytest.approx(want.reshape(5, 12), abs=1e-5)
