# SPDX-License-Identifier: Apache-2.0
"""How a network says that something is quantised: QDQ (QuantizeLinear and its inverse) or QONNX (Quant and its kin)."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .builder import Array, Builder, Tensor

ROUNDING = ("ROUND", "CEIL", "FLOOR", "UP", "DOWN", "HALF_UP", "HALF_DOWN", "ROUND_TO_ZERO", "HALF_EVEN")
DIRECTED = ("CEIL", "FLOOR", "UP", "DOWN", "ROUND_TO_ZERO")


@dataclass(frozen=True)
class Weights:
    """A quantised weight tensor: its real values' name, shape, and the scale of each output channel (or one)."""

    name: str
    scale: Array
    rms: float


class Dialect(ABC):
    """A way to write quantisers."""

    name: str

    def __init__(self, b: Builder) -> None:
        self.b = b

    @abstractmethod
    def activation(self, x: Tensor, *, signed: bool) -> Tensor:
        """Quantise an activation per tensor."""

    @abstractmethod
    def weights(self, shape: tuple[int, ...], axis: int, *, per_channel: bool) -> Weights:
        """Return random weights; `axis` is that of the output channels."""

    @abstractmethod
    def bias(self, x: Tensor, weights: Weights, rms: float, count: int) -> str:
        """Return a bias of `count` real values in size about `rms`."""

    @abstractmethod
    def start(self, shape: tuple[int, ...]) -> Tensor:
        """Return a quantised model input."""

    def affine(self, name: str, low: float, high: float) -> tuple[str, float, float]:
        """Return a real input after arithmetic with constants that the host computes, and its new range."""
        b = self.b
        for op in ("Sub", "Mul", "Div", "Add", "Pow"):
            if not b.chance(0.25):
                continue
            value = 1.0 if op == "Pow" else float(b.pick((0.5, 2.0, 0.25))) if op in ("Mul", "Div") else 0.5
            name = b.op(op, [name, b.const(value)])
            ends = {"Sub": (low - value, high - value), "Mul": (low * value, high * value)}
            ends |= {"Div": (low / value, high / value), "Add": (low + value, high + value), "Pow": (low, high)}
            low, high = ends[op]
            b.used("host_affine")
        return name, low, high

    def real_input(self, shape: tuple[int, ...]) -> Tensor:
        b = self.b
        if b.chance(0.2):
            image = b.op("Cast", [b.feed(shape, np.uint8, 0, 255)], to=1)
            name, low, high = b.op("Mul", [image, b.const(1 / 64)]), 0.0, 255 / 64
            b.used("uint8_cast")
        else:
            low, high = b.pick(((0.0, 1.0), (-1.0, 1.0), (-3.0, 2.0)))
            name = b.feed(shape, np.float32, low, high)
            name, low, high = self.affine(name, low, high)
        return Tensor(name, shape, max(abs(low), abs(high)) * 0.6)


class Qdq(Dialect):
    """int8 and uint8 with zero points; int32 biases."""

    name = "qdq"

    def activation(self, x: Tensor, *, signed: bool) -> Tensor:
        b = self.b
        kind = np.int8 if signed or b.chance(0.4) else np.uint8
        scale = b.scale(x.rms * b.pick((1.5, 2.5, 4.0)) / (128 if signed else 256))
        zero = self._zero(kind, signed)
        return self._pair(x, scale, zero, kind)

    def _zero(self, kind: Any, signed: bool) -> int:
        low = int(np.iinfo(kind).min)
        middle = 0 if kind == np.int8 else 128
        if signed:
            return self.b.pick((middle, middle, middle + self.b.integer(-40, 40)))
        return self.b.pick((low, low, low + self.b.integer(0, 30)))

    def _pair(self, x: Tensor, scale: float, zero: int, kind: Any) -> Tensor:
        b = self.b
        parameters = [b.const(scale), b.const(zero, kind)]
        q = b.op("QuantizeLinear", [x.name, *parameters])
        if b.opset >= 13 and b.chance(0.15):
            low, high = (-100, 90) if kind == np.int8 else (5, 250)
            q = b.op("Clip", [q, b.const(low, kind), b.const(high, kind)])
            b.used("qcdq")
        return replace(x, name=b.op("DequantizeLinear", [q, *parameters]), step=scale, bits=8)

    def weights(self, shape: tuple[int, ...], axis: int, *, per_channel: bool) -> Weights:
        b = self.b
        per_channel = per_channel and b.opset >= 13
        kind = np.uint8 if b.chance(0.15) else np.int8
        zero = 0 if kind == np.int8 and b.chance(0.85) else b.integer(-5, 5) if kind == np.int8 else b.integer(110, 140)
        low, high = (-127, 127) if kind == np.int8 else (0, 255)
        ints = np.clip(np.rint(b.rng.normal(zero, 45, shape)), low, high)
        scale = b.scales(0.02, shape[axis]) if per_channel else b.scales(0.02, 1)[0]
        zeros = np.full(np.shape(scale), zero)
        attrs = {"axis": axis} if b.opset >= 13 else {}
        parameters = [b.const(ints, kind), b.const(scale), b.const(zeros, kind)]
        name = b.op("DequantizeLinear", parameters, **attrs)
        b.used("per_channel" if per_channel else "per_tensor")
        return Weights(name, np.atleast_1d(scale), float(45 * np.mean(scale)))

    def bias(self, x: Tensor, weights: Weights, rms: float, count: int) -> str:
        b = self.b
        if x.step is None:
            return b.const(b.real(rms, -1, 1, count))
        scale = np.float32(x.step) * weights.scale
        ints = np.rint(b.rng.normal(0, 0.5, count) * rms / scale)
        vector = scale if len(scale) > 1 else scale[0]
        zeros = np.zeros(np.shape(vector))
        attrs = {"axis": 0} if b.opset >= 13 else {}
        return b.op("DequantizeLinear", [b.const(ints, np.int32), b.const(vector), b.const(zeros, np.int32)], **attrs)

    def start(self, shape: tuple[int, ...]) -> Tensor:
        b = self.b
        if b.chance(0.4):
            kind = b.pick((np.int8, np.uint8))
            info = np.iinfo(kind)
            scale, zero = b.scale(1 / 64), b.integer(info.min, info.max)
            name = b.feed(shape, kind, info.min, info.max)
            name = b.op("DequantizeLinear", [name, b.const(scale), b.const(zero, kind)])
            b.used(f"{np.dtype(kind).name}_input")
            return Tensor(name, shape, 80 * scale, scale, 8)
        return self.activation(self.real_input(shape), signed=True)


class Qonnx(Dialect):
    """Quant with any width, rounding, narrow and signed; BipolarQuant; Trunc."""

    name = "qonnx"

    def __init__(self, b: Builder) -> None:
        super().__init__(b)
        self.domain = b.pick(("qonnx.custom_op.general", "finn.custom_op.general", "onnx.brevitas"))

    def activation(self, x: Tensor, *, signed: bool) -> Tensor:
        made = self._activation(x, signed=signed)
        bits = made.bits
        if self.b.chance(0.15) and bits > 3:
            return self._trunc(made, bits, signed)
        return made

    def _activation(self, x: Tensor, *, signed: bool) -> Tensor:
        b = self.b
        mode = b.pick(ROUNDING) if b.chance(0.6) else "ROUND"
        bipolar = b.chance(0.2)
        if not b.exact and (bipolar or mode in DIRECTED):
            x = self._off_zero(x)
        if bipolar:
            scale = b.scale(x.rms)
            b.used("bipolar")
            return replace(x, name=self._bipolar(x.name, scale), rms=scale, step=scale, bits=1)
        bits = b.integer(2, 8)
        scale = b.scale(x.rms * b.pick((1.5, 2.5)) / 2 ** (bits - signed))
        zero = b.integer(-2, 3) if b.chance(0.15) else 0
        name = self._quant(x.name, scale, zero, bits, mode=mode, signed=int(signed), narrow=int(b.chance(0.3)))
        return replace(x, name=name, step=scale, bits=bits if zero == 0 else 0)

    def _off_zero(self, x: Tensor) -> Tensor:
        """Move sums away from zero, where these modes step: the float32 sum of what cancels is zero only by luck."""
        b = self.b
        name = b.op("Add", [x.name, b.const(x.rms * b.rng.uniform(0.01, 0.1))])
        return replace(x, name=name)

    def _quant(self, x: str, scale: Any, zero: int, bits: int, *, mode: str, **attrs: Any) -> str:
        b = self.b
        op = "IntQuant" if self.domain == "qonnx.custom_op.general" and b.chance(0.2) else "Quant"
        b.used(f"round_{mode.lower()}")
        parameters = [b.const(scale), b.const(zero), b.const(bits)]
        return b.op(op, [x, *parameters], domain=self.domain, rounding_mode=mode, **attrs)

    def _bipolar(self, x: str, scale: Any) -> str:
        return self.b.op("BipolarQuant", [x, self.b.const(scale)], domain=self.domain)

    def _trunc(self, x: Tensor, bits: int, signed: bool) -> Tensor:
        b, scale = self.b, x.step
        out_bits = b.integer(2, bits - 1)
        mode = b.pick(("FLOOR", "ROUND", "CEIL", "DOWN", "UP", "HALF_UP", "HALF_DOWN"))
        b.used("trunc")
        parameters = [b.const(scale), b.const(0), b.const(bits), b.const(out_bits)]
        name = b.op("Trunc", [x.name, *parameters], domain=self.domain, rounding_mode=mode)
        return replace(x, name=name, rms=x.rms / 2 ** (bits - out_bits))

    def weights(self, shape: tuple[int, ...], axis: int, *, per_channel: bool) -> Weights:
        b = self.b
        count = shape[axis] if per_channel else 1
        column = [1] * len(shape)
        column[axis] = count
        b.used("per_channel" if per_channel else "per_tensor")
        if b.chance(0.2):
            scale = b.scales(0.5, count)
            name = self._bipolar(b.const(b.rng.normal(0, 1, shape)), scale.reshape(column))
            b.used("bipolar_weights")
            return Weights(name, scale, float(scale.mean()))
        bits = b.integer(2, 8)
        scale = b.scales(2.0**-bits, count)
        ints = np.rint(4 * b.rng.normal(0, 2 ** (bits - 1) / 2, shape)) / 4
        reals = (ints * scale.reshape(column)).astype(np.float32)
        given: Any = scale.reshape(column) if per_channel else scale[0]
        narrow = int(b.chance(0.5))
        name = self._quant(b.const(reals), given, 0, bits, mode=b.pick(ROUNDING), signed=1, narrow=narrow)
        return Weights(name, scale, float(scale.mean() * 2 ** (bits - 1) / 2))

    def bias(self, x: Tensor, weights: Weights, rms: float, count: int) -> str:
        b = self.b
        step = (x.step or rms) * float(weights.scale.min())
        reals = b.const(b.real(step, -0.5 * rms / step, 0.5 * rms / step, count))
        if b.chance(0.4):
            return self._quant(reals, np.float32(step), 0, 16, mode="ROUND", signed=1, narrow=0)
        return reals

    def start(self, shape: tuple[int, ...]) -> Tensor:
        return self._activation(self.real_input(shape), signed=True)
