# SPDX-License-Identifier: Apache-2.0
"""ARRAY_PARTITION and ARRAY_RESHAPE of a RAM: it has a bank for each index that is known modulo the partition.

The elements of a RAM are split by what all its run-time indices leave constant (`ram.Rams`), so a partition needs no
logic that chooses a bank; one that would need it is refused.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from hwgen.hlsc.bindings import refusal
from hwgen.hlsc.lltypes import Array, Type
from hwgen.hlsc.pragmas import Directive


def _dimensions(kind: Type, element: int) -> Iterator[tuple[int, int]]:
    """Return per dimension its stride in bytes and its size; an element of `element` bytes ends the dimensions."""
    while isinstance(kind, Array) and kind.element.size >= element:
        yield kind.element.size, kind.count
        kind = kind.element


def check_partition(directives: Sequence[Directive], name: str, kind: Type, element: int, step: int) -> None:
    """Refuse a partition that the indices of a RAM do not give.

    Parameters
    ----------
    directives
        Partitions and reshapes of the array.
    name
        The array's name in the source.
    kind, element
        Its type, and the bytes of an element.
    step
        Greatest common divisor of what its run-time indices are multiplied by, in bytes.

    Raises
    ------
    HlsError
        At the directive.
    """
    sizes = list(_dimensions(kind, element))
    for directive in directives:
        chosen = int(directive.args.get("dim", "1"))
        if chosen > len(sizes):
            raise refusal(
                directive,
                f"The array {name} must have a dimension {chosen} to be partitioned in, and has {len(sizes)}.",
                "Write dim=1 for the first one.",
            )
        for number in [chosen] if chosen else range(1, len(sizes) + 1):
            stride, size = sizes[number - 1]
            split = stride * (size if _type(directive) == "complete" else int(directive.args.get("factor", "1")))
            if step % split or _type(directive) == "block":
                raise refusal(
                    directive,
                    f"The array {name} must not be partitioned like this: its index is not constant, so that it is a "
                    f"RAM, and the bank in dimension {number} would not be known.",
                    "Index that dimension by constants in unrolled loops, or remove the directive.",
                )


def _type(directive: Directive) -> str:
    given = [t for t in ("complete", "cyclic", "block") if t in directive.args]
    return given[0] if given else directive.args.get("type", "complete").lower()
