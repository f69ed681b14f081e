# SPDX-License-Identifier: Apache-2.0
"""Float networks that benchmarks quantise: their files, and frames to calibrate and to judge them with."""

from __future__ import annotations

import os
import wave
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from hwgen.graph.source import Array, SourceModel

ROOT = Path(__file__).resolve().parents[1]
SHARED = Path(os.environ.get("HWGEN_SHARED", ROOT.parent / "shared"))

Frames = Callable[[int, int], Array]
"""Number of frames and seed to frames; seeds 0 and 1 never share one where the data are real."""


@dataclass(frozen=True)
class FloatNetwork:
    """A float network: its file, its frames, how many of them calibrate and how many judge, and what they are.

    A network without a file of its own says how to `write` it.
    """

    path: Path
    frames: Frames
    calibration: int
    evaluation: int
    data: str
    write: Callable[[Path], None] | None = None

    def make(self) -> None:
        """Write the file where the network has none of its own."""
        if self.write is not None:
            self.write(self.path)

    def feeds(self, model: SourceModel, seed: int) -> dict[str, Array]:
        """Return the frames that calibrate, for seed 0, else those that judge, by the model's input."""
        (name,) = model.inputs
        count = self.evaluation if seed else self.calibration
        return {name: self.frames(count, seed).reshape(count, *model.shapes[name][1:])}


def images(count: int, seed: int) -> Array:
    """Return MNIST images ``(count, 1, 28, 28)`` from 0 to 1: training images for seed 0, else test images."""
    file = "mnist_test" if seed else "mnist_train_union"
    with np.load(SHARED / "data" / f"{file}.npz") as data:
        return np.asarray(data["x"][:count, np.newaxis] / 255, np.float32)


def digits(count: int, seed: int) -> Array:
    """Return scikit-learn's digits ``(count, 1, 8, 8)``, the first ones for seed 0, else the last ones."""
    with np.load(ROOT / "designs" / "digits-cnn" / "inputs.npz") as data:
        pixels = data["pixels"].astype(np.float32)
    return pixels[-count:] if seed else pixels[:count]


def clips(count: int, seed: int) -> Array:
    """Return spoken words as MFCC ``(count, 49, 10, 1)``: the four clips, shifted, louder and softer, with noise."""
    r = np.random.default_rng(seed)
    sounds = []
    for path in sorted((SHARED / "data" / "audio_kws").glob("*.wav")):
        with wave.open(str(path)) as clip:
            sounds.append(np.frombuffer(clip.readframes(16000), "<i2") / 32768)
    made = []
    for index in range(count):
        sound = np.roll(np.resize(sounds[index % len(sounds)], 16000), r.integers(-1600, 1600))
        made.append(mfcc(sound * r.uniform(0.5, 1.2) + r.normal(size=16000) * r.uniform(0, 0.01)))
    return np.asarray(made, np.float32)[..., np.newaxis]


def mfcc(sound: Array) -> Array:
    """Return ten coefficients of 49 windows: 40 ms every 20 ms, 40 mel bands from 20 to 4000 Hz, logarithm, DCT-II."""
    windows = np.lib.stride_tricks.sliding_window_view(sound, 640)[::320]
    power = np.abs(np.fft.rfft(windows * np.hanning(641)[:-1], 1024))
    mel = np.linspace(*(1127 * np.log1p(np.array([20, 4000]) / 700)), 42)
    bins = 1127 * np.log1p(np.linspace(0, 8000, 513) / 700)
    rise = (bins[:, np.newaxis] - mel[:-2]) / (mel[1:-1] - mel[:-2])
    fall = (mel[2:] - bins[:, np.newaxis]) / (mel[2:] - mel[1:-1])
    logs = np.log(power @ np.maximum(np.minimum(rise, fall), 0) + 1e-6)
    cosines = np.cos(np.pi / 40 * (np.arange(40) + 0.5) * np.arange(10)[:, np.newaxis])
    return np.asarray(logs @ cosines.T * np.sqrt(2 / 40))


def drawn(shape: tuple[int, ...], low: float, high: float, *, normal: bool = False) -> Frames:
    """Return smooth random frames: coarse noise, made larger, with a little fine noise on it."""

    def frames(count: int, seed: int) -> Array:
        r = np.random.default_rng(seed)
        full = (count, *shape)
        if len(shape) < 3:
            return np.asarray(r.normal(low, high, full) if normal else r.uniform(low, high, full), np.float32)
        axes = (1, 2) if shape[-1] == 3 else (2, 3)
        small = tuple(-(-n // 8) if i in axes else n for i, n in enumerate(full))
        coarse = r.uniform(0, 1, small)
        for axis in axes:
            coarse = np.repeat(coarse, 8, axis=axis)
        smooth = coarse[tuple(slice(0, n) for n in full)] * 0.9 + 0.1 * r.uniform(0, 1, full)
        return np.asarray(low + (high - low) * smooth, np.float32)

    return frames


def tokens(count: int, seed: int) -> Array:
    """Return the tokens of the transformer block's own file: the first ones for seed 0, else the last ones."""
    with np.load(SHARED / "workloads" / "w5_vit.npz") as data:
        x = (data["X"] * data["sx"]).astype(np.float32)
    return x[-count:] if seed else x[:count]


def networks(folder: Path) -> dict[str, FloatNetwork]:
    """Return what there is to quantise; models that are made here go into `folder`."""
    models = SHARED / "models"
    found = {
        "mnist-mlp": FloatNetwork(folder / "mnist-mlp.onnx", images, 256, 2000, "MNIST", train_mnist),
        "w5_vit_plain": FloatNetwork(SHARED / "workloads" / "w5_vit_plain.onnx", tokens, 48, 16, "its own tokens"),
    }
    for name in ("digits-mlp", "digits-cnn"):
        write = partial(without_quantisers, ROOT / "designs" / name / "model.onnx")
        found[name] = FloatNetwork(folder / f"{name}.onnx", digits, 200, 250, "scikit-learn digits", write)
    named: dict[str, tuple[Frames, int, int, str]] = {
        "mlperf_dscnn_fp32": (clips, 64, 64, "four audio clips, shifted and with noise"),
        "mlperf_ad_fp32": (drawn((640,), -4.0, 3.0, normal=True), 128, 128, "random"),
        "mlperf_resnet8_fp32": (drawn((32, 32, 3), 0, 255), 48, 64, "random smooth images"),
        "mlperf_vww_fp32": (drawn((96, 96, 3), 0, 1), 24, 24, "random smooth images"),
        "mobilenet_v2_imagenet": (drawn((3, 224, 224), -2.1, 2.6), 8, 8, "random smooth images"),
        "ultraface_slim320": (drawn((3, 240, 320), -1, 1), 8, 8, "random smooth images"),
    }
    return found | {name: FloatNetwork(models / name / "model.onnx", *rest) for name, rest in named.items()}


def train_mnist(path: Path) -> None:
    """Train 784-96-48-10 on 10,000 images with Adam in NumPy and write it as ONNX."""
    r = np.random.default_rng(0)
    with np.load(SHARED / "data" / "mnist_train_union.npz") as data:
        x, labels = data["x"].reshape(-1, 784).astype(np.float32) / 255, data["y"].astype(int)
    sizes = (784, 96, 48, 10)
    values = [(r.normal(size=(a, b)) * np.sqrt(2 / a)).astype(np.float32) for a, b in pairwise(sizes)]
    values = [v for w in values for v in (w, np.zeros(w.shape[1], np.float32))]
    moments = [(np.zeros_like(v), np.zeros_like(v)) for v in values]
    for step in range(1, 601):
        chosen = r.integers(0, len(x), 100)
        gradients = _gradients(values, x[chosen], np.eye(10, dtype=np.float32)[labels[chosen]])
        for value, (mean, square), gradient in zip(values, moments, gradients, strict=True):
            mean += 0.1 * (gradient - mean)
            square += 0.001 * (gradient**2 - square)
            rate = np.float32(3e-3 * np.sqrt(1 - 0.999**step) / (1 - 0.9**step))
            value -= rate * mean / (np.sqrt(square) + 1e-8)
    names = [f"{kind}{i}" for i in range(3) for kind in "wb"]
    nodes = [helper.make_node("Flatten", ["x"], ["f"], "flatten")]
    for i, (source, made) in enumerate((("f", "h0"), ("r0", "h1"), ("r1", "y"))):
        nodes.append(helper.make_node("Gemm", [source, f"w{i}", f"b{i}"], [made], f"fc{i}"))
        if i < 2:
            nodes.append(helper.make_node("Relu", [made], [f"r{i}"], f"relu{i}"))
    ports = [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in (("x", (1, 1, 28, 28)), ("y", (1, 10)))]
    arrays = [numpy_helper.from_array(v.astype(np.float32), n) for v, n in zip(values, names, strict=True)]
    graph = helper.make_graph(nodes, "mnist_mlp", ports[:1], ports[1:], arrays)
    onnx.save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=9), path)


def _gradients(values: list[Array], x: Array, wanted: Array) -> list[Array]:
    acts = [x]
    for i in range(0, len(values), 2):
        y = acts[-1] @ values[i] + values[i + 1]
        acts.append(y if i == len(values) - 2 else np.maximum(y, 0))
    odds = np.exp(acts[-1] - acts[-1].max(axis=1, keepdims=True))
    slope = (odds / odds.sum(axis=1, keepdims=True) - wanted) / len(x)
    found: list[Array] = []
    for i in range(len(values) - 2, -1, -2):
        found[:0] = [acts[i // 2].T @ slope, slope.sum(axis=0)]
        slope = (slope @ values[i].T) * (acts[i // 2] > 0)
    return found


def without_quantisers(source: Path, path: Path) -> None:
    """Write the float self of a QONNX model: its quantisers are left out, its weights are those it was trained with."""
    model = onnx.load(source)
    gone = {node.output[0]: node.input[0] for node in model.graph.node if node.op_type == "Quant"}
    kept = [node for node in model.graph.node if node.op_type != "Quant"]
    for node in kept:
        for index, name in enumerate(node.input):
            while name in gone:
                name = gone[name]
            node.input[index] = name
    del model.graph.node[:]
    model.graph.node.extend(kept)
    del model.graph.value_info[:]
    onnx.save(model, path)
