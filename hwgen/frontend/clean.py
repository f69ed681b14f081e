# SPDX-License-Identifier: Apache-2.0
"""From protobuf to draft: one opset, known operators, unique node names, topological order, constants as arrays."""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Collection, Container, Iterator, Sequence

import onnx
from onnx import helper, version_converter

from hwgen.errors import Problem, UnsupportedError, UserError
from hwgen.frontend.dialects import DOMAINS, RULES, integer_ops
from hwgen.frontend.draft import QONNX_OPS, Draft, Port, array_of, attribute_value, ir_version, unique
from hwgen.frontend.inline import inlined
from hwgen.graph.source import Array, SourceNode
from hwgen.ops.base import source_ops, unknown_operator

OLDEST_OPSET, NEWEST_OPSET, WORKING_OPSET = 9, 23, 13
"""Opsets that are read; older ones than the working opset are upgraded to it."""
WIDE_OPSET = 21
"""The first one whose quantisers have 4 and 16 bits."""

_QONNX_DOMAIN = "qonnx.custom_op.general"
_QONNX_DOMAINS = ("qonnx.", "finn.", "onnx.brevitas", "brevitas")
_DROPPABLE_OUTPUTS = frozenset({"BatchNormalization", "Dropout", "MaxPool"})
_SHAPES = ("Shape", "Size")
_SUBGRAPH = onnx.AttributeProto.GRAPH, onnx.AttributeProto.GRAPHS


def clean(model: onnx.ModelProto, path: str) -> Draft:
    """Return the model as a draft of opset 13 or later; QONNX nodes keep their operator and lose their domain.

    Raises
    ------
    UserError
        The graph is empty, or its tensors contradict each other.
    UnsupportedError
        The opset is not 9 to 23, or operators are unknown: all of them are listed.
    """
    _check_text(model, path)
    opset = _opset(model, path)
    model = inlined(model)
    _check_graph(model.graph, path)
    _check_operators(model.graph, opset)
    wide = any(node.domain in DOMAINS and node.op_type in integer_ops.SAME for node in model.graph.node)
    working = max(opset, WIDE_OPSET if wide else WORKING_OPSET)
    model, notes = _upgraded(_tidied(model, opset), opset, working)
    return _draft(model, working, notes)


def bare(model: onnx.ModelProto, path: str) -> Draft:
    """Return the inputs and initialisers of a model without its nodes, which need not be readable."""
    _check_text(model, path)
    constant = {tensor.name for tensor in model.graph.initializer}
    ports = [port for port in model.graph.input if port.name not in constant]
    graph = onnx.GraphProto(name=model.graph.name, initializer=model.graph.initializer, input=ports)
    return _draft(onnx.ModelProto(graph=graph), NEWEST_OPSET, ())


def check_operators(model: onnx.ModelProto, path: str) -> None:
    """Refuse an opset that is not read, or else operators that cannot be; what `clean` does before anything else."""
    _check_operators(model.graph, _opset(model, path))


def _check_text(model: onnx.ModelProto, path: str) -> None:
    """Refuse names that are not UTF-8, which protobuf hands out as bytes."""
    graph = model.graph
    names = [name for node in graph.node for name in (node.op_type, node.domain, node.name, *node.input, *node.output)]
    names += [attribute.name for node in graph.node for attribute in node.attribute]
    names += [item.name for item in (*graph.initializer, *graph.input, *graph.output)]
    names += [entry.domain for entry in model.opset_import]
    if not all(isinstance(name, str) for name in names):
        raise UserError(f"{path} is damaged: it holds names that are not UTF-8 text.", hint="Export or copy it again.")


def _opset(model: onnx.ModelProto, path: str) -> int:
    versions = [entry.version for entry in model.opset_import if entry.domain in ("", "ai.onnx")]
    if not versions:
        raise UserError(f"{path} names no version of the ONNX operators (opset); it is truncated or damaged.")
    if not OLDEST_OPSET <= max(versions) <= NEWEST_OPSET:
        raise UnsupportedError(
            f"The model's opset must be {OLDEST_OPSET} to {NEWEST_OPSET}, not {max(versions)}.",
            hint="Export it with opset_version=17, or convert it with onnx.version_converter.convert_version.",
        )
    return int(max(versions))


def _check_graph(graph: onnx.GraphProto, path: str) -> None:
    """Refuse a graph that is empty or whose tensors contradict each other; every finding is reported."""
    made = Counter(name for node in graph.node for name in node.output if name)
    given = {tensor.name for tensor in graph.initializer} | {port.name for port in graph.input}
    problems = [
        Problem(f"{path} holds an empty graph: it has no {what}.")
        for what, items in (("nodes", graph.node), ("outputs", graph.output))
        if not items
    ]
    problems += [Problem(f"Tensor {name} is made by {n} nodes.") for name, n in made.items() if n > 1]
    problems += [Problem(f"Tensor {name} is both an input and made by a node.") for name in made if name in given]
    problems += [
        Problem(f"Tensor {name} is read but nothing makes it.", node.name or node.op_type)
        for node in graph.node
        for name in node.input
        if name and name not in made and name not in given
    ]
    problems += [
        Problem(f"Model output {port.name} is made by no node.")
        for port in graph.output
        if port.name not in made and port.name not in given
    ]
    if problems:
        raise UserError(problems)


def _check_operators(graph: onnx.GraphProto, opset: int) -> None:
    """Refuse operators that cannot be read; with them, those that lowering would refuse are listed already now."""
    problems = [problem for node in graph.node for problem in _operator_problem(node, opset)]
    if problems:
        computed = _computed(graph)
        problems = [p for node in graph.node for p in _operator_problem(node, opset, known=source_ops(), on=computed)]
    if graph.sparse_initializer:
        names = ", ".join(tensor.values.name for tensor in graph.sparse_initializer)
        problems.append(Problem(f"Sparse initialisers are not supported: {names}.", hint="Store them dense."))
    if problems:
        raise UnsupportedError(problems)


def _computed(graph: onnx.GraphProto) -> set[str]:
    """Return the tensors whose values, not only whose shapes, depend on a model input."""
    constant = {tensor.name for tensor in graph.initializer}
    found = {port.name for port in graph.input} - constant
    nodes = [node for node in graph.node if node.op_type not in _SHAPES]
    before = -1
    while before < len(found):
        before = len(found)
        found.update(name for node in nodes if found.intersection(node.input) for name in node.output)
    return found


def _operator_problem(
    node: onnx.NodeProto, opset: int, *, known: Collection[str] = (), on: Container[str] = ()
) -> Iterator[Problem]:
    """Yield why a node cannot be read, or that its operator is not among `known` though it reads a tensor of `on`."""
    name = node.name or (node.output[0] if node.output else node.op_type)
    if any(attribute.type in _SUBGRAPH for attribute in node.attribute):
        hint = "Export the model in evaluation mode, by tracing, so that conditions are constants."
        yield Problem(f"Control flow is not supported: operator {node.op_type}.", name, hint)
    elif node.domain.startswith(_QONNX_DOMAINS):
        if node.op_type not in QONNX_OPS:
            known = ", ".join(sorted(QONNX_OPS))
            message = f"Operator {node.op_type} of domain {node.domain} is not supported."
            yield Problem(message, name, f"Of QONNX, hwgen reads {known}.")
    elif node.domain not in ("", "ai.onnx"):
        if node.op_type not in DOMAINS.get(node.domain, ()):
            message = f"Operator {node.op_type} of domain {node.domain} is not supported."
            yield Problem(message, name, "Export with standard ONNX operators (QDQ format) or QONNX.")
    elif not onnx.defs.has(node.op_type, opset, ""):
        yield Problem(f"Operator {node.op_type} is not an ONNX operator of opset {opset}.", name)
    elif node.op_type not in (*_SHAPES, *RULES, *known) and any(tensor in on for tensor in node.input):
        yield unknown_operator(node.op_type, name)


def _tidied(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """Return a copy without what later steps trip over: aliases of domains, unused outputs, stale shapes, order."""
    source = model.graph
    constant = {tensor.name for tensor in source.initializer}
    used = {name for node in source.node for name in node.input} | {port.name for port in source.output}
    graph = onnx.GraphProto(name=source.name or "model")
    graph.initializer.extend(source.initializer)
    graph.input.extend(port for port in source.input if port.name not in constant)
    graph.output.extend(
        p if p.type.HasField("tensor_type") else onnx.ValueInfoProto(name=p.name) for p in source.output
    )
    for node in _sorted(source.node):
        graph.node.append(node)
        copy = graph.node[-1]
        foreign = node.domain in DOMAINS and node.op_type in RULES
        copy.domain = _QONNX_DOMAIN if node.op_type in QONNX_OPS else node.domain if foreign else ""
        copy.op_type = "Quant" if node.op_type == "IntQuant" else node.op_type
        if node.op_type in _DROPPABLE_OUTPUTS:
            while len(copy.output) > 1 and copy.output[-1] not in used:
                del copy.output[-1]
    imports = [helper.make_opsetid(domain, 1) for domain in (_QONNX_DOMAIN, *DOMAINS)]
    imports.append(helper.make_opsetid("", opset))
    tidy = helper.make_model(graph, opset_imports=imports)
    tidy.ir_version = ir_version(opset)
    return tidy


def _sorted(nodes: Sequence[onnx.NodeProto]) -> list[onnx.NodeProto]:
    """Return the nodes in topological order; among nodes that are ready, the file's order is kept."""
    maker = {name: index for index, node in enumerate(nodes) for name in node.output if name}
    waits = [{maker[name] for name in node.input if name in maker} for node in nodes]
    readers: list[list[int]] = [[] for _ in nodes]
    for index, needed in enumerate(waits):
        for other in needed:
            readers[other].append(index)
    ready = [index for index, needed in enumerate(waits) if not needed]
    heapq.heapify(ready)
    order: list[int] = []
    while ready:
        index = heapq.heappop(ready)
        order.append(index)
        for reader in readers[index]:
            waits[reader].discard(index)
            if not waits[reader]:
                heapq.heappush(ready, reader)
    if len(order) < len(nodes):
        loop = ", ".join(nodes[i].name or nodes[i].op_type for i in sorted(set(range(len(nodes))) - set(order)))
        raise UserError(f"These nodes wait for each other in a cycle: {loop}.")
    return [nodes[index] for index in order]


def _upgraded(model: onnx.ModelProto, opset: int, working: int) -> tuple[onnx.ModelProto, tuple[str, ...]]:
    if opset >= working:
        return model, ()
    try:
        model = version_converter.convert_version(model, working)
    except Exception as error:
        reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
        raise UnsupportedError(
            f"The model of opset {opset} cannot be upgraded to opset {working}: {reason}.",
            hint="Export it again with opset_version=17.",
        ) from error
    return model, (f"Upgraded from opset {opset} to {working} by onnx.version_converter.",)


def _draft(model: onnx.ModelProto, opset: int, notes: tuple[str, ...]) -> Draft:
    constants: dict[str, Array] = {}
    problems: list[Problem] = []
    for tensor in model.graph.initializer:
        try:
            constants[tensor.name] = array_of(tensor)
        except Exception:
            problems.append(Problem(f"Initialiser {tensor.name} is damaged: its data do not fit its type and shape."))
    inputs = tuple(port for value in model.graph.input for port in _port(value, problems))
    if problems:
        raise UserError(problems)
    taken: set[str] = set()
    nodes = tuple(_node(node, index, taken) for index, node in enumerate(model.graph.node))
    return Draft(opset, nodes, constants, inputs, tuple(port.name for port in model.graph.output), notes)


def _node(node: onnx.NodeProto, index: int, taken: set[str]) -> SourceNode:
    attrs = {attribute.name: attribute_value(attribute) for attribute in node.attribute}
    name = unique(node.name or f"{node.op_type}_{index}", taken)
    return SourceNode(name, node.op_type, tuple(node.input), tuple(node.output), attrs)


def _port(value: onnx.ValueInfoProto, problems: list[Problem]) -> Iterator[Port]:
    if not value.type.HasField("tensor_type") or not value.type.tensor_type.elem_type:
        problems.append(Problem(f"Model input {value.name} must be a tensor with a known element type."))
        return
    tensor = value.type.tensor_type
    dims: list[int | str | None] = []
    for dim in tensor.shape.dim:
        fixed = dim.HasField("dim_value") and dim.dim_value >= 0
        dims.append(dim.dim_value if fixed else dim.dim_param or None)
    yield Port(value.name, tensor.elem_type, tuple(dims) if tensor.HasField("shape") else None)
