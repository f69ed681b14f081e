# SPDX-License-Identifier: Apache-2.0
"""A random quantised network for each seed: everything that the front end and lowering say they support."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import onnx

from .builder import Array, Builder, Feed, Tensor
from .dialects import Dialect, Qdq, Qonnx
from .layers import Layers
from .moves import join, move

ENDS = ("quantised", "sum", "softmax", "argmax")


@dataclass(frozen=True)
class Network:
    """A model, what feeds it, and what it is made of.

    `exact` promises that float32 arithmetic makes no error in it, so that the integers must be equal.
    """

    seed: int
    model: onnx.ModelProto
    feeds: tuple[Feed, ...]
    exact: bool
    dialect: str
    features: tuple[str, ...]

    def frames(self, count: int) -> dict[str, Array]:
        """Return seeded frames for every input, uniform ones and corners of the range."""
        rng = np.random.default_rng(self.seed)
        return {feed.name: feed.frames(count, rng) for feed in self.feeds}


def generate(seed: int) -> Network:
    """Return the network of a seed."""
    rng = np.random.default_rng(seed)
    qonnx = bool(rng.random() < 0.5)
    opset = int(rng.integers(9 if qonnx else 10, 21, endpoint=True))
    b = Builder(rng, opset, exact=bool(rng.random() < 0.5))
    q: Dialect = Qonnx(b) if qonnx else Qdq(b)
    layers = Layers(b, q)
    x = _feature_layers(layers, _start_map(layers)) if b.chance(0.75) else _start_vector(layers)
    extra = (x.name, np.float32) if b.chance(0.1) and x.step is not None else None
    outputs = [_end(layers, x)]
    if extra is not None and extra[0] != outputs[0][0]:
        b.used("second_output")
        outputs.append(extra)
    batch = b.pick((1, "N"))
    features = (q.name, f"opset_{opset}", *sorted(set(b.features)))
    return Network(seed, b.model(outputs, batch=batch), tuple(b.feeds), b.exact, q.name, features)


def _start_vector(layers: Layers) -> Tensor:
    return layers.q.start((1, layers.b.integer(2, 24)))


def _start_map(layers: Layers) -> Tensor:
    """Return a quantised map (1, C, H, W), from an image in one of the layouts that files have."""
    b = layers.b
    channels, height, width = b.integer(1, 4), b.integer(3, 7), b.integer(3, 7)
    layout = b.pick(("nchw", "nchw", "nhwc", "flat"))
    b.used(f"{layout}_input")
    if layout == "nchw":
        return layers.q.start((1, channels, height, width))
    if layout == "nhwc":
        x = layers.q.start((1, height, width, channels))
        name = b.op("Transpose", [x.name], perm=(0, 3, 1, 2))
    else:
        x = layers.q.start((1, channels * height * width))
        name = b.op("Reshape", [x.name, b.const([-1, channels, height, width], np.int64)])
    return replace(x, name=name, shape=(1, channels, height, width))


def _feature_layers(layers: Layers, x: Tensor) -> Tensor:
    b = layers.b
    kinds = (layers.conv, layers.conv, layers.residual, layers.max_pool, layers.average_pool, layers.pixelwise)
    kinds += (layers.conv_transpose, layers.conv_1d)
    for _ in range(b.integer(1, 3)):
        moves = (partial(move, layers), partial(move, layers), partial(join, layers))
        options = [*kinds, *moves, layers.double, layers.function, layers.gated]
        if x.step is None:
            options = [layers.conv]
        x = b.pick(options)(x)
    return layers.global_pool(x) if b.chance(0.2) and x.step is not None else x


def _end(layers: Layers, x: Tensor) -> tuple[str, type[np.generic]]:
    b = layers.b
    if x.is_map and "conv" in b.features and b.chance(0.15):
        b.used("map_output")
        return x.name, np.float32
    x = layers.flatten(x)
    for _ in range(b.integer(0, 2)):
        x = layers.dense(x)
    end = b.pick(ENDS)
    b.used(f"{end}_end")
    last = layers.product(x, b.integer(2, 10), per_channel=end != "argmax")
    if end == "quantised" or (end == "argmax" and b.chance(0.5)):
        last = layers.finish(last)
    if end == "softmax":
        return b.op("Softmax", [last.name], axis=1), np.float32
    if end == "argmax":
        return b.op(
            "ArgMax", [last.name], axis=b.pick((1, -1) if b.opset > 10 else (1,)), keepdims=b.integer(0, 1)
        ), np.int64
    return last.name, np.float32
