# SPDX-License-Identifier: Apache-2.0
"""Train digits-mlp: 64-32-32-10, 4-bit weights, 3-bit hidden activations."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brevitas.nn import QuantLinear, QuantReLU
from brevitas.quant import Int8WeightPerChannelFloat, Int8WeightPerTensorFloat, Uint8ActPerTensorFloat
from common import pixels, run
from torch import nn

WEIGHT_BITS = 4
ACT_BITS = 3


def dense(inputs: int, outputs: int) -> list[nn.Module]:
    """Fully connected layer, batch normalisation and quantised Relu."""
    return [
        QuantLinear(
            inputs,
            outputs,
            bias=False,
            weight_quant=Int8WeightPerChannelFloat,
            weight_bit_width=WEIGHT_BITS,
        ),
        nn.BatchNorm1d(outputs),
        QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=ACT_BITS, return_quant_tensor=True),
    ]


def build() -> nn.Module:
    """Return the untrained network; the last layer has one weight scale, so its integers rank like its logits."""
    return nn.Sequential(
        pixels(),
        nn.Flatten(),
        *dense(64, 32),
        *dense(32, 32),
        QuantLinear(32, 10, bias=False, weight_quant=Int8WeightPerTensorFloat, weight_bit_width=WEIGHT_BITS),
    )


if __name__ == "__main__":
    run(build, Path(__file__).resolve().parent, epochs=60, shift=0)
