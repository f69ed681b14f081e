# SPDX-License-Identifier: Apache-2.0
"""QONNX's own reference executor gives the golden model's integers at every requantised tensor, and its outputs."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.frontend import host, inputs, load
from hwgen.frontend.reference import Reference
from hwgen.passes import golden
from hwgen.passes.lower import lower

pytest.importorskip("qonnx", reason="qonnx is not installed (pip install 'hwgen[dev]')")

TFC = [f"models/qonnx_tfc_{kind}/model.onnx" for kind in ("1w1a", "1w2a", "2w2a")]
NAMES = ("w1_jets", "w2_digits", "w3_can", "w4_mv64_int4", "w4_mv64_int8")
WORKLOADS = [f"workloads/{name}_qonnx.onnx" for name in NAMES]
ESPCN = "models/qonnx_espcn_quant/model.onnx"
INPUT_TYPES = {ESPCN: {"x.7": "uint8"}}


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("file", [*TFC, *WORKLOADS, ESPCN])
def test_the_executor_agrees(shared: Path, file: str) -> None:
    from qonnx.core.modelwrapper import ModelWrapper
    from qonnx.core.onnx_exec import execute_onnx
    from qonnx.transformation.infer_shapes import InferShapes

    model = load(shared / file, input_types=INPUT_TYPES.get(file))
    lowered, reference = lower(model), Reference(model)
    feeds = {name: value[:1] for name, value in inputs.default(model, seed=11).items()}
    seen = {o.tensor: o for o in (*lowered.observations, *lowered.outputs)}
    integers = golden.run(lowered.graph, host.to_ports(lowered, reference, feeds), seen)
    outputs = host.to_outputs(lowered, reference, integers, feeds)
    wrapper = ModelWrapper(str(shared / file)).transform(InferShapes())
    frame = {name: value.astype(np.float32) for name, value in feeds.items()}
    executed = execute_onnx(wrapper, frame, return_full_exec_context=True)
    for name in model.outputs:
        np.testing.assert_array_equal(executed[name], outputs[name])
    compared = {tensor: o for tensor, o in seen.items() if o.onnx in executed}
    assert len(compared) >= len(lowered.observations) > 0 or not lowered.observations
    for tensor, observation in compared.items():
        expected = host.to_integers(observation, lowered.graph.types[tensor], executed[observation.onnx])
        np.testing.assert_array_equal(integers[tensor], expected, err_msg=tensor)
