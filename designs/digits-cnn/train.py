# SPDX-License-Identifier: Apache-2.0
"""Train digits-cnn: conv 3x3x8 (padded), conv 3x3x16, max pool 2x2, fully connected 10; everything in 4 bits."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from brevitas.nn import QuantConv2d, QuantLinear, QuantReLU
from brevitas.quant import Int8WeightPerChannelFloat, Int8WeightPerTensorFloat, Uint8ActPerTensorFloat
from common import pixels, run
from torch import nn

BITS = 4


def conv(inputs: int, outputs: int, padding: int) -> list[nn.Module]:
    """Convolution, batch normalisation and quantised Relu; hwgen folds the last two into thresholds."""
    return [
        QuantConv2d(
            inputs,
            outputs,
            3,
            padding=padding,
            bias=False,
            weight_quant=Int8WeightPerChannelFloat,
            weight_bit_width=BITS,
        ),
        nn.BatchNorm2d(outputs),
        QuantReLU(act_quant=Uint8ActPerTensorFloat, bit_width=BITS, return_quant_tensor=True),
    ]


def build() -> nn.Module:
    """Return the untrained network; the last layer has one weight scale, so its integers rank like its logits."""
    return nn.Sequential(
        pixels(),
        *conv(1, 8, padding=1),
        *conv(8, 16, padding=0),
        nn.MaxPool2d(2),
        nn.Flatten(),
        QuantLinear(144, 10, bias=False, weight_quant=Int8WeightPerTensorFloat, weight_bit_width=BITS),
    )


if __name__ == "__main__":
    run(build, Path(__file__).resolve().parent, epochs=40, shift=1)
