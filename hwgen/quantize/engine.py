# SPDX-License-Identifier: Apache-2.0
"""Runs a network node by node on batches of frames, so that layers can be changed on the way.

Every node is one small onnxruntime session whose constants are inputs; sessions are shared between equal nodes and
live as long as the engine. A tensor is an array ``(frames, *shape[1:])`` where its ONNX shape begins with the batch of
1, else ``(frames, *shape)``. A node whose parameters fix the batch runs frame by frame.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping

import numpy as np
import onnx
import onnxruntime
from onnx import helper

from hwgen.errors import Problem, UnsupportedError
from hwgen.frontend.draft import IR_VERSION
from hwgen.frontend.reference import session
from hwgen.graph.source import Array, SourceNode
from hwgen.quantize.net import Net
from hwgen.quantize.ranges import Grid

CHUNK_ELEMENTS = 1 << 24
"""About as many activation values are computed at once."""

Visit = Callable[[SourceNode, Mapping[str, Array]], None]
"""Called behind each node with the tensors that are still alive."""


class Engine:
    """Evaluates networks of one opset.

    Parameters
    ----------
    opset
        Version of the default domain.
    """

    def __init__(self, opset: int) -> None:
        self._opset = opset
        self._sessions: dict[object, onnxruntime.InferenceSession] = {}
        self._batched: dict[tuple[str, ...], bool] = {}

    def node(self, net: Net, node: SourceNode, values: Mapping[str, Array]) -> dict[str, Array]:
        """Return the outputs of one node.

        Parameters
        ----------
        values
            Every activation that the node reads.

        Raises
        ------
        UnsupportedError
            onnxruntime cannot run the node.
        """
        given = {name: values[name] for name in net.activations(node)}
        frames = len(next(iter(given.values())))
        if frames > 1 and self._can_batch(net, node, given):
            return self._run(net, node, given, frames)
        singles = [self._single(net, node, given, index) for index in range(frames)]
        return {name: np.concatenate([one[name] for one in singles]) for name in singles[0]}

    def _can_batch(self, net: Net, node: SourceNode, given: Mapping[str, Array]) -> bool:
        """Tell whether a node takes many frames at once; found out once, on two frames."""
        key = (node.name, *node.inputs)
        if key not in self._batched:
            self._batched[key] = self._same_in_batch(net, node, {n: v[:2] for n, v in given.items()})
        return self._batched[key]

    def _same_in_batch(self, net: Net, node: SourceNode, given: Mapping[str, Array]) -> bool:
        made = [name for name in node.outputs if name]
        if any(net.shapes[name][:1] != (1,) for name in (*given, *made)):
            return False
        try:
            together = self._run(net, node, given, 2)
        except UnsupportedError:
            return False
        apart = [self._single(net, node, given, index) for index in (0, 1)]
        return all(
            together[name].shape == (2, *net.shapes[name][1:])
            and np.allclose(together[name], np.concatenate([one[name] for one in apart]), rtol=1e-3, atol=1e-5)
            for name in made
        )

    def _single(self, net: Net, node: SourceNode, given: Mapping[str, Array], index: int) -> dict[str, Array]:
        frame = {
            name: value[index : index + 1] if net.shapes[name][:1] == (1,) else value[index]
            for name, value in given.items()
        }
        made = self._run(net, node, frame, 1)
        return {n: v if net.shapes[n][:1] == (1,) else v[np.newaxis] for n, v in made.items()}

    def _run(self, net: Net, node: SourceNode, given: Mapping[str, Array], frames: int) -> dict[str, Array]:
        feeds = {}
        for index, name in enumerate(node.inputs):
            if name:
                feeds[f"i{index}"] = given[name] if name in given else _parameter(net, node, index, frames)
        made = [f"o{index}" for index, name in enumerate(node.outputs) if name]
        try:
            results = self._session(node, feeds).run(made, feeds)
        except Exception as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(".")
            text = f"{node.op} must run in onnxruntime to be quantised, but it fails: {reason}."
            raise UnsupportedError(Problem(text, node.name)) from error
        return dict(zip((name for name in node.outputs if name), results, strict=True))

    def _session(self, node: SourceNode, feeds: Mapping[str, Array]) -> onnxruntime.InferenceSession:
        attrs = tuple(sorted((key, repr(value)) for key, value in node.attrs.items()))
        types = tuple((name, str(value.dtype), value.ndim) for name, value in feeds.items())
        key = (node.op, attrs, types, tuple(bool(name) for name in node.outputs))
        if key not in self._sessions:
            self._sessions[key] = session(_one_node(node, feeds, self._opset).SerializeToString())
        return self._sessions[key]

    def walk(
        self, net: Net, feeds: Mapping[str, Array], visit: Visit, grids: Mapping[str, Grid] | None = None
    ) -> dict[str, Array]:
        """Run a network on frames, calling `visit` behind each node; return its outputs.

        Parameters
        ----------
        grids
            Tensors that are quantised; those that read them see that, `visit` and the outputs do not.
        """
        grids = grids or {}
        alive = Alive(net, on_grids(feeds, grids))
        outputs: dict[str, Array] = {}
        for node in net.nodes:
            made = self.node(net, node, alive.values)
            outputs.update({name: value for name, value in made.items() if name in net.outputs})
            alive.add(made)
            visit(node, alive.values)
            alive.add(on_grids(made, grids))
            alive.drop(node)
        return outputs


class Alive:
    """The tensors of a walk that something still reads."""

    def __init__(self, net: Net, feeds: Mapping[str, Array]) -> None:
        self.values: dict[str, Array] = dict(feeds)
        self._left = Counter(net.uses)

    def add(self, values: Mapping[str, Array]) -> None:
        """Add a node's outputs."""
        self.values.update(values)

    def drop(self, node: SourceNode) -> None:
        """Forget what the node was the last one to read, and those of its outputs that nothing reads."""
        self._left.subtract(name for name in node.inputs if name)
        for name in (*node.inputs, *node.outputs):
            if name and self._left[name] <= 0:
                self.values.pop(name, None)


def chunks(net: Net, feeds: Mapping[str, Array]) -> Iterable[dict[str, Array]]:
    """Yield frames in groups small enough that all activations of a group fit in memory."""
    made = (name for node in net.nodes for name in node.outputs if name)
    elements = sum(int(np.prod(net.shapes[name])) for name in made)
    size = max(1, CHUNK_ELEMENTS // max(elements, 1))
    frames = len(next(iter(feeds.values())))
    for start in range(0, frames, size):
        yield {name: value[start : start + size] for name, value in feeds.items()}


def _parameter(net: Net, node: SourceNode, index: int, frames: int) -> Array:
    """Return a constant input; a Reshape that spells out the batch of 1 gets the batch at hand."""
    value = net.constants[node.inputs[index]]
    if node.op in ("Reshape", "Expand") and index == 1 and frames > 1 and value.size and value.reshape(-1)[0] == 1:
        value = value.copy()
        value.reshape(-1)[0] = frames
    return value


def _one_node(node: SourceNode, feeds: Mapping[str, Array], opset: int) -> onnx.ModelProto:
    inputs = [f"i{index}" if name else "" for index, name in enumerate(node.inputs)]
    outputs = [f"o{index}" if name else "" for index, name in enumerate(node.outputs)]
    proto = onnx.NodeProto(op_type=node.op, name="node", input=inputs, output=outputs)
    schema = onnx.defs.get_schema(node.op, opset, "")
    for key, value in node.attrs.items():
        value = onnx.numpy_helper.from_array(value) if isinstance(value, np.ndarray) else value
        kind = schema.attributes[key].type.value if key in schema.attributes else None
        proto.attribute.append(helper.make_attribute(key, value, attr_type=kind))
    ports = [_port(name, value) for name, value in feeds.items()]
    graph = helper.make_graph([proto], "node", ports, [onnx.ValueInfoProto(name=name) for name in outputs if name])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)])
    model.ir_version = IR_VERSION
    return model


def _port(name: str, value: Array) -> onnx.ValueInfoProto:
    kind = helper.np_dtype_to_tensor_dtype(value.dtype)
    return helper.make_tensor_value_info(name, kind, [None] * value.ndim)


def on_grids(values: Mapping[str, Array], grids: Mapping[str, Grid]) -> dict[str, Array]:
    """Return tensors by name, quantised where they have a grid."""
    return {name: grids[name].apply(value) if name in grids else value for name, value in values.items()}


def count(feeds: Mapping[str, Array]) -> int:
    """Return the number of frames."""
    return len(next(iter(feeds.values())))


def first_frames(feeds: Mapping[str, Array], frames: int) -> dict[str, Array]:
    """Return the first frames."""
    return {name: value[:frames] for name, value in feeds.items()}
