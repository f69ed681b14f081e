# SPDX-License-Identifier: Apache-2.0
"""Pipeline control of a process: valid bits, stalls, stream handshakes.

Stages between two accesses share one `move` signal, so a pipeline with reads at its head and a write at its end has
two. A `move` is "not stalled"; it is also the clock enable of the registers in front of its stage.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from hwgen.hlsc.back.emit_expr import Expressions
from hwgen.hlsc.back.identifiers import Identifiers
from hwgen.hlsc.back.schedule import Schedule

ONE = "1'b1"


@dataclass(frozen=True)
class Access:
    """A stream access in a stage: value ids of its predicate (None: always)."""

    stream: str
    direction: str
    stage: int
    predicate: int | None


class Control:
    """Identifiers and writes the control signals of one module."""

    def __init__(self, schedule: Schedule, names: Identifiers) -> None:
        self.schedule = schedule
        self.accesses = self._accesses()
        self.groups = sorted({a.stage for a in self.accesses})
        self.move_name = {g: names.fresh(f"move_{g}") for g in self.groups}
        first = 0 if schedule.ii > 1 else 1
        self.valid_name = {s: names.fresh(f"valid_{s}") for s in range(first, schedule.stages)}
        self.wait_name = {a.stream: names.fresh(f"{a.stream}_wait") for a in self.accesses if self._may_wait(a)}
        self.full_name = {a.stream: names.fresh(f"{a.stream}_full") for a in self.accesses if a.direction == "out"}

    def _accesses(self) -> list[Access]:
        process, stage = self.schedule.netlist.process, self.schedule.stage
        found = [
            Access(str(v.attr), "in", stage[v.id], v.args[0] if v.args else None)
            for v in process.values
            if v.opcode == "read"
        ]
        base = len(process.values)
        for offset, write in enumerate(process.writes):
            found.append(Access(write.stream, "out", stage[base + offset], write.predicate))
        return found

    def _may_wait(self, access: Access) -> bool:
        """Whether an access may find its stream not ready: not a read that happens only if a word waits."""
        work = [] if access.predicate is None else [access.predicate]
        values = self.schedule.netlist.process.values
        while work:
            value = values[work.pop()]
            if value.opcode == "valid" and value.attr == access.stream:
                return False
            if value.opcode == "and":
                work += value.args
        return True

    def move(self, stage: int) -> str | None:
        """Return the signal that is 1 when a stage is not stalled; None when it never is."""
        group = next((g for g in self.groups if g >= stage), None)
        return None if group is None else self.move_name[group]

    def valid(self, stage: int) -> str | None:
        """Return the valid bit of a stage; at II=1 the first one always has an iteration."""
        return self.valid_name.get(stage)

    def active(self, stage: int) -> list[str]:
        """Return the conditions under which the iteration in a stage leaves it in this clock."""
        return [c for c in (self.valid(stage), self.move(stage)) if c is not None]

    def declarations(self) -> Iterator[str]:
        """Declare what is used before it is assigned."""
        yield ""
        yield "    // A stage moves on unless an access in it or in a later stage waits."
        for group in self.groups:
            yield f"    logic {self.move_name[group]};"
        for name in (*self.full_name.values(), *self.valid_name.values()):
            yield f"    logic {name};"
        if self.schedule.ii > 1:
            yield f"    // II = {self.schedule.ii}: an iteration begins when the one before has left the first stages."
            before = " || ".join(self.valid_name[s] for s in range(1, self.schedule.ii))
            yield f"    assign {self.valid_name[0]} = !({before});"

    def stage(self, stage: int, expressions: Expressions) -> Iterator[str]:
        """Write the handshakes and the stall of a stage."""
        here = [a for a in self.accesses if a.stage == stage]
        if not here:
            return
        for access in here:
            if access.stream not in self.wait_name:
                continue
            busy = f"!{access.stream}_tvalid" if access.direction == "in" else self.full_name[access.stream]
            terms = [*self._wanted(access, expressions), busy]
            yield f"    wire {self.wait_name[access.stream]} = {' && '.join(terms)};"
        later = self.move(stage + 1)
        for access in here:
            if access.direction == "in":
                others = [
                    f"!{self.wait_name[a.stream]}" for a in here if a is not access and a.stream in self.wait_name
                ]
                terms = [*self._wanted(access, expressions), *others, *([later] if later else [])]
                yield f"    assign {access.stream}_tready = {' && '.join(terms) or ONE};"
        terms = [f"!{self.wait_name[a.stream]}" for a in here if a.stream in self.wait_name]
        terms += [later] if later else []
        yield f"    assign {self.move_name[stage]} = {' && '.join(terms) or ONE};"

    def _wanted(self, access: Access, expressions: Expressions) -> list[str]:
        terms = [self.valid(access.stage)]
        if access.predicate is not None:
            terms.append(expressions.ref(access.predicate, access.stage))
        return [t for t in terms if t is not None]

    def valid_update(self, stage: int) -> Iterator[str]:
        """Write the update of a stage's valid bit, inside its `always_ff`."""
        name, move, before = self.valid_name[stage], self.move(stage), self.move(stage - 1)
        terms = [t for t in (self.valid(stage - 1), before if before != move else None) if t is not None]
        yield f"if (!ap_rst_n) {name} <= 1'b0;"
        condition = f"else if ({move})" if move else "else"
        yield f"{condition} {name} <= {' && '.join(terms) or ONE};"

    def output(self, stream: str, stage: int, data: str, predicate: str | None) -> Iterator[str]:
        """Write the register of an output stream."""
        alone = len([a for a in self.accesses if a.stage >= stage]) == 1
        terms = [t for t in (self.valid(stage), predicate) if t is not None]
        if not alone:
            terms.append(self.move_name[stage])
        full = self.full_name[stream]
        yield ""
        yield f"    // ---- output register of {stream}"
        yield f"    assign {full} = {stream}_tvalid && !{stream}_tready;"
        yield "    always_ff @(posedge ap_clk) begin"
        yield f"        if (!ap_rst_n) {stream}_tvalid <= 1'b0;"
        yield f"        else if (!{full}) {stream}_tvalid <= {' && '.join(terms) or ONE};"
        yield f"        if (!{full}) {stream}_tdata <= {data};"
        yield "    end"
