# SPDX-License-Identifier: Apache-2.0
"""MatMul of two activations, head by head: one of them is kept in memory while the other streams past."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from hwgen.errors import Problem
from hwgen.graph import Attr, Graph, Ints, Node, TensorType, bits_for
from hwgen.graph.source import SourceNode
from hwgen.hw import Built, Choice, CType, Family, Folding, KernelCall, Schedule, StreamType, Unit
from hwgen.ops import macs
from hwgen.ops.area import Parts, counter_bits, ram
from hwgen.ops.arithmetic import product_luts, tree_luts
from hwgen.ops.folded import FoldedOp, no_bipolar, write_every
from hwgen.ops.lowering import Lowering
from hwgen.ops.matvec import exact_product
from hwgen.ops.steps import Curve
from hwgen.ops.support import bool_attr, divisors, element_type, holding, in_type, int_attr
from hwgen.ops.tokens import as_heads
from hwgen.ops.values import Expr, View


def product_of_activations(ctx: Lowering, node: SourceNode) -> Expr:
    """Emit ``a @ b`` for tokens a ``(1, ..., T, R)`` and b ``(1, ..., R, N)``; the axes before the last two are heads.

    The heads of both lie in the channels of their tokens, one after the other, or are moved there; so do those of the
    product.

    Raises
    ------
    UnsupportedError
        The operands do not fit each other, or have scales or zero points that integers cannot hold.
    """
    a, b = (macs.linear(ctx, node, name) for name in node.inputs)
    zero_a, zero_b = (_zero(ctx, node, expr) for expr in (a, b))
    if len(a.view.shape) < 3 or a.view.shape[:-2] != b.view.shape[:-2] or a.view.shape[-1] != b.view.shape[-2]:
        text = f"The inputs of MatMul must be matrices that fit, any heads alike, not {a.view.shape} and "
        ctx.refuse(node, f"{text}{b.view.shape}.", "Broadcasting one activation over another is not supported.")
    heads = int(np.prod(a.view.shape[1:-2]))
    tokens, terms = a.view.shape[-2:]
    outputs = b.view.shape[-1]
    transposed = _is(ctx, b, (heads, terms, outputs))
    by_token = _is(ctx, b, (heads, outputs, terms), swapped=True)
    if not _is(ctx, a, (heads, terms, tokens), swapped=True):
        a = as_heads(ctx, node, a, tokens_first=True)
    if not (transposed or by_token):
        b, transposed = as_heads(ctx, node, b, tokens_first=False), True
    attrs: dict[str, Attr] = {"heads": heads, "transposed": transposed, "zero_a": zero_a, "zero_b": zero_b}
    tensor = ctx.emit("matmul_dynamic", ctx.stem(node), (a.tensor, b.tensor), attrs, {}, (node.name,))
    unit = a.curve.slope[0] * b.curve.slope[0]
    shape = (*a.view.shape[:-1], outputs)
    places = np.arange(heads * outputs * tokens, dtype=np.int64).reshape(heads, outputs, tokens)
    view = View(shape, places.transpose(0, 2, 1).reshape(shape[1:]))
    return Expr(tensor, Curve.line((unit,), (Fraction(0),)), view)


def _is(ctx: Lowering, expr: Expr, shape: tuple[int, int, int], *, swapped: bool = False) -> bool:
    """Tell whether a tensor's places are (heads, channels, tokens); `swapped` where ONNX has tokens before channels."""
    heads, channels, tokens = shape
    places = np.arange(heads * channels * tokens, dtype=np.int64).reshape(shape)
    wanted = places.transpose(0, 2, 1) if swapped else places
    base = ctx.type(expr.tensor)
    fits = (base.channels, base.pixels) == (heads * channels, tokens)
    return fits and np.array_equal(expr.view.positions().reshape(-1), wanted.reshape(-1))


def _zero(ctx: Lowering, node: SourceNode, expr: Expr) -> int:
    zero = expr.curve.zero
    if len(set(expr.curve.slope)) > 1 or zero is None:
        text = f"The inputs of {node.op} must each have one scale and one integer zero point."
        ctx.refuse(node, text, "Quantise both with one scale for all channels.")
    return zero


class MatmulDynamic(FoldedOp):
    """``(1, H*R, T, 1), b -> (1, H*N, T, 1)``: every token's R elements of a head times that head's matrix in b.

    `transposed` true: b is ``(1, H*R, N, 1)``, its tokens are the columns of the matrices (keys). False: b is
    ``(1, H*N, R, 1)``, its tokens are the rows (values). Attributes `heads`, `zero_a` and `zero_b` (zero points).
    """

    name = "matmul_dynamic"

    def infer(self, graph: Graph, node: Node) -> tuple[TensorType, ...]:
        """Return the accumulator's type."""
        a = in_type(graph, node)
        heads, terms, outputs = sizes(graph, node)
        corners = [x * y for x in _span(graph, node, 0) for y in _span(graph, node, 1)]
        return (holding((1, heads * outputs, *a.shape[2:]), terms * min(corners), terms * max(corners)),)

    def golden(self, graph: Graph, node: Node, inputs: Sequence[Ints]) -> tuple[Ints, ...]:
        """Multiply exactly."""
        heads, terms, outputs = sizes(graph, node)
        frames, tokens = len(inputs[0]), in_type(graph, node).pixels
        a = (inputs[0] - int_attr(node, "zero_a")).reshape(frames, heads, terms, tokens)
        b = inputs[1] - int_attr(node, "zero_b")
        if bool_attr(node, "transposed"):
            matrix = b.reshape(frames, heads, terms, outputs).swapaxes(2, 3)
        else:
            matrix = b.reshape(frames, heads, outputs, terms)
        product = exact_product(matrix, a)
        return (product.reshape(frames, heads * outputs, *inputs[0].shape[2:]),)

    def check(self, graph: Graph, node: Node) -> list[Problem]:
        """Refuse bipolar inputs, and heads that do not divide the channels or fit each other."""
        problems = no_bipolar(graph, node)
        a, b = in_type(graph, node), in_type(graph, node, 1)
        heads, terms, _ = sizes(graph, node)
        other = b.channels // heads if bool_attr(node, "transposed") else b.pixels
        if a.channels % heads or b.channels % heads or other != terms:
            text = f"The {heads} heads of both inputs must have equally many terms, not {a.shape} and {b.shape}."
            problems.append(Problem(text, node.name))
        return problems

    def unit(self, graph: Graph, node: Node) -> Unit:
        """Return LUT multipliers."""
        return "lut_generic"

    def foldings(self, graph: Graph, node: Node) -> list[Folding]:
        """Return every (divisor of the terms, divisor of the outputs of a head)."""
        _, terms, outputs = sizes(graph, node)
        return [Folding(simd, pe) for simd in divisors(terms) for pe in divisors(outputs)]

    def streams(
        self, graph: Graph, node: Node, folding: Folding
    ) -> tuple[tuple[StreamType, ...], tuple[StreamType, ...]]:
        """Return `simd` lanes of a, the channels of b that an iteration takes of a token, and `pe` lanes out."""
        a, b, y = (graph.types[name] for name in (*node.inputs, *node.outputs))
        lanes = folding.simd if bool_attr(node, "transposed") else folding.pe
        return (StreamType.of(a, folding.simd), StreamType.of(b, lanes)), (StreamType.of(y, folding.pe),)

    def schedule(self, graph: Graph, node: Node, folding: Folding) -> Schedule:
        """Read all of b; then a head of a token in its first output fold; write at the end of every output fold."""
        (a, b), (y,) = self.streams(graph, node, folding)
        heads, terms, _ = sizes(graph, node)
        each = terms // folding.simd
        computing = y.beats * each
        folds = y.beats // (in_type(graph, node).pixels * heads)
        starts = np.arange(0, computing, folds * each, dtype=np.int64)[:, np.newaxis]
        reads = b.beats + (starts + np.arange(each, dtype=np.int64)).reshape(-1)
        assert reads.size == a.beats
        writes = b.beats + write_every(computing, each)
        return Schedule(b.beats + computing, (reads, np.arange(b.beats, dtype=np.int64)), (writes,))

    def parts(self, graph: Graph, node: Node, choice: Choice, family: Family) -> Parts:
        """Products and adder trees, accumulators, the banks that keep b, the kept head of a, the counters."""
        a, b = in_type(graph, node), in_type(graph, node, 1)
        (ins, taken), (out,) = self.streams(graph, node, choice.folding)
        simd, pe = choice.folding.simd, choice.folding.pe
        _, terms, outputs = sizes(graph, node)
        banks = pe if bool_attr(node, "transposed") else simd
        kept, blocks = ram(taken.beats // banks, taken.width, family)
        each = terms // simd
        vector, vector_blocks = ram(each, ins.width, family) if each > 1 and outputs > pe else (0.0, 0.0)
        multipliers = simd * pe
        width = a.bits + b.bits + 2
        products = multipliers * product_luts(a.bits, a.signed, b.bits, b.signed, family)
        counters = counter_bits(taken.beats, outputs // pe, each, self.cycles(graph, node, choice.folding))
        lut = {
            "counters": counters, "ram": banks * kept + vector, "products": products,
            "tree": pe * tree_luts(simd, width),
            "sums": float(out.width),
        }  # fmt: skip
        ff = {"state": counters + 2 * out.width, "pipeline": products / 4 + banks * taken.width + ins.width}
        return Parts(lut, ff, banks * blocks + vector_blocks)

    def kernel(self, graph: Graph, node: Node, choice: Choice) -> Built:
        """Return the call of `matmul_dynamic`."""
        a, b, acc = (graph.types[name] for name in (*node.inputs, *node.outputs))
        heads, terms, outputs = sizes(graph, node)
        config: dict[str, int | bool | CType] = {
            "kSimd": choice.folding.simd,
            "kPe": choice.folding.pe,
            "kTokens": a.pixels,
            "kHeads": heads,
            "kReduce": terms,
            "kOutputs": outputs,
            "kTransposed": bool_attr(node, "transposed"),
            "kZeroA": int_attr(node, "zero_a"),
            "kZeroB": int_attr(node, "zero_b"),
            "a_t": element_type(a),
            "b_t": element_type(b),
            "x_t": CType(True, bits_for(min(-1, _span(graph, node, 0)[0]), _span(graph, node, 0)[1])[1]),
            "y_t": CType(True, bits_for(min(-1, _span(graph, node, 1)[0]), _span(graph, node, 1)[1])[1]),
            "acc_t": element_type(acc),
        }
        ins, outs = self.streams(graph, node, choice.folding)
        return Built(KernelCall("matmul_dynamic.hpp", "matmul_dynamic", config, ins, outs))


def sizes(graph: Graph, node: Node) -> tuple[int, int, int]:
    """Return the heads, and the terms and outputs of each."""
    heads = int_attr(node, "heads")
    a, b = in_type(graph, node), in_type(graph, node, 1)
    return heads, a.channels // heads, b.pixels if bool_attr(node, "transposed") else b.channels // heads


def _span(graph: Graph, node: Node, index: int) -> tuple[int, int]:
    """Return the least and the greatest element of an input less its zero point."""
    kind, zero = in_type(graph, node, index), int_attr(node, "zero_b" if index else "zero_a")
    return kind.lo - zero, kind.hi - zero
