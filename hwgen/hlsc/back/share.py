# SPDX-License-Identifier: Apache-2.0
"""Multipliers that several multiplications of an iteration share at II > 1.

Iterations are at least II stages apart. So multiplications in different stages of any II stages in a row never happen
at the same time, whatever the streams do, and one multiplier does them all: the stages' valid bits choose its inputs.
An adder costs less than the multiplexers in front of it, so additions are not shared.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from hwgen.hlsc import ir
from hwgen.hlsc.back.netlist import Netlist

_MUX = 0.6
_START = 0.5


class Factor(NamedTuple):
    """What a multiplier gets: the bits before extension, and how they are extended ("" where they are not)."""

    extension: str
    width: int


@dataclass(frozen=True)
class Unit:
    """A shared multiplier: its multiplications in ascending stages, and the two value ids that each is given."""

    nodes: tuple[int, ...]
    operands: tuple[tuple[int, int], ...]
    factors: tuple[Factor, Factor]
    width: int


def factors(process: ir.Process, value: ir.Value) -> list[tuple[Factor, int]]:
    """Return the factors of a multiplication and the values that they extend, in an order that tells equal shapes."""
    found = []
    for arg in value.args:
        inner = process.values[arg]
        if inner.opcode in ("zext", "sext"):
            found.append((Factor(inner.opcode, process.values[inner.args[0]].width), inner.args[0]))
        else:
            found.append((Factor("", inner.width), arg))
    return sorted(found, key=lambda pair: pair[0])


def start(level: float) -> float:
    """Return the time in its stage (ns) until which a shared multiplier waits for its operands."""
    return _START * level


def overhead(level: float) -> float:
    """Return the delay (ns) of the multiplexers in front of a shared multiplier."""
    return _MUX * level


def _worth(process: ir.Process, value: ir.Value) -> bool:
    """Tell whether a multiplier costs more LUTs than the multiplexers and registers that sharing it takes."""
    if value.opcode != "mul" or value.bind or any(process.values[a].opcode == "const" for a in value.args):
        return False
    (one, _), (other, _) = factors(process, value)
    return one.width * other.width > 2 * (one.width + other.width)


def shareable(process: ir.Process) -> frozenset[int]:
    """Return the multiplications that may get a multiplier together with others of their shape.

    A multiplier has II turns; one multiplication that would be alone in the last one is left out.
    """
    turns = process.ii or 1
    shapes: dict[object, list[int]] = {}
    for value in process.values if turns > 1 else ():
        if _worth(process, value):
            shapes.setdefault(_shape(process, value), []).append(value.id)
    return frozenset(n for nodes in shapes.values() for n in nodes[: len(nodes) - (len(nodes) % turns == 1)])


def _shape(process: ir.Process, value: ir.Value) -> object:
    return (value.width, *(factor for factor, _ in factors(process, value)))


def wanted(
    netlist: Netlist, ii: int, free: Callable[[int], bool], earliest: Callable[[int], int]
) -> Iterator[dict[int, int]]:
    """Propose multiplications to share a multiplier: by node the stage that each should be in.

    Parameters
    ----------
    netlist, ii
        The process, and the distance of its iterations.
    free
        Tells whether a node may be shared: it is in no recurrence, and leaves time for the multiplexers.
    earliest
        Gives the first stage in which all operands of a node come from registers.
    """
    shapes: dict[object, list[int]] = {}
    for value in netlist.process.values:
        if _worth(netlist.process, value) and not netlist.latency(value.id) and free(value.id):
            shapes.setdefault(_shape(netlist.process, value), []).append(value.id)
    for nodes in shapes.values():
        yield from _groups(sorted(nodes, key=lambda n: (earliest(n), n)), ii, earliest)


def _groups(nodes: Sequence[int], ii: int, earliest: Callable[[int], int]) -> Iterator[dict[int, int]]:
    group: dict[int, int] = {}
    for node in nodes:
        stage = max(earliest(node), 1 + max(group.values(), default=-1))
        if group and stage - min(group.values()) >= ii:
            yield group
            group = {}
            stage = earliest(node)
        group[node] = stage
    yield group


def may_share(nodes: Sequence[int], stage: Mapping[int, int], ii: int) -> bool:
    """Tell whether multiplications lie in different stages of `ii` stages in a row."""
    stages = [stage[n] for n in nodes]
    return len(nodes) > 1 and len(set(stages)) == len(stages) and max(stages) - min(stages) < ii


def unit(process: ir.Process, nodes: Sequence[int], stage: Mapping[int, int]) -> Unit:
    """Return the multiplier of a group whose stages `may_share`."""
    order = tuple(sorted(nodes, key=lambda n: stage[n]))
    found = [factors(process, process.values[n]) for n in order]
    (one, _), (other, _) = found[0]
    return Unit(order, tuple((a, b) for (_, a), (_, b) in found), (one, other), process.values[order[0]].width)
