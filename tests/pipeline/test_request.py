# SPDX-License-Identifier: Apache-2.0
"""A wrong setting is refused in one sentence before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwgen.errors import UserError
from hwgen.request import Request


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"verify": "rlt"}, "--verify must be one of none, golden, csim, rtl, not rlt. Did you mean rtl?"),
        ({"sim": "fasst"}, "--sim must be one of cocotb, fast, not fasst. Did you mean fast?"),
        (
            {"last": "synthesis"},
            "--to must be one of import, lower, plan, render, hlsc, verify, synth, report, not synthesis. "
            "Did you mean synth?",
        ),
        ({"first": "hlsc", "last": "plan"}, "--from hlsc must not come after --to plan."),
        ({"frames": 0}, "--frames must be at least 1, not 0."),
        ({"clock_mhz": -5.0}, "--clock-mhz must be more than 0 and at most 1000, not -5."),
        ({"clock_mhz": float("nan")}, "--clock-mhz must be more than 0 and at most 1000, not nan."),
    ],
)
def test_sentences(setting: dict[str, Any], sentence: str) -> None:
    with pytest.raises(UserError) as caught:
        Request(Path("m.onnx"), **setting)
    assert str(caught.value) == sentence


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("x/tfc_1w1a.onnx", "tfc_1w1a"),
        ("designs/digits-cnn/model.onnx", "digits_cnn"),
        ("8 bit net.onnx", "m_8_bit_net"),
        ("module.onnx", "module_"),
    ],
)
def test_the_design_is_named_after_the_file(path: str, name: str) -> None:
    assert Request(Path(path)).name == name
    assert Request(Path(path)).folder == Path("build") / name
