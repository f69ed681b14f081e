# SPDX-License-Identifier: Apache-2.0
"""The host's share of a model: what comes before the first hardware port and after the last one.

Ports carry integers. In front of them the host computes an ONNX tensor from the model's inputs and quantises it;
behind them it turns integers into real numbers, ``scale * (q - zero_point) + offset``, and computes the rest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import onnx

from hwgen.errors import InternalError, UserError
from hwgen.frontend.reference import Reference
from hwgen.graph import Ints, TensorType
from hwgen.graph.source import Array

if TYPE_CHECKING:
    from hwgen.ops.lowered import Lowered, Observation


@dataclass(frozen=True)
class Programs:
    """The host's share as ONNX models; None where the ports are the model's own inputs or outputs."""

    pre: onnx.ModelProto | None
    post: onnx.ModelProto | None


def programs(lowered: Lowered, reference: Reference) -> Programs:
    """Return the models that run before and after the hardware.

    The first one goes from the model's inputs to the tensors behind the input ports, not yet quantised; the second
    one from the tensors behind the output ports, as real numbers, to the model's outputs; it also takes the model
    inputs that an output depends on past the hardware.

    Raises
    ------
    InternalError
        The second model would compute what the hardware computes.
    """
    model = reference.model
    heads = [port.onnx for port in lowered.inputs]
    tails = [port.onnx for port in lowered.outputs]
    pre = None if set(heads) <= set(model.inputs) else reference.part(model.inputs, heads, f"{model.name}_host_pre")
    post = None if set(model.outputs) <= set(tails) else _suffix(lowered, reference, tails)
    return Programs(pre, post)


def _suffix(lowered: Lowered, reference: Reference, tails: Sequence[str]) -> onnx.ModelProto:
    model = reference.model
    part = reference.part([*tails, *model.inputs], model.outputs, f"{model.name}_host_post")
    made = {name for node in part.graph.node for name in node.output}
    twice = sorted(made & {seen.onnx for seen in lowered.observations})
    if twice:
        raise InternalError(f"The host must not compute what the hardware computes, but does so for {twice[0]}.")
    return part


def to_ports(lowered: Lowered, reference: Reference, feeds: Mapping[str, Array]) -> dict[str, Ints]:
    """Return the integers that enter the hardware for some frames of model inputs.

    Parameters
    ----------
    feeds
        Every model input by name, ``(frames, *shape[1:])`` in ONNX layout.

    Returns
    -------
    dict
        int64 ``(frames, *type.shape[1:])`` for each input of ``lowered.graph``.

    Raises
    ------
    UserError
        A value does not fit its port.
    """
    return observed(lowered, reference, feeds, lowered.inputs)


def observed(
    lowered: Lowered, reference: Reference, feeds: Mapping[str, Array], what: Sequence[Observation] | None = None
) -> dict[str, Ints]:
    """Return the reference's integers at observed tensors: by default at every input, observation and output."""
    chosen = (*lowered.inputs, *lowered.observations, *lowered.outputs) if what is None else what
    values = reference.run(feeds, list(dict.fromkeys(o.onnx for o in chosen)))
    types = lowered.graph.types
    ports = {port.tensor for port in lowered.inputs}
    integers = {o.tensor: to_integers(o, types[o.tensor], values[o.onnx]) for o in chosen}
    for name in ports & set(integers):
        _check_range(name, types[name], integers[name])
    return integers


def to_integers(observation: Observation, kind: TensorType, values: Array) -> Ints:
    """Return ``q = round((value - offset) / scale) + zero_point``; a tensor that holds integers is taken as it is.

    Parameters
    ----------
    kind
        Type of the integer tensor; its shape and order may differ from the ONNX tensor's by the observation's layout.
    values
        ``(frames, ...)``; real values lie on the grid of the quantiser that made them.
    """
    values = observation.layout.inward(values, kind.shape)
    if values.dtype.kind in "iub":
        return values.astype(np.int64)
    reals = values.astype(np.float64) - _per_channel(observation.offset or (0.0,), values.ndim)
    return np.asarray(np.rint(reals / _per_channel(observation.scale, values.ndim)), np.int64) + observation.zero_point


def to_reals(observation: Observation, integers: Ints, shape: Sequence[int], dtype: np.dtype[Any]) -> Array:
    """Return the ONNX tensor ``(frames, *shape[1:])`` that integers stand for; inverse of `to_integers`.

    The result is rounded once to the tensor's type: without an offset exactly what DequantizeLinear and QONNX
    quantisers give for |q| < 2**24.
    """
    if dtype.kind in "iub":
        return observation.layout.outward(integers.astype(dtype), shape)
    reals = (integers - observation.zero_point).astype(np.float64) * _per_channel(observation.scale, integers.ndim)
    reals = reals + _per_channel(observation.offset or (0.0,), integers.ndim)
    return observation.layout.outward(reals.astype(dtype), shape)


def to_outputs(
    lowered: Lowered,
    reference: Reference,
    integers: Mapping[str, Ints],
    feeds: Mapping[str, Array] | None = None,
) -> dict[str, Array]:
    """Return the model's outputs for the integers that leave the hardware.

    Parameters
    ----------
    integers
        int64 ``(frames, *type.shape[1:])`` for each output of ``lowered.graph``.
    feeds
        The model inputs of these frames; needed where an output depends on them past the hardware.

    Returns
    -------
    dict
        Every model output by name, ``(frames, *shape[1:])``.

    Raises
    ------
    UserError
        An output depends on a model input past the hardware, and `feeds` does not hold it.
    """
    model = reference.model
    reals = {
        port.onnx: to_reals(port, integers[port.tensor], model.shapes[port.onnx], model.dtypes[port.onnx])
        for port in lowered.outputs
    }
    rest = [name for name in model.outputs if name not in reals]
    if rest:
        try:
            reals |= reference.continue_from({**(feeds or {}), **reals}, rest)
        except KeyError as error:
            text = f"The host needs {error.args[0]} beside the hardware's outputs to compute the model's outputs."
            raise UserError(text, hint="Give the model inputs too.") from error
    return {name: reals[name] for name in model.outputs}


def _per_channel(numbers: Sequence[float], rank: int) -> Array:
    """Shape one number, or one for each channel, to broadcast along axis 1."""
    values = np.asarray(numbers, np.float64)
    return values if len(values) == 1 else values.reshape(1, -1, *[1] * (rank - 2))


def _check_range(name: str, kind: TensorType, values: Ints) -> None:
    low, high = int(values.min(initial=kind.lo)), int(values.max(initial=kind.lo))
    if low < kind.lo or high > kind.hi:
        raise UserError(
            f"Input port {name} takes integers from {kind.lo} to {kind.hi}, not {low} to {high}.",
            hint="Scale the input data to the range that the model was trained with.",
        )
