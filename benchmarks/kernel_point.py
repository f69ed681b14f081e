# SPDX-License-Identifier: Apache-2.0
"""One instance of a kernel to measure, and how it is made of an operator, a kernel call or random settings."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from hwgen.graph import Attr, Graph, Ints, Node, TensorType
from hwgen.hw import Built, Choice, Family, Folding, KernelCall, Resources, Storage, Unit
from hwgen.ops.area import Parts, priced
from hwgen.ops.base import hardware_op
from hwgen.ops.folded import FoldedOp
from hwgen.ops.support import divisors

Making = Callable[[Family], Parts]


@dataclass(frozen=True)
class Point:
    """One instance to measure.

    Parameters
    ----------
    name
        Identifier, the C++ function or the SystemVerilog module.
    kernel
        What it is an instance of.
    text
        Its settings, for people.
    parts
        What it is made of, by family.
    built
        The kernel call, None for modules written in SystemVerilog.
    parameters
        Parameters of such a module.
    """

    name: str
    kernel: str
    text: str
    parts: Making
    built: Built | None = None
    parameters: Mapping[str, int] = field(default_factory=dict)

    def cost(self, family: Family) -> Resources:
        """Return the estimate."""
        return priced(self.kernel, family, self.parts(family))


class Draw:
    """Random settings of one point."""

    def __init__(self, kernel: str, index: int) -> None:
        self.index = index
        self.rng = np.random.default_rng([zlib.crc32(kernel.encode()), index])

    def of(self, *values: int) -> int:
        """Return one of the values."""
        return int(self.rng.choice(np.array(values)))

    def divisor(self, number: int, most: int) -> int:
        """Return a divisor of at most `most`."""
        return self.of(*(d for d in divisors(number) if d <= most))

    def ints(self, low: int, high: int, shape: int | tuple[int, ...]) -> Ints:
        """Return integers in ``[low, high]``."""
        return self.rng.integers(low, high + 1, shape, dtype=np.int64)

    def weights(self, bits: int, shape: tuple[int, ...]) -> Ints:
        """Return signed weights spread as training leaves them, in a bell; one bit means bipolar."""
        if bits == 1:
            return self.rng.choice(np.array([-1, 1], dtype=np.int64), shape)
        top = 1 << (bits - 1)
        return np.clip(np.rint(self.rng.normal(0, top / 3, shape)), -top, top - 1).astype(np.int64)


def made(
    name: str,
    op: str,
    inputs: list[TensorType],
    folding: Folding,
    attrs: Mapping[str, Attr],
    constants: Mapping[str, npt.ArrayLike] | None = None,
    unit: Unit | None = None,
    storage: Storage = "auto",
) -> Point:
    """Return a point of an operator between inputs of the given types."""
    arrays = {role: np.asarray(value, dtype=np.int64) for role, value in (constants or {}).items()}
    names = tuple(f"x{i}" for i in range(len(inputs)))
    node = Node(name, op, names, ("y",), attrs, {role: f"{name}_{role}" for role in arrays}, ())
    keyed = {f"{name}_{role}": value for role, value in arrays.items()}
    types = dict(zip(names, inputs, strict=True))
    kernel = hardware_op(node)
    (types["y"],) = kernel.infer(Graph(name, names, (), (node,), types, keyed), node)
    graph = Graph(name, names, ("y",), (node,), types, keyed)
    assert isinstance(kernel, FoldedOp)
    return of_node(graph, node, Choice(folding, unit or kernel.unit(graph, node), storage))


def of_node(graph: Graph, node: Node, choice: Choice) -> Point:
    """Return a point of a node as one choice builds it."""
    kernel = hardware_op(node)
    assert isinstance(kernel, FoldedOp)
    assert not kernel.check(graph, node), node.name
    shown = {k: v for k, v in node.attrs.items() if not isinstance(v, (tuple, bool))}
    sizes = [f"{role}={'x'.join(map(str, graph.constant(node, role).shape))}" for role in node.constants]
    inputs = [graph.types[name] for name in node.inputs]
    kinds = [f"{'s' if t.signed else 'u'}{t.bits}[{'x'.join(map(str, t.shape[1:]))}]" for t in inputs]
    folding = choice.folding
    units = [choice.unit] * (choice.unit in ("dsp", "lut_const")) + [choice.storage] * (choice.storage != "auto")
    text = [*kinds, *units, f"simd={folding.simd} pe={folding.pe}", *(f"{k}={v}" for k, v in shown.items()), *sizes]
    built = kernel.kernel(graph, node, choice)
    prices = kernel.price_list(graph, node, choice)
    return Point(node.name, prices, " ".join(text), lambda f: kernel.parts(graph, node, choice, f), built)


def of_call(name: str, call: KernelCall, parts: Parts) -> Point:
    """Return a point of a kernel call that no operator makes."""
    text = " ".join(f"{key}={value}" for key, value in call.config.items())
    return Point(name, call.function, text, lambda _: parts, Built(call))
