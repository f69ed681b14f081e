# SPDX-License-Identifier: Apache-2.0
"""What the example designs share: the data, quantisation-aware training, and the export to QONNX.

Needs the `qat` extra (``make test-qat`` sets it up); the committed ``model.onnx`` and ``inputs.npz`` do not.
"""

from __future__ import annotations

import argparse
import contextlib
import io
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from brevitas.core.scaling import ScalingImplType
from brevitas.export import export_qonnx
from brevitas.inject.enum import RestrictValueType
from brevitas.nn import QuantIdentity
from brevitas.quant import Uint8ActPerTensorFloat
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split
from torch import nn

SEED = 7


class Pixels(Uint8ActPerTensorFloat):
    """Unsigned 4 bit with a scale of exactly 1: the pixels 0..15 are the integers, 16 saturates."""

    bit_width = 4
    scaling_impl_type = ScalingImplType.CONST
    restrict_scaling_type = RestrictValueType.FP
    scaling_init = 15.0


@dataclass(frozen=True)
class Digits:
    """scikit-learn's digits: float32 images ``(N, 1, 8, 8)`` with values 0..16, and labels."""

    train_x: torch.Tensor
    train_y: torch.Tensor
    test_x: torch.Tensor
    test_y: torch.Tensor


def load() -> Digits:
    """Return a fixed, stratified split: three quarters to train, one quarter to test."""
    digits = load_digits()
    images = digits.images.astype(np.float32)[:, None]
    split = train_test_split(images, digits.target, test_size=0.25, random_state=SEED, stratify=digits.target)
    train_x, test_x, train_y, test_y = (torch.from_numpy(np.ascontiguousarray(part)) for part in split)
    return Digits(train_x, train_y, test_x, test_y)


def pixels() -> QuantIdentity:
    """Return the input quantiser; the host does it, the accelerator takes its integers."""
    return QuantIdentity(act_quant=Pixels, return_quant_tensor=True)


def accuracy(model: nn.Module, x: torch.Tensor, y: torch.Tensor) -> float:
    """Return the fraction of right answers in evaluation mode."""
    model.eval()
    with torch.no_grad():
        return float((model(x).argmax(1) == y).float().mean())


def train(model: nn.Module, data: Digits, epochs: int, *, shift: int) -> None:
    """Train in place: Adam, one-cycle learning rate, images moved by up to `shift` pixels."""
    optimiser = torch.optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-5)
    batch = 64
    steps = epochs * -(-len(data.train_x) // batch)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=1e-2, total_steps=steps)
    generator = torch.Generator().manual_seed(SEED)
    for _ in range(epochs):
        model.train()
        order = torch.randperm(len(data.train_x), generator=generator)
        for index in order.split(batch):
            moves = torch.randint(-shift, shift + 1, (2,), generator=generator).tolist()
            x = torch.roll(data.train_x[index], moves, dims=(2, 3))
            loss = nn.functional.cross_entropy(model(x), data.train_y[index])
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()


def export(model: nn.Module, path: Path) -> None:
    """Write the model as QONNX: input ``pixels`` (1, 1, 8, 8), output ``logits`` (1, 10)."""
    model.eval()
    example = torch.zeros(1, 1, 8, 8)
    with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        export_qonnx(
            model, example, export_path=str(path), input_names=["pixels"], output_names=["logits"], dynamo=False
        )
    onnx.checker.check_model(onnx.load(path), full_check=False)


def write_inputs(data: Digits, path: Path) -> None:
    """Write every test image and its label, byte for byte the same on each run."""
    arrays: dict[str, Any] = {
        "pixels": data.test_x.numpy().astype(np.uint8),
        "labels": data.test_y.numpy().astype(np.int64),
    }
    np.savez_compressed(path, **arrays)


def run(build: Callable[[], nn.Module], folder: Path, *, epochs: int, shift: int) -> None:
    """Train, export and say the accuracy: the ``main`` of a design's ``train.py``."""
    parser = argparse.ArgumentParser(description=f"Train {folder.name} and export it to QONNX.")
    parser.add_argument("--out", type=Path, default=folder, help="folder for model.onnx and inputs.npz")
    parser.add_argument("--epochs", type=int, default=epochs)
    options = parser.parse_args()
    torch.manual_seed(SEED)
    torch.set_num_threads(1)
    data = load()
    model = build()
    train(model, data, options.epochs, shift=shift)
    options.out.mkdir(parents=True, exist_ok=True)
    export(model, options.out / "model.onnx")
    write_inputs(data, options.out / "inputs.npz")
    print(f"{folder.name}: test accuracy {accuracy(model, data.test_x, data.test_y):.4f}")
