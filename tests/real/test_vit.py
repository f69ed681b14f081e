# SPDX-License-Identifier: Apache-2.0
"""A float transformer block (LayerNorm, attention, MLP, residuals), quantised by hand, against onnxruntime."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import onnx

from hwgen.frontend import load
from hwgen.frontend.host import observed
from hwgen.frontend.reference import Reference
from hwgen.passes import golden
from hwgen.passes.lower import lower
from hwgen.verify.parity import measure

from .vit import quantised


def test_every_layer_is_within_one_step(shared: Path, tmp_path: Path) -> None:
    folder = shared / "workloads"
    frames = np.load(folder / "w5_vit.npz")["X"].astype(np.float32)
    onnx.save(quantised(folder / "w5_vit_plain.onnx", frames[:8]), str(tmp_path / "vit.onnx"))
    model = load(tmp_path / "vit.onnx")
    lowered = lower(model)
    kinds = [node.op for node in lowered.graph.nodes]
    counts = {kind: kinds.count(kind) for kind in ("matvec", "matmul_dynamic", "layernorm", "softmax", "add")}
    assert counts == {"matvec": 6, "matmul_dynamic": 2, "layernorm": 2, "softmax": 1, "add": 2}
    expected = observed(lowered, Reference(model), {"inp": frames})
    evaluate = partial(golden.evaluate, lowered.graph)
    parity = measure(lowered.graph, evaluate, expected, lowered.observations, lowered.outputs)
    assert len(parity.layers) == 13
    assert parity.max_lsb <= 1 and parity.exact_fraction > 0.999
    assert parity.output_max_lsb <= 2
