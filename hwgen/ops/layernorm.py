# SPDX-License-Identifier: Apache-2.0
"""Layer normalisation of tokens, as a streaming integer unit."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import cache

import numpy as np
import numpy.typing as npt

from hwgen.errors import Problem, UnsupportedError
from hwgen.graph import Graph, Ints, Node, TensorType, bits_for
from hwgen.graph.source import SourceNode
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule
from hwgen.ops import macs
from hwgen.ops.area import Parts, counter_bits, ram
from hwgen.ops.base import hardware_op
from hwgen.ops.constants import per_channel
from hwgen.ops.elementwise import ElementwiseOp, only_host_follows
from hwgen.ops.folded import LaneOp, no_bipolar
from hwgen.ops.interpolated import FRACTION_BITS, INDEX_BITS, Interpolation, interpolation
from hwgen.ops.lowered import RequantProof
from hwgen.ops.lowering import Lowering
from hwgen.ops.signature import AXIS, NOT_NEGATIVE, WHOLE, Signature
from hwgen.ops.steps import Curve
from hwgen.ops.support import RomSet, element_type, holding, in_type, int_attr, type_of
from hwgen.ops.tail import suffix_of
from hwgen.ops.tokens import as_tokens
from hwgen.ops.values import Expr

POINT = 12
"""Fractional bits of the normalised tokens."""
ROOT_BITS = 18
PRECISION = 14
MOST_BITS = 62
SAMPLES = 512


class LayerNormalization(ElementwiseOp):
    """``(x - mean) / sqrt(variance + epsilon) * scale + bias`` over the last axis."""

    onnx = ("LayerNormalization",)
    signature = Signature(2, 3, {"axis": AXIS, "epsilon": NOT_NEGATIVE, "stash_type": WHOLE})
    needs_integers = True

    def apply(self, ctx: Lowering, node: SourceNode) -> None:
        """Emit the unit, whose output has 12 fractional bits; scale and bias go into the next requantisation."""
        if only_host_follows(ctx.model, node):
            ctx.bind(node.outputs[0], suffix_of(ctx, node))
            return
        if any(ctx.uses(name) for name in node.outputs[1:] if name):
            ctx.refuse(node, "LayerNormalization must have one output that is read, not the mean or deviation too.")
        expr = macs.linear(ctx, node, node.inputs[0])
        rank = len(expr.view.shape)
        if int(node.attrs.get("axis", -1)) % rank != rank - 1:
            text = f"LayerNormalization must be over the last axis, not from axis {node.attrs['axis']} on."
            ctx.refuse(node, text, "Flatten the axes before it.")
        made = _emit(ctx, node, as_tokens(ctx, node, expr))
        factor, offset = (_parameter(ctx, node, made, at) for at in (1, 2))
        ctx.bind(node.outputs[0], made.through(made.curve.scaled(factor or (Fraction(1),), offset or (Fraction(0),))))


def _parameter(ctx: Lowering, node: SourceNode, expr: Expr, at: int) -> tuple[Fraction, ...] | None:
    reals = ctx.reals(node, at, "scale" if at == 1 else "bias")
    return None if reals is None else per_channel(ctx, node, expr, reals)


def _emit(ctx: Lowering, node: SourceNode, expr: Expr) -> Expr:
    if len(set(expr.curve.slope)) > 1 or len(set(expr.curve.offset)) > 1:
        text = "The input of LayerNormalization must have one scale and one zero point for all channels."
        ctx.refuse(node, text, "Quantise it with one scale.")
    kind, step = ctx.type(expr.tensor), expr.curve.slope[0]
    epsilon = Fraction(float(node.attrs.get("epsilon", 1e-5))) * kind.channels**2 / step**2
    scale_bits = 2 * max(0, (PRECISION - math.floor(kind.channels + epsilon).bit_length() + 2) // 2)
    attrs = {"epsilon": max(1, round(epsilon * (1 << scale_bits))), "scale_bits": scale_bits}
    tensor = ctx.emit("layernorm", ctx.stem(node), (expr.tensor,), attrs, {}, (node.name,))
    maker = ctx.producer(tensor)
    assert maker is not None
    found = hardware_op(maker).check(ctx.graph(), maker)
    if found:
        raise UnsupportedError(replace(problem, node=node.name) for problem in found)
    ctx.proofs.append(_measured(ctx.graph(), maker))
    unit = Fraction(1 if step > 0 else -1, 1 << POINT)
    ctx.describe(tensor, (unit,), 0)
    return Expr(tensor, Curve.line((unit,), (Fraction(0),)), expr.view)


def _measured(graph: Graph, node: Node) -> RequantProof:
    """Compare the unit with float64 on random tokens of small and of full spread, and say how far it is off."""
    kind = graph.types[node.inputs[0]]
    rng = np.random.default_rng(0)
    reach = np.exp2(rng.uniform(0, kind.bits, (SAMPLES, 1)))
    middle = rng.uniform(kind.lo, kind.hi, (SAMPLES, 1))
    tokens = np.rint(middle + reach * rng.uniform(-0.5, 0.5, (SAMPLES, kind.channels))).astype(np.int64)
    tokens = tokens.clip(kind.lo, kind.hi)
    got = Numbers.of(graph, node).normalised(tokens)
    wanted = _exact(tokens, int_attr(node, "epsilon") / (1 << int_attr(node, "scale_bits"))) * (1 << POINT)
    differing = int((got != np.rint(wanted)).sum())
    most = float(np.abs(got - wanted).max())
    detail = f"at most {most:.2f} steps of 2^-{POINT} from float64, measured on {got.size} values"
    return RequantProof(node.name, "interpolated", False, differing, detail)


def _exact(tokens: Ints, epsilon: float) -> npt.NDArray[np.float64]:
    """Return the normalised tokens; `epsilon` is in units of the variance of D * x."""
    channels = tokens.shape[1]
    centred = (channels * tokens - tokens.sum(axis=1, keepdims=True)).astype(np.float64)
    variance = channels * (tokens**2).sum(axis=1, keepdims=True) - tokens.sum(axis=1, keepdims=True) ** 2
    return np.asarray(centred / np.sqrt(variance + epsilon))


@cache
def _root(value_bits: int) -> Interpolation:
    return interpolation(lambda m: 1 / np.sqrt(m), 2, value_bits)


@dataclass(frozen=True)
class Numbers:
    """The integers inside the unit.

    Parameters
    ----------
    channels
        D, elements of a token.
    lo, hi
        Range of an element.
    scale_bits, epsilon
        The root is taken of ``(D * sum(x**2) - sum(x)**2 << scale_bits) + epsilon``.
    """

    channels: int
    lo: int
    hi: int
    scale_bits: int
    epsilon: int

    @classmethod
    def of(cls, graph: Graph, node: Node) -> Numbers:
        """Return the numbers of a node."""
        x = in_type(graph, node)
        return cls(x.channels, x.lo, x.hi, int_attr(node, "scale_bits"), int_attr(node, "epsilon"))

    @property
    def root(self) -> Interpolation:
        """The table of the inverse square root."""
        return _root(max(ROOT_BITS, POINT + 1 + self.scale_bits // 2))

    @property
    def shift(self) -> int:
        """What the product is shifted right by, less the exponent of the root."""
        return self.root.value_bits - self.scale_bits // 2 - POINT

    @property
    def variance_bits(self) -> int:
        """Bits of the number that the root is taken of."""
        most = self.channels**2 * (self.hi - self.lo) ** 2 // 4
        return ((most << self.scale_bits) + self.epsilon).bit_length()

    @property
    def centred(self) -> int:
        """Largest magnitude of ``D * x - sum(x)``."""
        return (self.channels - 1) * (self.hi - self.lo)

    def normalised(self, tokens: Ints) -> Ints:
        """Return the normalised tokens.

        Parameters
        ----------
        tokens
            int64 ``(..., D)``.
        """
        total = tokens.sum(axis=-1, keepdims=True)
        spread = self.channels * (tokens * tokens).sum(axis=-1, keepdims=True) - total * total
        root, exponent = self.root((spread << self.scale_bits) + self.epsilon, self.variance_bits)
        product = (self.channels * tokens - total) * root
        return np.asarray(((product >> (self.shift - 1 + exponent)) + 1) >> 1)


class LayerNorm(LaneOp):
    """Every pixel's channels, less their mean, over their standard deviation; a fixed-point number with 12 bits.

    Attributes: `epsilon` and `scale_bits`, see `Numbers`. ``(1, D, H, W) -> (1, D, H, W)``.
    """

    name = "layernorm"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the type that holds the square root of D, which no normalised element exceeds."""
        x = in_type(graph, node)
        most = math.isqrt(x.channels << 2 * POINT) + 2
        return (holding(x.shape, -most, most),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Compute."""
        tokens = np.moveaxis(inputs[0], 1, -1)
        return (np.ascontiguousarray(np.moveaxis(Numbers.of(graph, node).normalised(tokens), -1, 1)),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse bipolar inputs, and numbers that do not fit 62 bits."""
        problems = no_bipolar(graph, node)
        bits = Numbers.of(graph, node).variance_bits
        if bits > MOST_BITS:
            text = f"The squares in layer normalisation must fit {MOST_BITS} bits, not {bits}."
            problems.append(Problem(text, node.name, "Quantise its input to fewer bits."))
        return problems

    def cycles(self, graph: Graph, node: Node, folding: Folding) -> int:
        """Return one iteration for each beat, and one token more: a token is put out while the next is read."""
        x = in_type(graph, node)
        return (x.pixels + 1) * (x.channels // folding.simd)

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Write a token's beats one token after they were read."""
        beats = np.arange(in_type(graph, node).elements // folding.simd, dtype=np.int64)
        folds = in_type(graph, node).channels // folding.simd
        return Schedule(self.cycles(graph, node, folding), (beats,), (beats + folds,))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """Squares and products of every lane, the spread, the root's table and shifter, and a token of memory."""
        x, y, numbers = in_type(graph, node), graph.types[node.outputs[0]], Numbers.of(graph, node)
        lanes, folds = choice.folding.simd, x.channels // choice.folding.simd
        width, root_bits = numbers.root.width(numbers.variance_bits), numbers.root.value_bits
        centred = numbers.centred.bit_length() + 1
        kept, blocks = ram(folds, lanes * x.bits, family) if folds > 1 else (0.0, 0.0)
        counters = counter_bits(folds, x.pixels + 1, (x.pixels + 1) * folds)
        products = lanes * (x.bits**2 + centred * root_bits) * 0.65
        shifts = float(width * width.bit_length() + lanes * (centred + root_bits) * 5)
        lut = {"counters": counters, "ram": kept, "products": products, "spread": float(width * 4), "shifts": shifts}
        state = float(width + 2 * root_bits + lanes * x.bits * (folds == 1))
        ff = {"state": state + counters, "pipeline": products / 4 + lanes * (y.bits + centred + root_bits)}
        return Parts(lut, ff, blocks)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `layernorm`."""
        x, y, numbers = in_type(graph, node), graph.types[node.outputs[0]], Numbers.of(graph, node)
        root, most = numbers.root, max(-x.lo, x.hi)
        centred = CType(True, numbers.centred.bit_length() + 1)
        config: dict[str, int | bool | CType] = {
            "kLanes": choice.folding.simd,
            "kChannels": x.channels,
            "kTokens": x.pixels,
            "kScaleBits": numbers.scale_bits,
            "kEpsilon": numbers.epsilon,
            "kShift": numbers.shift,
            "kIndexBits": INDEX_BITS,
            "kFractionBits": FRACTION_BITS,
            "kWideBits": root.width(numbers.variance_bits),
            "in_t": element_type(x),
            "sum_t": CType(*bits_for(x.channels * x.lo, x.channels * x.hi)),
            "square_t": CType(*bits_for(0, x.channels * most * most)),
            "centred_t": centred,
            "root_t": type_of(root.base),
            "prod_t": CType(True, centred.bits + root.value_bits + 1),
            "out_t": element_type(y),
        }
        roms = RomSet(node.name)
        roms.add("base", type_of(root.base), root.base.reshape(-1, 1))
        roms.add("slope", type_of(root.slope), root.slope.reshape(-1, 1))
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("layernorm.hpp", "layernorm", config, ins, outs, roms.roms), roms.arrays)
