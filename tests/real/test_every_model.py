# SPDX-License-Identifier: Apache-2.0
"""Every real model: golden parity with onnxruntime where it is quantised, every reason where it is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

EXACT = [
    "qonnx_tfc_1w1a",
    "qonnx_tfc_1w2a",
    "qonnx_tfc_2w2a",
    "qonnx_espcn_quant",
    *(f"{name}_{kind}" for name in ("w1_jets", "w2_digits", "w3_can") for kind in ("int", "qonnx")),
    *(f"w4_mv64_{bits}_{kind}" for bits in ("int4", "int8") for kind in ("int", "qonnx")),
]
INT8 = [
    "tflm_hello_world_int8",
    "mlperf_ad_int8",
    "mlperf_dscnn_int8",
    "mlperf_resnet8_int8",
    "mlperf_vww_int8",
    "coral_mobilenet_v1_0.25_128_quant",
    "coral_mobilenet_v2_1.0_224_quant",
]
FLOAT = [
    "mlperf_ad_fp32",
    "mlperf_resnet8_fp32",
    "mlperf_vww_fp32",
    "mobilenet_v2_imagenet",
    "ultraface_slim320",
    "stories260k_decode_kv255",
    "stories260k_prefill64",
]


@pytest.fixture(scope="module")
def bench(benchmark_script: Callable[[str], ModuleType]) -> ModuleType:
    return benchmark_script("models")


def proven(bench: ModuleType, name: str) -> dict[str, Any]:
    """Return the parity of a model that must be lowered with every requantisation proven."""
    row = bench.measure(name, 1)
    assert row["imported"] and row["lowered"], row
    assert row["inexact_proofs"] == []
    parity: dict[str, Any] = row["parity"]
    assert parity["frames"] == 1 and parity["elements"] > 0
    return parity


@pytest.mark.parametrize("name", EXACT)
def test_models_without_a_tie_equal_onnxruntime(shared: Path, bench: ModuleType, name: str) -> None:
    parity = proven(bench, name)
    assert (parity["max_lsb"], parity["free_max_lsb"], parity["output_max_lsb"]) == (0, 0, 0)


@pytest.mark.parametrize("name", INT8)
def test_int8_models_are_within_one_step_a_layer(shared: Path, bench: ModuleType, name: str) -> None:
    """The reference adds in float32, in an order of its own: a sum close to a tie may round the other way there."""
    parity = proven(bench, name)
    assert parity["max_lsb"] <= 1 and parity["exact_fraction"] > 0.999
    assert parity["top1_agreement"] in (1.0, None)


@pytest.mark.parametrize("name", FLOAT)
def test_float_models_are_told_to_quantise(shared: Path, bench: ModuleType, name: str) -> None:
    row = bench.measure(name, 1)
    assert row["imported"] and not row["lowered"]
    assert sum("must be quantised, not real numbers" in reason for reason in row["refused"]) == 1
    assert "hwgen quantize" in row["refused"][0]


@pytest.mark.parametrize("name", ["stories260k_decode_kv255", "stories260k_prefill64"])
def test_a_language_model_is_refused_with_every_reason(shared: Path, bench: ModuleType, name: str) -> None:
    reasons = bench.measure(name, 1)["refused"]
    assert len(reasons) == len(set(reasons)) > 5
    assert all("(node " in reason for reason in reasons)


def test_every_file_has_a_row(shared: Path, bench: ModuleType) -> None:
    known = {*EXACT, *INT8, *FLOAT, "mlperf_dscnn_fp32", "w5_vit_plain"}
    assert set(bench.models()) <= known
