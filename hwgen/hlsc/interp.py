# SPDX-License-Identifier: Apache-2.0
"""Cycle-free reference interpreter of an `ir.Process`: what its RTL must produce, whatever the timing."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import PURE, evaluate


@dataclass
class Machine:
    """The state of a running process: state registers, RAM contents, read positions and outputs so far.

    `waits` is asked, in each iteration that looks, whether the next word of a stream is there yet; None: always.
    """

    process: ir.Process
    inputs: Mapping[str, Sequence[int]]
    waits: Callable[[str], bool] | None = None
    states: dict[str, int] = field(init=False)
    rams: dict[str, dict[int, int]] = field(init=False)
    position: dict[str, int] = field(init=False)
    outputs: dict[str, list[int]] = field(init=False)

    def __post_init__(self) -> None:
        self.states = {s.name: s.reset for s in self.process.states}
        self.rams = {r.name: dict(enumerate(r.init or ())) for r in self.process.rams}
        self.position = {s.name: 0 for s in self.process.streams if s.direction == "in"}
        self.outputs = {s.name: [] for s in self.process.streams if s.direction == "out"}
        self._roms = {r.name: r.words for r in self.process.roms}

    def starved(self, reads: Mapping[str, int]) -> bool:
        """Tell whether an iteration that takes these words (stream -> count) finds an input empty."""
        return any(self.position[name] + count > len(self.inputs.get(name, ())) for name, count in reads.items())

    def step(self) -> bool:
        """Run one iteration; return False, with nothing changed, when an input it needs is empty."""
        process = self.process
        results: list[int] = []
        reads: dict[str, int] = {}
        for value in process.values:
            results.append(self._value(value, results, reads))
        if self.starved(reads):
            return False
        for name, count in reads.items():
            self.position[name] += count
        for write in process.writes:
            if write.predicate is None or results[write.predicate]:
                self.outputs[write.stream].append(results[write.data])
        for ram in process.rams:
            store = ram.store
            if (store.predicate is None or results[store.predicate]) and results[store.address] < ram.depth:
                self.rams[ram.name][results[store.address]] = results[store.data]
        self.states = {s.name: results[s.next] for s in process.states}
        return True

    def _value(self, value: ir.Value, results: Sequence[int], reads: dict[str, int]) -> int:
        if value.opcode in PURE:
            values = self.process.values
            return evaluate(
                value.opcode,
                value.width,
                [results[a] for a in value.args],
                [values[a].width for a in value.args],
                value.attr,
            )
        if value.opcode == "const":
            assert isinstance(value.attr, int)
            return value.attr
        name = str(value.attr)
        if value.opcode == "state":
            return self.states[name]
        if value.opcode == "valid":
            return int(
                self.position[name] < len(self.inputs.get(name, ())) and (self.waits is None or self.waits(name))
            )
        if value.opcode == "rom":
            words = self._roms[name]
            address = results[value.args[0]]
            return words[address] if address < len(words) else 0
        if value.opcode == "ram":
            return self.rams[name].get(results[value.args[0]], 0)
        assert value.opcode == "read", value.opcode
        return self._read(name, not value.args or bool(results[value.args[0]]), reads)

    def _read(self, name: str, taken: bool, reads: dict[str, int]) -> int:
        if not taken:
            return 0
        index = self.position[name] + reads.get(name, 0)
        reads[name] = reads.get(name, 0) + 1
        words = self.inputs.get(name, ())
        return words[index] if index < len(words) else 0


def run(
    process: ir.Process,
    inputs: Mapping[str, Sequence[int]],
    iterations: int,
    waits: Callable[[str], bool] | None = None,
) -> dict[str, list[int]]:
    """Run a process from reset and return the words of every output stream, as unsigned integers.

    Parameters
    ----------
    process
        A process that `verify_ir.verify` accepts.
    inputs
        Words per input stream, unsigned, of the stream's width.
    iterations
        How many iterations to run; fewer are run when an input is exhausted.
    waits
        Whether the next word of a stream is there yet, asked by `read_nb` and `empty`; None: always.
    """
    machine = Machine(process, inputs, waits)
    for _ in range(iterations):
        if not machine.step():
            break
    return machine.outputs
