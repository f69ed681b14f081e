# SPDX-License-Identifier: Apache-2.0
"""From the imported model to the exact integer graph."""

from __future__ import annotations

from dataclasses import replace

from hwgen.errors import Problem, UnsupportedError
from hwgen.graph import Graph
from hwgen.graph.source import SourceModel, SourceNode
from hwgen.ops.base import source_ops, unknown_operator
from hwgen.ops.elementwise import suffix
from hwgen.ops.lowered import Lowered, Observation
from hwgen.ops.lowering import Lowering
from hwgen.ops.values import Anchor, Broken, Const, Host, HostQuant, QuantConst, Suffix, Value
from hwgen.passes.dead import drop_dead
from hwgen.passes.merge_pads import merge_pads
from hwgen.passes.refusal import refusal
from hwgen.passes.verify import check_graph, verify_graph


def lower(model: SourceModel) -> Lowered:
    """Lower a quantised model to integers.

    Returns
    -------
    Lowered
        The graph, what its ports and tensors are in the model, and a proof for every requantisation.

    Raises
    ------
    UnsupportedError
        With everything found: operators that hwgen does not know, tensors that are not quantised, layouts and scales
        that it cannot build.
    """
    ctx = Lowering(model)
    problems = [problem for node in model.nodes for problem in _lower_node(ctx, node)]
    if problems:
        raise UnsupportedError(refusal(model.nodes, [*problems, *check_graph(ctx.graph())]))
    anchors = _outputs(ctx)
    tensors = tuple(dict.fromkeys(a.tensor for a in anchors))
    graph = verify_graph(ctx.graph(tensors))
    graph = verify_graph(drop_dead(merge_pads(graph)))
    found = check_graph(graph)
    if found:
        raise UnsupportedError(found)
    return _result(ctx, graph, anchors)


def _lower_node(ctx: Lowering, node: SourceNode) -> list[Problem]:
    """Lower one node; return what was wrong with it."""
    op = source_ops().get(node.op)
    values = [ctx.value(name) for name in node.inputs if name]
    if op is None:
        _assume(ctx, node)
        return [unknown_operator(node.op, node.name)]
    if any(isinstance(value, Broken) for value in values):
        _bind(ctx, node, Broken())
        return []
    wrong = op.problems(node, ctx.model.shapes)
    if wrong:
        _assume(ctx, node)
        return wrong
    try:
        if any(isinstance(value, Suffix) for value in values):
            _bind(ctx, node, _follow(ctx, node, values, host=op.host))
        else:
            op.lower(ctx, node)
    except UnsupportedError as error:
        _assume(ctx, node)
        return list(error.problems)
    except MemoryError:
        _bind(ctx, node, Broken())
        text = f"{node.op} must not need more memory to import than this process may have."
        return [Problem(text, node.name, "Check the sizes of its tensors.")]
    return []


def _assume(ctx: Lowering, node: SourceNode) -> None:
    """Take the results of a refused node for quantised inputs, so that what follows it is looked at too."""
    for name in filter(None, node.outputs):
        dtype, shape = ctx.model.dtypes.get(name), ctx.model.shapes.get(name, ())
        known = dtype is not None and dtype.kind == "f" and 2 <= len(shape) <= 4 and shape[0] == 1
        ctx.bind(name, HostQuant(name, True, 8, -128, 127) if known else Broken())


def _bind(ctx: Lowering, node: SourceNode, value: Value) -> None:
    for name in node.outputs:
        if name:
            ctx.bind(name, value)


def _follow(ctx: Lowering, node: SourceNode, values: list[Value], *, host: bool) -> Suffix:
    """Leave a node behind a host function to the host."""
    first = next(value for value in values if isinstance(value, Suffix))
    if not host:
        text = f"{node.op} must not follow {first.source}, which only the host can compute, at the end of a model."
        ctx.refuse(node, text, f"Cut the model before {first.source}, or replace it.")
    return replace(suffix(values, ctx, node), source=first.source)


def _outputs(ctx: Lowering) -> list[Anchor]:
    """Return what the accelerator must put out so that the host can compute every output of the model."""
    anchors: dict[tuple[str, str], Anchor] = {}
    for name in ctx.model.outputs:
        value = ctx.value(name)
        if isinstance(value, Const | QuantConst | Host | HostQuant):
            ctx.notes.append(f"The output {name} depends on no hardware: the host computes it.")
            continue
        node = next(n for n in ctx.model.nodes if name in n.outputs)
        for anchor in suffix([value], ctx, node).anchors:
            if anchor.tensor not in ctx.inputs:
                anchors[(anchor.tensor, anchor.onnx)] = anchor
            if anchor.onnx != name:
                ctx.notes.append(f"The host computes {name} from {anchor.onnx}.")
    if not anchors:
        text = "The model must hold at least one quantised layer, but nothing in it is left for hardware."
        raise UnsupportedError(text, hint="Quantise it first: export QDQ or QONNX.")
    return list(anchors.values())


def _result(ctx: Lowering, graph: Graph, anchors: list[Anchor]) -> Lowered:
    inputs = []
    for tensor in graph.inputs:
        port = ctx.inputs[tensor]
        inputs.append(_observation(ctx.port_anchor(port)))
        if port.onnx not in ctx.model.inputs:
            operators = " ".join(node.op for node in ctx.model.nodes if port.onnx in node.outputs)
            ctx.notes.append(f"The host computes {port.onnx} ({operators}); it enters as {tensor}.")
    by_tensor = {a.tensor: a for a in reversed(anchors)}
    outputs = [by_tensor[tensor] for tensor in graph.outputs]
    alive = set(graph.types)
    made = {node.name for node in graph.nodes}
    return Lowered(
        graph,
        tuple(inputs),
        tuple(_observation(anchor) for anchor in outputs),
        tuple(o for o in ctx.observations if o.tensor in alive),
        tuple(p for p in ctx.proofs if p.node in made),
        tuple(dict.fromkeys(ctx.notes)),
    )


def _observation(anchor: Anchor) -> Observation:
    return Observation(anchor.tensor, anchor.onnx, anchor.scale, anchor.zero_point, anchor.offset, anchor.layout)
