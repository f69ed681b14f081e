# SPDX-License-Identifier: Apache-2.0
"""What a host computes around the hardware, for any way to the hardware: needs numpy, onnxruntime for host_*.onnx.

Ports carry integers. Before them stand the model's inputs, quantised (after ``host_pre.onnx`` where there is one);
behind them its outputs as real numbers (``host_post.onnx`` computes the rest).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]
Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]


class AcceleratorError(Exception):
    """The hardware or what was given does not fit; the text is a sentence for people, `hint` what to try."""

    def __init__(self, message: str, hint: str | None = None) -> None:
        super().__init__(message)
        self.hint = hint


@dataclass(frozen=True)
class Port:
    """A port as a JSON file describes it: its integers, their place in memory, and the model's tensor behind it."""

    name: str
    shape: Sequence[int]
    signed: bool
    bits: int
    element_bits: int
    lanes: int
    beats: int
    beat_bytes: int
    onnx: str
    onnx_shape: Sequence[int]
    dtype: str
    scale: Sequence[float]
    zero_point: int
    offset: Sequence[float]
    axes: Sequence[int]
    order: Sequence[int]

    @property
    def frame_bytes(self) -> int:
        """Bytes of a frame in memory."""
        return self.beats * self.beat_bytes

    @property
    def element(self) -> np.dtype[Any]:
        """Type of an element in memory."""
        return np.dtype(f"<{'i' if self.signed else 'u'}{self.element_bits // 8}")

    @property
    def limits(self) -> tuple[int, int]:
        """Least and greatest integer; signed one-bit elements are -1 and +1."""
        if self.signed:
            return (-1, 1) if self.bits == 1 else (-(1 << self.bits - 1), (1 << self.bits - 1) - 1)
        return 0, (1 << self.bits) - 1

    def pack(self, integers: Array) -> Bytes:
        """Return ``(frames, frame_bytes)`` for ``(frames, *shape[1:])``: channels innermost, beats padded.

        Raises
        ------
        AcceleratorError
            The shape is another one, or an integer does not fit its element.
        """
        if integers.shape[1:] != tuple(self.shape[1:]):
            wanted = ", ".join(map(str, self.shape[1:]))
            raise AcceleratorError(f"Port {self.name} takes frames of shape ({wanted}), not {integers.shape[1:]}.")
        low, high = self.limits
        if integers.size and (integers.min() < low or integers.max() > high):
            found = f"{integers.min()} to {integers.max()}"
            message = f"Port {self.name} takes integers from {low} to {high}, not {found}."
            raise AcceleratorError(message, "Scale the frames to the range that the model was trained with.")
        elements = np.ascontiguousarray(np.moveaxis(integers, 1, -1)).astype(self.element)
        beats = elements.reshape(len(integers), self.beats, self.lanes).view(np.uint8)
        return np.pad(beats, ((0, 0), (0, 0), (0, self.beat_bytes - beats.shape[2]))).reshape(len(integers), -1)

    def unpack(self, memory: Bytes) -> Ints:
        """Inverse of `pack`, int64."""
        beats = memory.reshape(len(memory), self.beats, self.beat_bytes)
        elements = np.ascontiguousarray(beats[:, :, : self.lanes * self.element_bits // 8]).view(self.element)
        pixels = elements.astype(np.int64).reshape(len(memory), *self.shape[2:], self.shape[1])
        return np.ascontiguousarray(np.moveaxis(pixels, -1, 1))

    def quantise(self, values: Array) -> Ints:
        """Return ``round((value - offset) / scale) + zero_point``; a tensor of integers is taken as it is."""
        if self.order:
            values = values.reshape(len(values), *self.axes).transpose(0, *(axis + 1 for axis in self.order))
        values = values.reshape(len(values), *self.shape[1:])
        if values.dtype.kind in "iub":
            return values.astype(np.int64)
        scaled = (values.astype(np.float64) - self._channels(self.offset or [0.0])) / self._channels(self.scale)
        return (np.rint(scaled) + self.zero_point).astype(np.int64)

    def dequantise(self, integers: Array) -> Array:
        """Return ``scale * (q - zero_point) + offset``, rounded to the tensor's type: ``(frames, *onnx_shape[1:])``."""
        values: Array = integers
        if np.dtype(self.dtype).kind not in "iub":
            values = (integers - self.zero_point) * self._channels(self.scale) + self._channels(self.offset or [0.0])
        values = values.astype(self.dtype)
        if self.order:
            values = values.reshape(len(values), *(self.axes[axis] for axis in self.order))
            values = values.transpose(0, *(int(axis) + 1 for axis in np.argsort(self.order)))
        return values.reshape(len(values), *self.onnx_shape[1:])

    def _channels(self, numbers: Sequence[float]) -> Array:
        """Return numbers so that they go with the channels, axis 1."""
        return np.reshape(np.asarray(numbers, np.float64), (1, -1, *(1 for _ in self.shape[2:])))


class HostModel:
    """The host's share of a model.

    Parameters
    ----------
    facts
        ``inputs``, ``outputs``: the fields of each `Port`; ``model_inputs``: shape and type of each by its name;
        ``model_outputs``: names.
    folder
        Holds ``host_pre.onnx`` and ``host_post.onnx`` where there are such.
    """

    def __init__(self, facts: Mapping[str, Any], folder: Path) -> None:
        self.inputs = [Port(**port) for port in facts["inputs"]]
        self.outputs = [Port(**port) for port in facts["outputs"]]
        self._wanted: Mapping[str, Any] = facts["model_inputs"]
        self._results: Sequence[str] = facts["model_outputs"]
        self._folder = folder

    def fitting(self, frames: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's inputs in its types.

        Raises
        ------
        AcceleratorError
            One is missing or has another shape, or the numbers of frames differ.
        """
        given = {}
        for name, wanted in self._wanted.items():
            if name not in frames:
                have = ", ".join(sorted(frames)) or "nothing"
                raise AcceleratorError(f"The frames must hold an array for the model's input {name}, not only {have}.")
            value, shape = np.asarray(frames[name]), tuple(wanted["shape"][1:])
            if value.ndim == 0 or value.shape[1:] != shape:
                text = f"(frames, {', '.join(map(str, shape))})"
                raise AcceleratorError(f"Array {name} must have the shape {text}, not {value.shape}.")
            given[name] = value.astype(wanted["dtype"])
        counts = {len(value) for value in given.values()}
        if len(counts) > 1:
            raise AcceleratorError("All inputs must have the same number of frames.")
        if counts == {0}:
            raise AcceleratorError("There must be at least one frame.")
        return given

    def to_ports(self, frames: Mapping[str, Array]) -> dict[str, Ints]:
        """Return the integers that enter each port for frames of the model's inputs."""
        given = self.fitting(frames)
        heads = [port.onnx for port in self.inputs]
        values = given if set(heads) <= set(given) else self._run("host_pre", given, heads)
        return {port.name: port.quantise(values[port.onnx]) for port in self.inputs}

    def from_ports(self, integers: Mapping[str, Array], frames: Mapping[str, Array]) -> dict[str, Array]:
        """Return the model's outputs for the integers that leave each port; some may need the model's inputs too."""
        known = {port.onnx: port.dequantise(integers[port.name]) for port in self.outputs}
        rest = [name for name in self._results if name not in known]
        if rest:
            known |= self._run("host_post", {**self.fitting(frames), **known}, rest)
        return {name: known[name] for name in self._results}

    def _run(self, program: str, values: Mapping[str, Array], want: Sequence[str]) -> dict[str, Array]:
        """Run a part of the model on the host, frame by frame."""
        import onnxruntime

        path = self._folder / f"{program}.onnx"
        session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
        names = [value.name for value in session.get_inputs()]
        count = len(values[names[0]])
        rows = [session.run(list(want), {name: values[name][i : i + 1] for name in names}) for i in range(count)]
        return {name: np.concatenate([row[i] for row in rows]) for i, name in enumerate(want)}
