# SPDX-License-Identifier: Apache-2.0
"""Local functions, and If nodes whose condition the file holds, become plain nodes."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import onnx
from onnx import inliner, numpy_helper

from hwgen.errors import UnsupportedError
from hwgen.frontend.shapes import plain


def inlined(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model without local functions, nested ones included, and with the branches taken that are known.

    A function of another opset than the model's is converted to it.

    Raises
    ------
    UnsupportedError
        A function cannot be converted.
    """
    if model.functions:
        try:
            own = _opset(model.opset_import)
            foreign = any(_opset(function.opset_import) - own for function in model.functions)
            model = inliner.inline_local_functions(_typed(model) if foreign else model, convert_version=foreign)
        except Exception as error:
            names = ", ".join(sorted({function.name for function in model.functions})[:5])
            text = f"The model's functions ({names}) cannot be inlined: {plain(error)}"
            raise UnsupportedError(text, hint="Export with one opset for the model and its functions.") from error
    if not any(node.op_type == "If" for node in model.graph.node):
        return model
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    while _take_branches(copy.graph):
        pass
    return copy


def _opset(imports: Iterable[onnx.OperatorSetIdProto]) -> set[int]:
    return {entry.version for entry in imports if entry.domain in ("", "ai.onnx")}


def _typed(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return the model with the type of every tensor, initialisers included, which converting a function asks for."""
    typed = onnx.shape_inference.infer_shapes(model)
    for tensor in typed.graph.initializer:
        typed.graph.value_info.append(onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))
    return typed


def _take_branches(graph: onnx.GraphProto) -> bool:
    """Replace every If whose condition is a constant by the nodes of its branch; say whether there was one."""
    known = _conditions(graph)
    nodes: list[onnx.NodeProto] = []
    for index, node in enumerate(graph.node):
        if node.op_type == "If" and node.domain in ("", "ai.onnx") and node.input[0] in known:
            nodes.extend(_branch(node, known[node.input[0]], f"{node.name or 'if'}_{index}", graph))
        else:
            nodes.append(node)
    taken = any(node.op_type == "If" and node.input[0] in known for node in graph.node)
    del graph.node[:]
    graph.node.extend(nodes)
    return taken


def _conditions(graph: onnx.GraphProto) -> dict[str, bool]:
    """Return the values of the constants that are one boolean."""
    tensors = {t.name: t for t in graph.initializer}
    for node in graph.node:
        if node.op_type == "Constant" and node.attribute and node.attribute[0].name == "value":
            tensors[node.output[0]] = node.attribute[0].t
    single = {name: t for name, t in tensors.items() if t.data_type == onnx.TensorProto.BOOL and set(t.dims) <= {1}}
    return {name: bool(numpy_helper.to_array(t).reshape(-1)[0]) for name, t in single.items()}


def _branch(node: onnx.NodeProto, condition: bool, prefix: str, graph: onnx.GraphProto) -> Iterator[onnx.NodeProto]:
    """Yield the nodes of the branch taken, under names of their own; its initialisers go to the graph."""
    wanted = "then_branch" if condition else "else_branch"
    (branch,) = (attribute.g for attribute in node.attribute if attribute.name == wanted)
    own = {name for inner in branch.node for name in inner.output} | {t.name for t in branch.initializer}
    renamed = {name: f"{prefix}_{name}" for name in own if name}
    for tensor in branch.initializer:
        graph.initializer.append(tensor)
        graph.initializer[-1].name = renamed[tensor.name]
    for inner in branch.node:
        yield _renamed(inner, renamed)
    for port, output in zip(branch.output, node.output, strict=True):
        source = renamed.get(port.name, port.name)
        yield onnx.helper.make_node("Identity", [source], [output], name=f"{prefix}_{output}")


def _renamed(node: onnx.NodeProto, renamed: Mapping[str, str]) -> onnx.NodeProto:
    """Return a copy with tensors renamed, in nested graphs too."""
    copy = onnx.NodeProto()
    copy.CopyFrom(node)
    copy.input[:] = [renamed.get(name, name) for name in node.input]
    copy.output[:] = [renamed.get(name, name) for name in node.output]
    for attribute in copy.attribute:
        graphs = [attribute.g] if attribute.type == onnx.AttributeProto.GRAPH else attribute.graphs
        for graph in graphs:
            inner = [_renamed(child, renamed) for child in graph.node]
            del graph.node[:]
            graph.node.extend(inner)
            for port in graph.output:
                port.name = renamed.get(port.name, port.name)
    return copy
