# SPDX-License-Identifier: Apache-2.0
"""How many bits each layer gets: the options' own, 8 for the first and the last, and what a layer is given by name."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.config import Quantize
from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.graph.source import SourceNode
from hwgen.quantize.net import Net


@dataclass(frozen=True)
class Bits:
    """Widths of one layer: its weights, and the activation that they are multiplied by."""

    weights: int
    acts: int


def layer_bits(net: Net, options: Quantize) -> dict[str, Bits]:
    """Return the widths of every layer with weights, by node name.

    Raises
    ------
    UserError
        The options name layers that the network does not have; all of them are listed.
    """
    names = [node.name for node in net.layers]
    unknown = [name for name in options.layers if name not in names]
    if unknown:
        raise UserError(
            [
                Problem(
                    f"quantize.layers names {name}, which is no layer with weights.", hint=did_you_mean(name, names)
                )
                for name in unknown
            ]
        )
    ends = first_layers(net) | last_layers(net)
    found = {}
    for name in names:
        least = options.first_last if name in ends and options.first_last is not None else 0
        own = options.layers.get(name)
        weights, acts = max(options.weights, least), max(options.acts, least)
        if own is not None:
            weights, acts = own.weights or weights, own.acts or acts
        found[name] = Bits(weights, acts)
    return found


def before_hardware(net: Net) -> set[str]:
    """Return the tensors that the host computes: those behind no node that needs integers."""
    found = set(net.inputs)
    for node in net.nodes:
        acts = net.activations(node)
        if acts and found.issuperset(acts) and not net.needs_integers(node):
            found.update(node.outputs)
    return found


def first_layers(net: Net) -> set[str]:
    """Return the layers that read what the host computes."""
    host = before_hardware(net)
    return {node.name for node in net.layers if node.inputs[0] in host}


def last_layers(net: Net) -> set[str]:
    """Return the layers that no other layer with weights follows."""
    names = {node.name for node in net.layers}
    followed: set[str] = set()
    last = set()
    for node in reversed(net.nodes):
        behind = any(name in followed for name in node.outputs)
        if node.name in names and not behind:
            last.add(node.name)
        if behind or node.name in names:
            followed.update(net.activations(node))
    return last


def reading_layers(net: Net, tensor: str) -> list[SourceNode]:
    """Return the layers that multiply a tensor by weights, directly or behind nodes that only hand it on."""
    found = []
    for node in net.readers.get(tensor, ()):
        if net.is_weighted(node) and node.inputs[0] == tensor:
            found.append(node)
        elif net.keeps_integers(node):
            found += [layer for name in node.outputs if name for layer in reading_layers(net, name)]
    return found
