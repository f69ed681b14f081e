# SPDX-License-Identifier: Apache-2.0
"""Queries, keys and values taken apart along a first axis that is not the batch, as vision transformers do.

``reshape(1, T, 3, heads, d)``, ``transpose(2, 0, 3, 1, 4)`` and three Gathers along axis 0, or one Split with a Squeeze
for each part, become the same with the batch in front: ``transpose(0, 2, 3, 1, 4)`` and axis 1.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from hwgen.frontend.draft import Draft
from hwgen.graph.source import Array, SourceNode


def rewritten(draft: Draft) -> Draft:
    """Return the draft with the batch in front of what is taken apart; constants are folded already."""
    readers: dict[str, list[SourceNode]] = {}
    for node in draft.nodes:
        for name in node.inputs:
            readers.setdefault(name, []).append(node)
    changed: dict[str, SourceNode] = {}
    constants = dict(draft.constants)
    for node in draft.nodes:
        if node.op == "Transpose" and tuple(node.attrs.get("perm", ()))[1:2] == (0,):
            parts = _parts(node.outputs[0], readers, draft)
            if parts:
                perm = tuple(axis for axis in node.attrs["perm"] if axis)
                changed[node.name] = replace(node, attrs={**node.attrs, "perm": (0, *perm)})
                changed.update({part.name: _moved(part, constants) for part in parts})
    if not changed:
        return draft
    return draft.with_nodes([changed.get(node.name, node) for node in draft.nodes], constants)


def _parts(tensor: str, readers: Mapping[str, list[SourceNode]], draft: Draft) -> list[SourceNode]:
    """Return the nodes that take a tensor apart along axis 0 and drop that axis; none where one does anything else."""
    found: list[SourceNode] = []
    for node in readers.get(tensor, []):
        if node.op == "Gather" and node.attrs.get("axis", 0) == 0 and _is_scalar(node.inputs[1], draft.constants):
            found.append(node)
        elif node.op == "Split" and node.attrs.get("axis", 0) == 0:
            squeezes = [reader for name in node.outputs for reader in readers.get(name, [])]
            if any(not _squeezes_first(reader, draft.constants) for reader in squeezes):
                return []
            found += [node, *squeezes]
        else:
            return []
    kept = {name for node in found if node.op == "Split" for name in node.outputs} | {tensor}
    return [] if kept.intersection(draft.outputs) else found


def _is_scalar(name: str, constants: Mapping[str, Array]) -> bool:
    return name in constants and constants[name].ndim == 0


def _squeezes_first(node: SourceNode, constants: Mapping[str, Array]) -> bool:
    axes = constants.get(node.inputs[1]) if node.op == "Squeeze" and len(node.inputs) > 1 else None
    return axes is not None and axes.reshape(-1).tolist() == [0]


def _moved(node: SourceNode, constants: dict[str, Array]) -> SourceNode:
    """Return the node with axis 1 in place of axis 0."""
    if node.op != "Squeeze":
        return replace(node, attrs={**node.attrs, "axis": 1})
    axes = f"{node.outputs[0]}__axes"
    constants[axes] = constants[node.inputs[1]] + 1
    return replace(node, inputs=(node.inputs[0], axes))
