# SPDX-License-Identifier: Apache-2.0
"""Gemm of a transposed activation: transA behind a Transpose, which cancel out."""

from __future__ import annotations

from dataclasses import replace

from hwgen.frontend.draft import Draft, without_dead_code
from hwgen.graph.source import SourceNode


def straightened(draft: Draft) -> Draft:
    """Return the draft with every Gemm of transA = 1 that reads a Transpose reading what the Transpose reads."""
    turned = {node.outputs[0]: node.inputs[0] for node in draft.nodes if _exchanges(node)}
    if not any(_turns(node) and node.inputs[0] in turned for node in draft.nodes):
        return draft
    nodes = [
        replace(node, inputs=(turned[node.inputs[0]], *node.inputs[1:]), attrs={**node.attrs, "transA": 0})
        if _turns(node) and node.inputs[0] in turned
        else node
        for node in draft.nodes
    ]
    return without_dead_code(draft.with_nodes(nodes, draft.constants))


def _turns(node: SourceNode) -> bool:
    return node.op == "Gemm" and bool(node.attrs.get("transA", 0))


def _exchanges(node: SourceNode) -> bool:
    """Tell whether a node exchanges the two axes of a matrix; without a permutation all axes are reversed."""
    return node.op == "Transpose" and tuple(node.attrs.get("perm", (1, 0))) == (1, 0)
