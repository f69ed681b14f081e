# SPDX-License-Identifier: Apache-2.0
"""Where quantisers go: behind activation functions, in front of what needs integers, once for each tensor."""

from __future__ import annotations

from dataclasses import dataclass

from hwgen.config import Quantize
from hwgen.graph.source import SourceNode
from hwgen.ops.base import source_ops
from hwgen.ops.elementwise import ElementwiseOp
from hwgen.quantize.bits import Bits, before_hardware, reading_layers
from hwgen.quantize.net import Net


@dataclass(frozen=True)
class Site:
    """One quantiser, or several with the same grid.

    Parameters
    ----------
    tensors
        Tensors that are quantised; more than one where a Concat joins them.
    bits
        Width.
    symmetric
        Real zero must be the integer 0, because the tensor is multiplied by another activation.
    exact
        Integers that the model is given may stay what they are.
    layers
        Names of the layers that multiply it by weights; empty where only joins, pools and the like read it.
    """

    tensors: tuple[str, ...]
    bits: int
    symmetric: bool
    exact: bool
    layers: tuple[str, ...]


def place(net: Net, bits: dict[str, Bits], options: Quantize) -> tuple[Site, ...]:
    """Return the quantisers of a network, in the order of their first tensor."""
    wanted: dict[str, None] = {}
    for node in net.nodes:
        if net.needs_integers(node) and not by_host(net, node):
            wanted.update(dict.fromkeys(name for read in _operands(net, node) for name in _sources(net, read)))
    if options.outputs is not None:
        wanted.update(dict.fromkeys(name for out in net.outputs for name in _sources(net, out)))
    host = before_hardware(net)
    return tuple(_site(net, group, bits, options, host) for group in _groups(net, list(wanted)))


def by_host(net: Net, node: SourceNode) -> bool:
    """Tell whether a node is left to the host: nothing but what the host can do stands behind it, itself included."""
    op = source_ops()[node.op]
    alone = len(net.activations(node)) == 1
    behind = [reader for name in node.outputs if name for reader in net.readers.get(name, ())]
    return op.host and alone and all(by_host(net, reader) for reader in behind)


def _operands(net: Net, node: SourceNode) -> tuple[str, ...]:
    """Return the tensors that a node needs as integers; the common origin where it joins functions of one tensor."""
    acts = net.activations(node)
    if len(acts) > 1 and isinstance(source_ops()[node.op], ElementwiseOp):
        roots = {_root(net, name) for name in acts}
        if len(roots) == 1:
            return tuple(roots)
    return acts


def _root(net: Net, name: str) -> str:
    """Return the tensor that `name` is an element-wise function of."""
    maker = net.makers.get(name)
    while maker is not None and isinstance(source_ops().get(maker.op), ElementwiseOp):
        acts = net.activations(maker)
        if len(acts) != 1 or net.keeps_integers(maker):
            break
        name = acts[0]
        maker = net.makers.get(name)
    return name


def _sources(net: Net, name: str) -> tuple[str, ...]:
    """Return the tensors to quantise so that `name` is: itself, or what the nodes before it hand on."""
    maker = net.makers.get(name)
    if maker is None or not net.keeps_integers(maker):
        return (name,)
    if net.needs_integers(maker):
        return ()
    return tuple(source for read in net.activations(maker) for source in _sources(net, read))


def _groups(net: Net, names: list[str]) -> list[tuple[str, ...]]:
    """Put tensors together whose elements end up in one tensor."""
    group = {name: name for name in names}
    for node in net.nodes:
        acts = net.activations(node)
        if net.keeps_integers(node) and len(acts) > 1:
            joined = [group[name] for read in acts for name in _all_sources(net, read) if name in group]
            group = {name: joined[0] if of in joined else of for name, of in group.items()}
    found: dict[str, list[str]] = {}
    for name in names:
        found.setdefault(group[name], []).append(name)
    return [tuple(members) for members in found.values()]


def _all_sources(net: Net, name: str) -> tuple[str, ...]:
    """Return the quantised tensors whose elements `name` consists of."""
    maker = net.makers.get(name)
    if maker is None or not net.keeps_integers(maker):
        return (name,)
    return tuple(source for read in net.activations(maker) for source in _all_sources(net, read))


def _site(net: Net, tensors: tuple[str, ...], bits: dict[str, Bits], options: Quantize, host: set[str]) -> Site:
    layers = tuple(dict.fromkeys(node.name for name in tensors for node in reading_layers(net, name)))
    widths = [bits[name].acts for name in layers]
    from_host = host.issuperset(tensors)
    if options.outputs is not None and not set(tensors).isdisjoint(_at_outputs(net)):
        widths.append(options.outputs)
    elif not layers:
        widths.append(max(options.joins, options.acts))
    if from_host and options.first_last is not None:
        widths.append(options.first_last)
    symmetric = any(_multiplied(net, name) for name in tensors)
    return Site(tensors, max(widths), symmetric, from_host, layers)


def _at_outputs(net: Net) -> set[str]:
    return {name for out in net.outputs for name in _sources(net, out)}


def _multiplied(net: Net, name: str) -> bool:
    """Tell whether a tensor, perhaps handed on, meets another activation in a product."""
    for node in net.readers.get(name, ()):
        if net.keeps_integers(node):
            if any(_multiplied(net, out) for out in node.outputs if out):
                return True
        elif node.op in ("MatMul", "Gemm", "Mul") and len(net.activations(node)) > 1:
            return True
    return False
