# SPDX-License-Identifier: Apache-2.0
"""What is said of a model that cannot be lowered: every finding, but of a float model only once that it is one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from hwgen.errors import Problem, Unquantised
from hwgen.graph.source import SourceNode

QUANTISERS = frozenset(
    {
        "Quant", "IntQuant", "BipolarQuant", "Trunc", "QuantizeLinear", "DequantizeLinear", "DynamicQuantizeLinear",
        "QLinearConv", "QLinearMatMul", "QLinearAdd", "ConvInteger", "MatMulInteger",
    }
)  # fmt: skip
"""Operators that only quantised models have."""


def refusal(nodes: Sequence[SourceNode], problems: Sequence[Problem]) -> list[Problem]:
    """Return the problems, each once.

    Where the model has no quantiser at all, those that quantising takes away become one that says so.
    """
    found = list(dict.fromkeys(problems))
    reals = [problem for problem in found if isinstance(problem, Unquantised)]
    if len(reals) < 2 or any(node.op in QUANTISERS for node in nodes):
        return found
    names = {problem.node for problem in reals}
    kinds = Counter(node.op for node in nodes if node.name in names)
    return [float_model(kinds, reals[0].node), *(problem for problem in found if problem not in reals)]


def float_model(kinds: Counter[str], first: str | None) -> Problem:
    """Return the sentence for a model of real numbers.

    Parameters
    ----------
    kinds
        How many nodes of which operator must have integers.
    first
        Name of the first of them.
    """
    layers = ", ".join(f"{count} {op}" for op, count in sorted(kinds.items()))
    return Unquantised(
        f"The model must be quantised, not real numbers: {layers} need integers, the first of them here.",
        first,
        "Try hwgen quantize MODEL --calib DATA.npz --out FILE, build it with --calib, or export it as QDQ or QONNX.",
    )
