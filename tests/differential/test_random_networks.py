# SPDX-License-Identifier: Apache-2.0
"""Random quantised networks: golden against onnxruntime, and the promises that every integer graph keeps."""

from __future__ import annotations

import os
import time
from collections import Counter
from pathlib import Path

import pytest

from .judge import judge
from .networks import generate

GROUPS, SIZE = 8, 10
MUST_APPEAR = (
    *("qdq", "qonnx", "gemm", "matmul", "alpha_beta", "per_channel", "per_tensor", "residual", "raw_join", "double"),
    *("grouped", "dilated", "conv_1d", "conv_transpose"),
    *("depthwise", "pads", "auto_pad", "pixelwise", "max_pool", "average_pool_0", "average_pool_1"),
    *("global_average_pool", "reduce_mean_0", "reduce_mean_1", "batch_norm", "zero_gamma", "clip", "qcdq", "trunc"),
    *("bipolar", "bipolar_weights", "nchw_input", "nhwc_input", "flat_input", "nhwc_flatten", "vector_by_shape"),
    *("int8_input", "uint8_input", "uint8_cast", "host_affine", "second_output", "map_output", "raw_average"),
    *("leakyrelu", "prelu", "hardsigmoid", "max", "min", "sigmoid", "tanh", "abs", "where", "square", "silu", "gelu"),
    *("gate", "product"),
    *("quantised_end", "sum_end", "softmax_end", "argmax_end", "mul", "div", "add", "sub", "pow", "neg"),
    *("slice", "pad", "pad_edge", "pad_reflect", "gather", "resize", "depth_to_space", "space_to_depth", "transpose"),
    *("concat_1", "concat_2", "concat_3"),
    *(f"opset_{opset}" for opset in range(9, 22)),
    *(f"round_{m}" for m in ("round", "ceil", "floor", "up", "down", "half_up", "half_down")),
)


@pytest.mark.parametrize("group", range(GROUPS))
def test_golden_equals_onnxruntime(group: int, tmp_path: Path) -> None:
    """Exact networks have no difference at all, the others at most one step in a few elements of thousands."""
    elements = inexact = 0
    for seed in range(group * SIZE, (group + 1) * SIZE):
        verdict = judge(generate(seed), tmp_path)
        elements, inexact = elements + verdict.elements, inexact + verdict.inexact
    assert elements > 1000
    assert inexact <= elements // 1000


def test_a_seed_gives_one_network() -> None:
    first, second = generate(7), generate(7)
    assert first.model.SerializeToString() == second.model.SerializeToString()
    assert generate(8).model.SerializeToString() != first.model.SerializeToString()


def test_the_generator_reaches_everything() -> None:
    seen = Counter(feature for seed in range(500) for feature in generate(seed).features)
    assert not [feature for feature in MUST_APPEAR if not seen[feature]]


@pytest.mark.fuzz
def test_random_networks_for_a_while(tmp_path: Path) -> None:
    seconds, start = float(os.environ.get("FUZZ_SECONDS", "120")), time.monotonic()
    first = int(os.environ.get("FUZZ_SEED", int(time.time()))) % 10**9
    seed = first
    while time.monotonic() - start < seconds:
        try:
            judge(generate(seed), tmp_path)
        except Exception as error:
            raise AssertionError(
                f"network {seed} fails: python -m tests.differential.run --seed {seed} --count 1"
            ) from error
        seed += 1
    assert seed > first
