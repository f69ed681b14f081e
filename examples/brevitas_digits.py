# SPDX-License-Identifier: Apache-2.0
"""Train a network of mixed bit widths with Brevitas, export it, build the accelerator and verify it.

    python examples/brevitas_digits.py --dialect qonnx --verify rtl --out build/brevitas

Weights have 8, 3, 1 and 6 bits, activations 4, 7, 5 and 2; with ``--dialect qcdq``, which has no single bit, the
weights of 1 bit have 2. It takes scikit-learn's digits and the ``qat`` extra: torch and Brevitas.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "designs"))

import common
import torch
from brevitas.nn import QuantConv2d, QuantLinear, QuantReLU
from brevitas.quant import Int8WeightPerTensorFloat, SignedBinaryWeightPerTensorConst, Uint8ActPerTensorFloat
from torch import nn

import hwgen
from hwgen.qat import DIALECTS, export_brevitas


def weights(bits: int) -> dict[str, Any]:
    """Return the quantiser of a layer's weights."""
    if bits == 1:
        return {"weight_quant": SignedBinaryWeightPerTensorConst, "weight_scaling_init": 0.1}
    return {"weight_quant": Int8WeightPerTensorFloat, "weight_bit_width": bits}


def activation(bits: int) -> nn.Module:
    """Return a Relu that quantises to unsigned integers."""
    return QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=bits, return_quant_tensor=True)


def network(least: int) -> nn.Module:
    """Return the untrained network; `least` is the smallest width of weights."""
    return nn.Sequential(
        common.pixels(),
        QuantConv2d(1, 8, 3, padding=1, bias=False, **weights(8)),
        nn.BatchNorm2d(8),
        activation(7),
        QuantConv2d(8, 16, 3, bias=False, **weights(3)),
        nn.BatchNorm2d(16),
        activation(5),
        nn.MaxPool2d(2),
        nn.Flatten(),
        QuantLinear(144, 32, bias=False, **weights(least)),
        nn.BatchNorm1d(32),
        activation(2),
        QuantLinear(32, 10, bias=False, **weights(6)),
    )


def main() -> int:
    """Return 1 when the hardware differs from the golden model."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("build/brevitas"), help="folder for everything")
    parser.add_argument("--dialect", choices=DIALECTS, default="qonnx")
    parser.add_argument("--epochs", type=int, default=30)
    parser.add_argument("--verify", choices=("golden", "csim", "rtl"), default="rtl")
    options = parser.parse_args()
    torch.manual_seed(common.SEED)
    torch.set_num_threads(1)
    data = common.load()
    model = network(1 if options.dialect == "qonnx" else 2)
    common.train(model, data, options.epochs, shift=1)
    names = {"inputs": ["pixels"], "outputs": ["logits"]}
    options.out.mkdir(parents=True, exist_ok=True)
    file = export_brevitas(model, data.test_x[:1], options.out / "digits.onnx", dialect=options.dialect, **names)
    common.write_inputs(data, options.out / "inputs.npz")
    built = hwgen.build(
        file,
        "zcu102",
        out=options.out / "accelerator",
        verify=options.verify,
        inputs=options.out / "inputs.npz",
        frames=50,
    )
    facts = {"ok": built.ok, "torch_accuracy": round(common.accuracy(model, data.test_x, data.test_y), 4)}
    print(json.dumps({**facts, "accuracy": built.report["accuracy"], "verify": built.report["verify"]}, indent=2))
    return int(not built.ok)


if __name__ == "__main__":
    sys.exit(main())
