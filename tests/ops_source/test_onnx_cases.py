# SPDX-License-Identifier: Apache-2.0
"""The functions in float64 against ONNX's own node tests."""

from __future__ import annotations

import warnings

import numpy as np
import pytest
from onnx import helper
from onnx.backend.test.case.node import collect_testcases

from hwgen.ops.functions import FUNCTIONS


@pytest.fixture(scope="module")
def cases() -> dict[str, list]:
    """Return the data of the cases that are one node, by operator: name, attributes, input and output."""
    found: dict[str, list] = {}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        given = collect_testcases("")
    for case in given:
        if case.model is None or case.data_sets is None or len(case.model.graph.node) != 1:
            continue
        (node,) = case.model.graph.node
        attrs = {a.name: helper.get_attribute_value(a) for a in node.attribute}
        for inputs, outputs in case.data_sets:
            if node.op_type in FUNCTIONS and np.asarray(inputs[0]).dtype in (np.float32, np.float64):
                found.setdefault(node.op_type, []).append((case.name, attrs, inputs[0], outputs[0]))
    return found


@pytest.mark.parametrize("op", sorted(FUNCTIONS))
def test_a_function_is_what_onnx_says(op: str, cases: dict[str, list]) -> None:
    assert cases[op]
    function = FUNCTIONS[op]
    for name, attrs, x, expected in cases[op]:
        got = function.compute(x.astype(np.float64), {**dict(function.defaults), **attrs})
        np.testing.assert_allclose(got, expected, rtol=1e-4, atol=1e-6, err_msg=name)
