# SPDX-License-Identifier: Apache-2.0
"""A wrong setting is refused in one sentence before anything is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from hwgen.errors import UserError
from hwgen.request import Request, parse_layers


@pytest.mark.parametrize(
    ("setting", "sentence"),
    [
        ({"verify": "rlt"}, "--verify must be one of none, golden, csim, layers, rtl, not rlt. Did you mean rtl?"),
        ({"sim": "fasst"}, "--sim must be one of cocotb, fast, not fasst. Did you mean fast?"),
        (
            {"last": "synthesis"},
            "--to must be one of import, lower, plan, render, hlsc, handover, verify, synth, bitstream, report, "
            "not synthesis. Did you mean synth?",
        ),
        ({"first": "hlsc", "last": "plan"}, "--from hlsc must not come after --to plan."),
        ({"layers": ("a",)}, "--layers must come with --verify layers, not --verify rtl."),
        ({"layers": 0, "verify": "layers"}, "--layers must be at least 1, not 0."),
        (
            {"layers": 2, "verify": "layers", "synth": True},
            "--synth must have the whole RTL, not that of some --layers. "
            "Leave out --layers to have every process compiled, or --synth.",
        ),
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


@pytest.mark.parametrize(
    ("text", "layers"), [(None, None), ("12", 12), ("-1", -1), ("conv1, pool1", ("conv1", "pool1")), ("a2", ("a2",))]
)
def test_layers_are_names_or_a_number(text: str | None, layers: tuple[str, ...] | int | None) -> None:
    assert parse_layers(text) == layers


@pytest.mark.parametrize("text", ["", "a,,b"])
def test_a_layer_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="--layers must be names with commas between them or a number"):
        parse_layers(text)
