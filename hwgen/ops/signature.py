# SPDX-License-Identifier: Apache-2.0
"""What an ONNX node must be given: how many inputs, and attributes of which kind.

Every importer declares it, and it is checked before the importer runs, which then need not doubt it. Constants are
read with `Lowering.constant` and `Lowering.reals`, which refuse what is computed or has the wrong size.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from hwgen.errors import Problem
from hwgen.graph.source import SourceNode

HINT = "Check the model with onnx.checker.check_model and export it again."


@dataclass(frozen=True)
class Kind:
    """What an attribute must be.

    Parameters
    ----------
    wanted
        For the sentence "... must be"; `{rank}` is the number of axes of the node's first input.
    holds
        Tells whether a value is that; called with the value as Python data and the rank.
    """

    wanted: str
    holds: Callable[[Any, int], bool]


def _whole(value: Any) -> bool:
    return isinstance(value, int)


def _wholes(value: Any) -> bool:
    return isinstance(value, tuple) and all(map(_whole, value))


def _axis(value: Any, rank: int) -> bool:
    return _whole(value) and -rank <= value < rank


WHOLE = Kind("a whole number", lambda value, rank: _whole(value))
WHOLES = Kind("whole numbers", lambda value, rank: _wholes(value))
POSITIVE = Kind("a whole number from 1 on", lambda value, rank: _whole(value) and value >= 1)
NUMBER = Kind("a finite number", lambda value, rank: isinstance(value, float | int) and math.isfinite(value))
NOT_NEGATIVE = Kind("a number from 0 on", lambda value, rank: NUMBER.holds(value, rank) and value >= 0)
NUMBERS = Kind("finite numbers", lambda value, rank: isinstance(value, tuple) and all(map(math.isfinite, value)))
AXIS = Kind("one of {rank} axes", _axis)
AXES = Kind("some of {rank} axes", lambda value, rank: _wholes(value) and all(_axis(axis, rank) for axis in value))
PERMUTATION = Kind("a permutation of {rank} axes", lambda value, rank: _wholes(value) and _is_permutation(value, rank))
EXTENTS = Kind(
    "positive whole numbers, one for each spatial axis",
    lambda value, rank: _wholes(value) and len(value) in (0, rank - 2) and all(extent >= 1 for extent in value),
)
SPATIAL = Kind(
    "whole numbers, one for each spatial axis", lambda value, rank: _wholes(value) and len(value) in (0, rank - 2)
)
PADS = Kind(
    "whole numbers, two for each spatial axis", lambda value, rank: _wholes(value) and len(value) in (0, 2 * rank - 4)
)
TEXT = Kind("a text", lambda value, rank: isinstance(value, str))


def one_of(*choices: str) -> Kind:
    """Return the kind of a text that is one of a few."""
    return Kind(" or ".join(choices), lambda value, rank: value in choices)


def _is_permutation(value: tuple[int, ...], rank: int) -> bool:
    return sorted(value) == list(range(rank))


@dataclass(frozen=True)
class Signature:
    """What a node must be given.

    Parameters
    ----------
    least, most
        Number of inputs; those behind the first `least` may be left out. None: any number.
    attrs
        Kinds of the attributes that a node may have.
    required
        Attributes that it must have.
    """

    least: int = 1
    most: int | None = 1
    attrs: Mapping[str, Kind] = field(default_factory=dict)
    required: tuple[str, ...] = ()

    def problems(self, node: SourceNode, shapes: Mapping[str, tuple[int, ...]]) -> Iterator[Problem]:
        """Yield what is wrong with a node; `shapes` are those of the model's tensors."""
        count = len(node.inputs)
        if not all(node.inputs[: self.least]) or count < self.least or (self.most is not None and count > self.most):
            yield Problem(f"{node.op} must have {self._count()}, not {count}.", node.name, HINT)
            return
        for name in self.required:
            if name not in node.attrs:
                yield Problem(f"{node.op} must have the attribute {name}.", node.name, HINT)
        rank = len(shapes.get(node.inputs[0], ())) if node.inputs else 0
        for name, value in node.attrs.items():
            kind = self.attrs.get(name)
            if kind is not None and not kind.holds(value, rank):
                text = f"The {name} of {node.op} must be {kind.wanted.format(rank=rank)}, not {value!r}."
                yield Problem(text, node.name, HINT)

    def _count(self) -> str:
        if self.most is None:
            return f"at least {self.least} inputs"
        span = f"{self.least}" if self.least == self.most else f"{self.least} to {self.most}"
        return f"{span} input{'s' if self.most > 1 else ''}"
