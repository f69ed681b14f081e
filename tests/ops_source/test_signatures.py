# SPDX-License-Identifier: Apache-2.0
"""What importers declare that their nodes must be given: as ONNX says, and every breach is a sentence."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnx
import pytest

from hwgen.errors import UnsupportedError
from hwgen.frontend.clean import NEWEST_OPSET
from hwgen.graph.source import SourceModel, SourceNode
from hwgen.ops.base import source_ops
from hwgen.passes.lower import lower

UPGRADED = {("Slice", 1), ("Pad", 1), ("Upsample", 1), ("Resize", 1), ("Squeeze", 1), ("Unsqueeze", 1), ("Clip", 1)}
"""Least inputs where older opsets have attributes in place of some."""


@pytest.mark.parametrize("name", sorted(name for name in source_ops() if onnx.defs.has(name, NEWEST_OPSET)))
def test_signatures_are_those_of_onnx(name: str) -> None:
    schema = onnx.defs.get_schema(name, NEWEST_OPSET)
    op = source_ops()[name]
    signature = op.signatures.get(name, op.signature)
    assert set(schema.attributes) <= set(signature.attrs)
    assert {key for key, attribute in schema.attributes.items() if attribute.required} <= set(signature.required)
    assert signature.least == schema.min_input or (name, signature.least) in UPGRADED
    assert signature.most == (schema.max_input if schema.max_input < 2**31 - 1 else None)


def refusals(op: str, shapes: tuple[tuple[int, ...], ...], out: tuple[int, ...] = (1, 4), **attrs: Any) -> str:
    """Return what is said of one node, whose first input is quantised and whose others are constants."""
    names = [f"c{i}" for i in range(1, len(shapes))]
    rng = np.random.default_rng(0)
    given = dict(zip(names, shapes[1:], strict=True))
    constants = {name: rng.integers(1, 3, shape).astype(np.float32) for name, shape in given.items()}
    constants |= {"one": np.float32(1), "zero": np.float32(0), "bits": np.float32(4)}
    quant = SourceNode("quant", "Quant", ("x", "one", "zero", "bits"), ("q",), {"signed": 1})
    node = SourceNode("it", op, ("q", *names), ("y",), attrs)
    known = {"x": shapes[0], "q": shapes[0], "y": out, **given}
    with pytest.raises(UnsupportedError) as caught:
        lower(SourceModel("net", 13, (quant, node), constants, ("x",), ("y",), known))
    assert all(problem.node == "it" for problem in caught.value.problems)
    return str(caught.value)


@pytest.mark.parametrize(
    ("op", "shapes", "attrs", "text"),
    [
        ("Relu", ((1, 4), (1, 4)), {}, "Relu must have 1 input, not 2"),
        ("PRelu", ((1, 4),), {}, "PRelu must have 2 inputs, not 1"),
        ("Concat", ((1, 4),), {}, "Concat must have the attribute axis"),
        ("Concat", ((1, 4),), {"axis": 2}, "The axis of Concat must be one of 2 axes, not 2"),
        ("Softmax", ((1, 4),), {"axis": -3}, "The axis of Softmax must be one of 2 axes, not -3"),
        ("Transpose", ((1, 4),), {"perm": (0, 0)}, "The perm of Transpose must be a permutation of 2 axes, not"),
        ("Elu", ((1, 4),), {"alpha": "x"}, "The alpha of Elu must be a finite number"),
        ("Gelu", ((1, 4),), {"approximate": "sin"}, "The approximate of Gelu must be none or tanh, not 'sin'"),
        ("LayerNormalization", ((1, 4), (4,)), {"epsilon": -1.0}, "must be a number from 0 on, not -1.0"),
        ("Conv", ((1, 2, 4, 4), (3, 2, 1, 1)), {"strides": (0, 1)}, "must be positive whole numbers, one for each"),
        ("Conv", ((1, 2, 4, 4), (3, 2, 1, 1)), {"pads": (1, 1)}, "must be whole numbers, two for each spatial axis"),
        ("Conv", ((1, 2, 4, 4), (3, 2, 1, 1)), {"group": 0}, "The group of Conv must be a whole number from 1"),
        ("Conv", ((1, 2, 4, 4), (3, 2, 1, 1), (2,)), {}, "The bias of Conv must have 3 elements, not 2"),
        ("Conv", ((1, 2, 4, 4), (3, 2, 1)), {}, "The weights of Conv must have 4 axes like its input, not 3"),
        ("ConvTranspose", ((1, 2, 4, 4), (2, 2, 1, 1), (5,)), {}, "bias of ConvTranspose must have 2 elements"),
        ("Gemm", ((1, 4), (4, 3), (5,)), {}, "The bias of Gemm must broadcast to (1, 3), not have the shape (5,)"),
        ("Gemm", ((1, 4), (4,)), {}, "The weights of Gemm must have two axes, not 1"),
        ("MatMul", ((1, 4), (5, 3)), {}, "The input of MatMul must have 5 columns, not 4"),
        ("BatchNormalization", ((1, 4), (4,), (4,), (3,), (4,)), {}, "mean of BatchNormalization must have 4"),
        ("Slice", ((1, 4), (2,), (1,)), {}, "Slice must have a start, an end and a step other than 0 for each"),
        ("Slice", ((1, 4), (1,), (1,), (1,)), {}, "The axes of Slice must be some of 2 axes, each once, not (2,)"),
        ("Split", ((1, 4), (3,)), {"axis": 1}, "The 1 parts of Split must be at least 1 and add up to 4"),
        ("Tile", ((1, 4), (1,)), {}, "Tile must have a positive number of repeats for each of 2 axes"),
        ("Reshape", ((1, 4), (2,)), {}, "Reshape must keep its 4 elements, not give the shape (1, 5)"),
        ("DepthToSpace", ((1, 2, 4, 4),), {"blocksize": 2}, "The channels of DepthToSpace must be a multiple of 4"),
        ("SpaceToDepth", ((1, 4),), {"blocksize": 2}, "The input of SpaceToDepth must have four axes, not 2"),
        ("Clip", ((1, 4), (2,)), {}, "The min of Clip must be one number, not 2"),
        ("MaxPool", ((1, 2, 4, 4),), {}, "MaxPool must have the attribute kernel_shape"),
        ("ReduceMean", ((1, 4),), {"axes": (2,)}, "The axes of ReduceMean must be some of 2 axes, not (2,)"),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_a_sentence(
    op: str, shapes: tuple[tuple[int, ...], ...], attrs: dict[str, Any], text: str
) -> None:
    out = {"Reshape": (1, 5), "ConvTranspose": (1, 2, 4, 4), "Conv": (1, 3, 4, 4)}.get(op, (1, 4))
    assert text in refusals(op, shapes, out, **attrs)


def test_everything_wrong_with_a_node_comes_at_once() -> None:
    text = refusals("Conv", ((1, 2, 4, 4), (3, 2, 1, 1)), strides=(0, 0), dilations=(1,), group=-1)
    assert all(name in text for name in ("strides", "dilations", "group"))
