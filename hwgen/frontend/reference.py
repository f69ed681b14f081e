# SPDX-License-Identifier: Apache-2.0
"""The reference: onnxruntime on the imported model, graph optimisations off, one thread, one frame at a time.

The model may be hostile, so onnxruntime runs it in a process of its own (`hwgen.frontend.guard`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from math import prod

import numpy as np
import onnx
import onnxruntime

from hwgen.errors import UnsupportedError
from hwgen.frontend.guard import MAX_SECONDS, guarded
from hwgen.graph.source import Array, SourceModel

MAX_BYTES = 1 << 28
"""About how much the process that runs onnxruntime hands back at a time."""


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
        UserError
            onnxruntime crashes on it.
        """
        return self._frames(extract(self._proto, self.model.inputs, want, "reference"), feeds, want)

    def continue_from(self, feeds: Mapping[str, Array], want: Sequence[str]) -> dict[str, Array]:
        """Return the wanted tensors computed from given values of other tensors, model inputs or not."""
        return self._frames(extract(self._proto, feeds, want, "part"), feeds, want)

    def part(self, inputs: Iterable[str], outputs: Sequence[str], name: str) -> onnx.ModelProto:
        """Return the part of the model from some tensors to others as a model of its own."""
        return extract(self._proto, inputs, outputs, name)

    def _frames(self, part: onnx.ModelProto, feeds: Mapping[str, Array], want: Sequence[str]) -> dict[str, Array]:
        names, dtypes, shapes = tuple(dict.fromkeys(want)), self.model.dtypes, self.model.shapes
        inputs = [port.name for port in part.graph.input]
        given = {name: np.asarray(feeds[name]).astype(dtypes[name]) for name in inputs}
        frames = len(next(iter(feeds.values())))
        each = sum(prod(shapes[name]) * dtypes[name].itemsize for name in names)
        step = max(1, MAX_BYTES // max(1, each))
        data, parts = part.SerializeToString(), []
        for start in range(0, max(1, frames), step):
            some = range(start, min(start + step, frames))
            work = partial(_results, data, given, names, some)
            limit = MAX_SECONDS * max(1, len(some))
            parts.append(guarded(work, f"{self.model.name} in onnxruntime", doing="Running", seconds=limit))
        rows = {name: [row for found in parts for row in found[name]] for name in names}
        return {name: _stack(values, shapes[name]) for name, values in rows.items()}


def _results(model: bytes, feeds: Mapping[str, Array], names: Sequence[str], frames: range) -> dict[str, list[Array]]:
    """Return what onnxruntime gives for each of some frames."""
    try:
        run = session(model)
    except Exception as error:
        raise UnsupportedError(f"onnxruntime cannot run the model: {_reason(error)}") from error
    results: dict[str, list[Array]] = {name: [] for name in names}
    for index in frames:
        frame = {name: value[index : index + 1] for name, value in feeds.items()}
        try:
            found = run.run(list(names), frame)
        except Exception as error:
            raise UnsupportedError(f"onnxruntime fails while it runs the model: {_reason(error)}") from error
        for name, value in zip(names, found, strict=True):
            results[name].append(value)
    return results


def _reason(error: Exception) -> str:
    """Return the first line of a message, ending in a full stop."""
    return (str(error).strip().splitlines() or [type(error).__name__])[0].rstrip(". ") + "."


def _stack(values: list[Array], shape: tuple[int, ...]) -> Array:
    if shape and shape[0] == 1:
        return np.concatenate(values, axis=0)
    return np.stack(values, axis=0)
