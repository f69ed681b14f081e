# SPDX-License-Identifier: Apache-2.0
"""Random layers; each takes a tensor whose values hwgen can multiply and returns another one."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from .builder import Builder, Tensor
from .dialects import Dialect
from .functions import any_function, rising


@dataclass
class Layers:
    """Layers in one dialect."""

    b: Builder
    q: Dialect

    # After a sum ----------------------------------------------------------------------------------------------------

    def finish(self, x: Tensor, *, channel: int = 1) -> Tensor:
        """Normalise, activate and quantise a sum."""
        b = self.b
        if b.chance(0.3) and channel == 1:
            x = self.batch_norm(x)
        if b.chance(0.25):
            x = self.arithmetic(x, channel)
        signed = True
        if channel == 1 and b.chance(0.15):
            x = rising(b, x)
        elif b.chance(0.5):
            name = b.op("Relu", [x.name])
            if b.chance(0.3):
                name = b.clip(name, 0.0, b.scale(x.rms))
            x, signed = replace(x, name=name), False
        elif b.chance(0.2):
            x = replace(x, name=b.clip(x.name, -b.scale(x.rms), b.scale(2 * x.rms)))
            b.used("clip")
        return self.q.activation(x, signed=signed)

    def batch_norm(self, x: Tensor) -> Tensor:
        b, count = self.b, x.shape[1]
        b.used("batch_norm")
        variance = b.rng.choice([0.25, 1.0, 4.0], count) if b.exact else b.rng.uniform(0.3, 3, count)
        gamma = np.sqrt(variance) * b.rng.choice([0.5, 1.0, 2.0], count)
        gamma *= b.rng.choice([1.0, 1.0, -1.0], count)
        if b.chance(0.3):
            gamma[b.integer(0, count - 1)] = 0
            b.used("zero_gamma")
        if not b.exact:
            gamma *= b.rng.uniform(0.8, 1.2, count)
        step = b.scale(x.rms / 64)
        mean, beta = b.real(step, -32, 32, count), b.real(step, -32, 32, count)
        parameters = [b.const(v) for v in (gamma, beta, mean, variance)]
        epsilon = 0.0 if b.exact else b.pick((1e-5, 1e-3))
        return replace(x, name=b.op("BatchNormalization", [x.name, *parameters], epsilon=epsilon), step=None)

    def arithmetic(self, x: Tensor, channel: int) -> Tensor:
        """Mul, Div, Add, Sub by constants, scalar or per channel, from either side; Pow 1; Neg."""
        b = self.b
        op = b.pick(("Mul", "Div", "Add", "Sub", "Pow", "Neg"))
        b.used(op.lower())
        if op == "Neg":
            return replace(x, name=b.op("Neg", [x.name]), step=None)
        if op == "Pow":
            return replace(x, name=b.op("Pow", [x.name, b.const(1.0)]), step=None)
        column = [1] * (len(x.shape) - 1)
        column[channel - 1] = x.shape[channel]
        size = x.shape[channel] if b.chance(0.5) else None
        if op in ("Mul", "Div"):
            values: Any = b.scales(1.0, size) if size else b.scale(1.0)
            values = np.where(b.rng.random(size) < 0.25, -1, 1) * values
        else:
            values = b.real(b.scale(x.rms / 32), -32, 32, size)
        constant = b.const(np.reshape(values, column) if size else values)
        reverse = op != "Div" and b.chance(0.3)
        name = b.op(op, [constant, x.name] if reverse else [x.name, constant])
        return replace(x, name=name, step=None)

    # Convolution ----------------------------------------------------------------------------------------------------

    def conv(self, x: Tensor) -> Tensor:
        return self.finish(self.sum_of_conv(x))

    def sum_of_conv(self, x: Tensor, *, keep_shape: bool = False, per_channel: bool = True) -> Tensor:
        b = self.b
        channels, size = x.shape[1], x.shape[2:]
        group = self._group(channels)
        outputs = channels if keep_shape else group * b.integer(1, max(1, 5 // group))
        b.used("conv")
        attrs, kernel, out = self._window(size, pool=False, keep_shape=keep_shape)
        if group > 1:
            attrs["group"] = group
        shape = (outputs, channels // group, *kernel)
        weights = self.q.weights(shape, 0, per_channel=per_channel and b.chance(0.5))
        rms = x.rms * weights.rms * float(np.sqrt(np.prod(shape[1:])))
        inputs = [x.name, weights.name]
        if b.chance(0.5):
            inputs.append(self.q.bias(x, weights, rms, outputs))
        return Tensor(b.op("Conv", inputs, **attrs), (1, outputs, *out), rms)

    def _group(self, channels: int) -> int:
        """Return the groups of a convolution: one as a rule."""
        group = self.b.pick([g for g in range(1, channels + 1) if channels % g == 0]) if self.b.chance(0.5) else 1
        if group > 1:
            self.b.used("depthwise" if group == channels else "grouped")
        return group

    def conv_transpose(self, x: Tensor) -> Tensor:
        b = self.b
        b.used("conv_transpose")
        channels, group = x.shape[1], self._group(x.shape[1])
        outputs = group * b.integer(1, max(1, 4 // group))
        kernel, strides = (b.integer(1, 3), b.integer(1, 3)), (b.integer(1, 2), b.integer(1, 2))
        pads = [b.integer(0, (k - 1) // 2) for k in (*kernel, *kernel)]
        extra = [b.integer(0, s - 1) for s in strides]
        out = tuple(
            (n - 1) * strides[i] + kernel[i] - pads[i] - pads[i + 2] + extra[i] for i, n in enumerate(x.shape[2:])
        )
        attrs = {"kernel_shape": kernel, "strides": strides, "pads": pads, "output_padding": extra, "group": group}
        shape = (channels, outputs // group, *kernel)
        weights = self.q.weights(shape, 1, per_channel=False)
        rms = x.rms * weights.rms * float(np.sqrt(channels / group))
        inputs = [x.name, weights.name]
        if b.chance(0.5):
            inputs.append(self.q.bias(x, weights, rms, outputs))
        return self.finish(Tensor(b.op("ConvTranspose", inputs, **attrs), (1, outputs, *out), rms))

    def conv_1d(self, x: Tensor) -> Tensor:
        """Convolve a map as one row of pixels."""
        b = self.b
        b.used("conv_1d")
        channels, length = x.shape[1], int(np.prod(x.shape[2:]))
        group = self._group(channels)
        outputs, kernel, dilation = group * b.integer(1, max(1, 4 // group)), b.integer(1, 3), b.integer(1, 2)
        reach = (kernel - 1) * dilation + 1
        pads = [b.integer(0, reach - 1), reach - 1]
        row = b.op("Reshape", [x.name, b.const([1, channels, length], np.int64)])
        weights = self.q.weights((outputs, channels // group, kernel), 0, per_channel=b.chance(0.5))
        rms = x.rms * weights.rms * float(np.sqrt(channels // group * kernel))
        attrs = {"group": group, "dilations": [dilation], "pads": pads}
        out = length + sum(pads) - reach + 1
        made = Tensor(b.op("Conv", [row, weights.name], **attrs), (1, outputs, out), rms)
        made = self.q.activation(replace(made, name=b.op("Relu", [made.name])), signed=False)
        name = b.op("Reshape", [made.name, b.const([1, outputs, 1, out], np.int64)])
        return replace(made, name=name, shape=(1, outputs, 1, out))

    def _window(
        self, size: tuple[int, ...], *, pool: bool, keep_shape: bool = False
    ) -> tuple[dict[str, Any], tuple[int, int], tuple[int, ...]]:
        """Return the attributes of a window, its kernel, and the size of what it makes."""
        b = self.b
        if keep_shape:
            k = b.pick((1, 3))
            return {"kernel_shape": (k, k), "pads": (k // 2,) * 4}, (k, k), size
        kernel = (b.integer(1 + pool, 3), b.integer(1, 3))
        strides = (b.integer(1, 2), b.integer(1, 2))
        attrs: dict[str, Any] = {"kernel_shape": kernel, "strides": strides}
        pads = [0, 0, 0, 0]
        auto = b.pick(("SAME_UPPER", "SAME_LOWER", "VALID")) if b.chance(0.2) else None
        if any(s > k for s, k in zip(strides, kernel, strict=True)):
            auto = None
        if b.chance(0.5):
            pads = [b.integer(0, k - 1) for k in (*kernel, *kernel)]
        if auto in ("SAME_UPPER", "SAME_LOWER"):
            b.used("auto_pad")
            out = tuple(-(-e // s) for e, s in zip(size, strides, strict=True))
            return {**attrs, "auto_pad": auto}, kernel, out
        for axis in (0, 1):
            lack = kernel[axis] - size[axis]
            if lack > 0:
                pads[axis] = max(pads[axis], min(lack, kernel[axis] - 1))
        extents = [e + pads[i] + pads[i + 2] - kernel[i] for i, e in enumerate(size)]
        if auto == "VALID" and not any(pads):
            attrs["auto_pad"] = auto
        else:
            attrs["pads"] = pads
        if any(pads):
            b.used("pads")
        if not pool and b.chance(0.2):
            b.used("dilated")
            dilations = [2 if e >= k - 1 else 1 for e, k in zip(extents, kernel, strict=True)]
            attrs["dilations"] = dilations
            extents = [e - (k - 1) * (d - 1) for e, k, d in zip(extents, kernel, dilations, strict=True)]
        return attrs, kernel, tuple(e // s + 1 for e, s in zip(extents, strides, strict=True))

    def pixelwise(self, x: Tensor) -> Tensor:
        """MatMul over the channels of a map in NHWC, and back."""
        b = self.b
        b.used("pixelwise")
        outputs = b.integer(1, 4)
        there = b.op("Transpose", [x.name], perm=(0, 2, 3, 1))
        weights = self.q.weights((x.shape[1], outputs), 1, per_channel=b.chance(0.5))
        rms = x.rms * weights.rms * float(np.sqrt(x.shape[1]))
        total = Tensor(b.op("MatMul", [there, weights.name]), (1, *x.shape[2:], outputs), rms)
        if b.chance(0.4):
            total = replace(total, name=b.op("Add", [total.name, self.q.bias(x, weights, rms, outputs)]))
        made = self.finish(total, channel=3)
        return replace(made, name=b.op("Transpose", [made.name], perm=(0, 3, 1, 2)), shape=(1, outputs, *x.shape[2:]))

    # Joins ----------------------------------------------------------------------------------------------------------

    def residual(self, x: Tensor) -> Tensor:
        b = self.b
        b.used("residual")
        raw = b.chance(0.25)
        branch = self.sum_of_conv(x, keep_shape=True, per_channel=not raw)
        if not raw:
            branch = self.finish(branch)
        names = [branch.name, x.name]
        if b.chance(0.5):
            names.reverse()
        name = b.op(b.pick(("Add", "Add", "Sub")), names)
        total = replace(x, name=name, rms=float(np.hypot(x.rms, branch.rms)), step=None, bits=0)
        if b.chance(0.15):
            b.used("raw_join")
            return total
        if b.chance(0.4):
            return self.q.activation(replace(total, name=b.op("Relu", [name])), signed=False)
        return self.q.activation(total, signed=True)

    def double(self, x: Tensor) -> Tensor:
        """Add a tensor to itself."""
        self.b.used("double")
        name = self.b.op("Add", [x.name, x.name])
        return self.q.activation(replace(x, name=name, rms=2 * x.rms, step=None), signed=True)

    def function(self, x: Tensor) -> Tensor:
        """Quantise a function of a quantised tensor."""
        return self.q.activation(any_function(self.b, x), signed=True)

    def gated(self, x: Tensor) -> Tensor:
        """Multiply a tensor by a branch of it, or by a gate that all pixels of a channel share."""
        b = self.b
        if b.chance(0.5):
            b.used("gate")
            mean = replace(x, name=b.op("GlobalAveragePool", [x.name]), shape=(1, x.shape[1], 1, 1), rms=x.rms / 2)
            mean = self.q.activation(replace(mean, step=None), signed=True)
            other = self.q.activation(self.sum_of_conv(mean, keep_shape=True), signed=True)
        else:
            b.used("product")
            other = self.q.activation(self.sum_of_conv(x, keep_shape=True), signed=True)
        names = [other.name, x.name] if b.chance(0.5) else [x.name, other.name]
        rms = x.rms * other.rms
        return self.q.activation(replace(x, name=b.op("Mul", names), rms=rms, step=None, bits=0), signed=True)

    # Pools ----------------------------------------------------------------------------------------------------------

    def max_pool(self, x: Tensor) -> Tensor:
        b = self.b
        b.used("max_pool")
        attrs, _, out = self._window(x.shape[2:], pool=True)
        made = replace(x, name=b.op("MaxPool", [x.name], **attrs), shape=(1, x.shape[1], *out))
        return self.q.activation(made, signed=True) if b.chance(0.4) else made

    def average_pool(self, x: Tensor) -> Tensor:
        b = self.b
        attrs, kernel, out = self._window(x.shape[2:], pool=True)
        include = int(b.chance(0.5))
        b.used(f"average_pool_{include}")
        if not b.chance(0.3) or include:
            attrs["count_include_pad"] = include
        name = b.op("AveragePool", [x.name], **attrs)
        made = replace(x, name=name, shape=(1, x.shape[1], *out), rms=x.rms / float(np.sqrt(np.prod(kernel))))
        return self._after_average(made)

    def global_pool(self, x: Tensor) -> Tensor:
        b = self.b
        rms = x.rms / 2
        if b.chance(0.4):
            keep = int(b.chance(0.5))
            b.used(f"reduce_mean_{keep}")
            axes = [2, 3] if b.chance(0.5) else [-2, -1]
            shape = (1, x.shape[1], 1, 1) if keep else x.shape[:2]
            return self._after_average(Tensor(b.reduce_mean(x.name, axes, keep), shape, rms, x.step))
        b.used("global_average_pool")
        name = b.op("GlobalAveragePool", [x.name])
        return self._after_average(replace(x, name=name, shape=(1, x.shape[1], 1, 1), rms=rms))

    def _after_average(self, x: Tensor) -> Tensor:
        """Quantise an average, or leave it to the next product where rounding may differ anyway."""
        if not self.b.exact and self.b.chance(0.3):
            self.b.used("raw_average")
            return replace(x, step=None)
        return self.q.activation(x, signed=True)

    # Vectors --------------------------------------------------------------------------------------------------------

    def flatten(self, x: Tensor) -> Tensor:
        """Make a vector in one of the ways that exporters do."""
        b = self.b
        vector = replace(x, shape=(1, x.features))
        if not x.is_map:
            return x
        if b.chance(0.25):
            x = replace(x, name=b.op("Transpose", [x.name], perm=(0, 2, 3, 1)))
            b.used("nhwc_flatten")
        way = b.pick(("Flatten", "Reshape", "Shape"))
        b.used(f"vector_by_{way.lower()}")
        if way == "Flatten":
            return replace(vector, name=b.op("Flatten", [x.name], axis=1))
        if way == "Reshape":
            target = b.const(b.pick(([1, -1], [-1, x.features], [0, -1])), np.int64)
            return replace(vector, name=b.op("Reshape", [x.name, target]))
        first = b.op("Gather", [b.op("Shape", [x.name]), b.const(0, np.int64)], axis=0)
        sizes = [b.unsqueeze(first, 0), b.unsqueeze(b.const(-1, np.int64), 0)]
        return replace(vector, name=b.op("Reshape", [x.name, b.op("Concat", sizes, axis=0)]))

    def product(self, x: Tensor, outputs: int, *, per_channel: bool = True) -> Tensor:
        """MatMul, MatMul and Add, or Gemm."""
        b, inputs = self.b, x.shape[1]
        per_channel = per_channel and b.chance(0.5)
        if b.chance(0.5):
            return self._gemm(x, outputs, per_channel)
        b.used("matmul")
        weights = self.q.weights((inputs, outputs), 1, per_channel=per_channel)
        rms = x.rms * weights.rms * float(np.sqrt(inputs))
        name = b.op("MatMul", [x.name, weights.name])
        if b.chance(0.5):
            bias = self.q.bias(x, weights, rms, outputs)
            name = b.op("Add", [bias, name] if b.chance(0.3) else [name, bias])
        return Tensor(name, (1, outputs), rms)

    def _gemm(self, x: Tensor, outputs: int, per_channel: bool) -> Tensor:
        b, inputs = self.b, x.shape[1]
        b.used("gemm")
        transposed = int(b.chance(0.6))
        shape = (outputs, inputs) if transposed else (inputs, outputs)
        weights = self.q.weights(shape, 1 - transposed, per_channel=per_channel)
        rms = x.rms * weights.rms * float(np.sqrt(inputs))
        attrs: dict[str, Any] = {"transB": transposed}
        if b.chance(0.3):
            attrs |= {"alpha": b.scale(1.0), "beta": b.pick((0.5, 2.0, -1.0))}
            b.used("alpha_beta")
        given = [x.name, weights.name]
        if b.chance(0.7) or b.opset < 11:
            given.append(self.q.bias(x, weights, rms, outputs))
        return Tensor(b.op("Gemm", given, **attrs), (1, outputs), rms)

    def dense(self, x: Tensor) -> Tensor:
        return self.finish(self.product(x, self.b.integer(1, 12)))
