# SPDX-License-Identifier: Apache-2.0
"""The reference: onnxruntime on the imported model, graph optimisations off, one thread, one frame at a time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import onnx
import onnxruntime

from hwgen.errors import UnsupportedError
from hwgen.graph.source import Array, SourceModel


def session(model: bytes) -> onnxruntime.InferenceSession:
    """Return an onnxruntime session that computes exactly what the file says, on one thread."""
    options = onnxruntime.SessionOptions()
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = 4
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def run_once(model: bytes, feeds: Mapping[str, Array], want: Sequence[str]) -> dict[str, Array]:
    """Run a serialised model once and return the wanted outputs by name."""
    return dict(zip(want, session(model).run(list(want), dict(feeds)), strict=True))


def extract(model: onnx.ModelProto, inputs: Iterable[str], outputs: Sequence[str], name: str) -> onnx.ModelProto:
    """Return the part of a model that computes `outputs` from `inputs` and constants.

    Parameters
    ----------
    model
        With the types of its tensors in `value_info`, as `SourceModel.serialized` has.
    inputs
        Tensors at which the walk back from `outputs` stops; those that are not reached are left out.

    Raises
    ------
    KeyError
        An output depends on something that is neither made by a node, nor a constant, nor among `inputs`.
    """
    makers = {made: node for node in model.graph.node for made in node.output if made}
    constants = {tensor.name: tensor for tensor in model.graph.initializer}
    infos = {i.name: i for i in (*model.graph.value_info, *model.graph.input, *model.graph.output)}
    ends = dict.fromkeys(inputs)
    reached: set[str] = set()
    kept: set[int] = set()
    todo = list(outputs)
    while todo:
        tensor = todo.pop()
        if not tensor or tensor in reached:
            continue
        reached.add(tensor)
        if tensor not in ends and tensor not in constants:
            kept.add(id(makers[tensor]))
            todo.extend(makers[tensor].input)
    graph = onnx.GraphProto(name=name)
    graph.node.extend(node for node in model.graph.node if id(node) in kept)
    graph.initializer.extend(tensor for key, tensor in constants.items() if key in reached and key not in ends)
    graph.input.extend(infos[key] for key in ends if key in reached)
    graph.output.extend(infos[key] for key in dict.fromkeys(outputs))
    part = onnx.ModelProto()
    part.CopyFrom(onnx.ModelProto(ir_version=model.ir_version, producer_name="hwgen", opset_import=model.opset_import))
    part.graph.CopyFrom(graph)
    return part


class Reference:
    """Runs a source model with onnxruntime and returns any of its tensors.

    Parameters
    ----------
    model
        The imported model; `serialized` is what runs, QONNX nodes written out in standard operators.
    """

    def __init__(self, model: SourceModel) -> None:
        self.model = model
        self._proto = onnx.load_model_from_string(model.serialized)
        self._sessions: dict[tuple[str, ...], onnxruntime.InferenceSession] = {}

    def run(self, feeds: Mapping[str, Array], want: Sequence[str]) -> dict[str, Array]:
        """Return the wanted tensors for a batch of frames.

        Parameters
        ----------
        feeds
            Every model input by name, ``(frames, *shape[1:])``; converted to the input's element type.
        want
            Names of any tensors of the model: inputs, outputs or between.

        Returns
        -------
        dict
            Arrays ``(frames, *shape[1:])``; a tensor without a leading batch of 1 is stacked on a new axis.

        Raises
        ------
        UnsupportedError
            onnxruntime cannot run the model.
        """
        return self._frames(self._session(tuple(want)), self.model.inputs, feeds, tuple(want))

    def continue_from(self, feeds: Mapping[str, Array], want: Sequence[str]) -> dict[str, Array]:
        """Return the wanted tensors computed from given values of other tensors, model inputs or not."""
        part = extract(self._proto, feeds, want, "part")
        inputs = tuple(port.name for port in part.graph.input)
        return self._frames(_start(part), inputs, feeds, tuple(want))

    def part(self, inputs: Iterable[str], outputs: Sequence[str], name: str) -> onnx.ModelProto:
        """Return the part of the model from some tensors to others as a model of its own."""
        return extract(self._proto, inputs, outputs, name)

    def _session(self, want: tuple[str, ...]) -> onnxruntime.InferenceSession:
        if want not in self._sessions:
            part = extract(self._proto, self.model.inputs, want, "reference")
            self._sessions[want] = _start(part)
        return self._sessions[want]

    def _frames(
        self,
        run: onnxruntime.InferenceSession,
        inputs: Sequence[str],
        feeds: Mapping[str, Array],
        want: tuple[str, ...],
    ) -> dict[str, Array]:
        needed = {port.name for port in run.get_inputs()}
        given = {name: np.asarray(feeds[name]).astype(self.model.dtypes[name]) for name in inputs if name in needed}
        frames = len(next(iter(feeds.values())))
        names = list(dict.fromkeys(want))
        results: dict[str, list[Array]] = {name: [] for name in names}
        for index in range(frames):
            frame = {name: value[index : index + 1] for name, value in given.items()}
            for name, value in zip(names, _run(run, names, frame), strict=True):
                results[name].append(value)
        return {name: _stack(values, self.model.shapes[name]) for name, values in results.items()}


def _start(part: onnx.ModelProto) -> onnxruntime.InferenceSession:
    try:
        return session(part.SerializeToString())
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedError(f"onnxruntime cannot run the model: {reason}") from error


def _run(run: onnxruntime.InferenceSession, names: list[str], frame: dict[str, Array]) -> list[Array]:
    try:
        return list(run.run(names, frame))
    except Exception as error:
        reason = str(error).strip().splitlines()[0]
        raise UnsupportedError(f"onnxruntime fails while it runs the model: {reason}") from error


def _stack(values: list[Array], shape: tuple[int, ...]) -> Array:
    if shape and shape[0] == 1:
        return np.concatenate(values, axis=0)
    return np.stack(values, axis=0)
