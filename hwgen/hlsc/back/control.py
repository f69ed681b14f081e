# SPDX-License-Identifier: Apache-2.0
"""Pipeline control of a process: valid bits, stalls, stream handshakes.

Stages between two accesses share one `move` signal, so a pipeline with reads at its head and a write at its end has
two. A `move` is "not stalled"; it is also the clock enable of the registers in front of its stage.

Several accesses of an iteration to one stream lie in stages of which at most one has an iteration in it, because the
iterations are further apart. So the stream's `tready` is the OR of theirs, and the register of an output is one of all.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from hwgen.hlsc.back.emit_expr import Expressions
from hwgen.hlsc.back.identifiers import Identifiers
from hwgen.hlsc.back.schedule import Schedule

ONE = "1'b1"


@dataclass(frozen=True)
class Access:
    """A stream access in a stage: its node, and the value id of its predicate (None: always)."""

    node: int
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
        self.shared = {s: nodes for s, nodes in schedule.netlist.accesses.items() if len(nodes) > 1}
        self.wait_name = {a.node: self._fresh(names, a, "wait") for a in self.accesses if self._may_wait(a)}
        self.take_name = {a.node: self._fresh(names, a, "take") for a in self.accesses if a.stream in self.shared}
        outputs = dict.fromkeys(a.stream for a in self.accesses if a.direction == "out")
        self.full_name = {s: names.fresh(f"{s}_full") for s in outputs}

    def _accesses(self) -> list[Access]:
        process, stage = self.schedule.netlist.process, self.schedule.stage
        found = [
            Access(v.id, str(v.attr), "in", stage[v.id], v.args[0] if v.args else None)
            for v in process.values
            if v.opcode == "read"
        ]
        base = len(process.values)
        for node, write in enumerate(process.writes, base):
            found.append(Access(node, write.stream, "out", stage[node], write.predicate))
        return found

    def _fresh(self, names: Identifiers, access: Access, what: str) -> str:
        """Return a new name for a signal of an access, with its stage if the stream has several."""
        return names.fresh(f"{access.stream}_{what}" + (f"_{access.stage}" if access.stream in self.shared else ""))

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
            if access.node in self.wait_name:
                busy = f"!{access.stream}_tvalid" if access.direction == "in" else self.full_name[access.stream]
                terms = [*self._wanted(access, expressions), busy]
                yield f"    wire {self.wait_name[access.node]} = {' && '.join(terms)};"
        later = self.move(stage + 1)
        waits = {a.node: f"!{self.wait_name[a.node]}" for a in here if a.node in self.wait_name}
        for access in here:
            if access.direction == "in":
                terms = [*self._wanted(access, expressions), *(w for n, w in waits.items() if n != access.node)]
                yield from self._ready(access, [*terms, *([later] if later else [])])
        terms = [*waits.values(), *([later] if later else [])]
        yield f"    assign {self.move_name[stage]} = {' && '.join(terms) or ONE};"

    def _ready(self, access: Access, terms: list[str]) -> Iterator[str]:
        """Write when a word is taken; of several accesses the last one writes it for all."""
        if access.stream not in self.shared:
            yield f"    assign {access.stream}_tready = {' && '.join(terms) or ONE};"
            return
        yield f"    wire {self.take_name[access.node]} = {' && '.join(terms)};"
        nodes = self.shared[access.stream]
        if access.node == nodes[-1]:
            yield f"    assign {access.stream}_tready = {' || '.join(self.take_name[n] for n in nodes)};"

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

    def output(self, stream: str, expressions: Expressions, data: Sequence[int]) -> Iterator[str]:
        """Write the register of an output stream; `data` are the value ids of its words, in the order of its writes."""
        writes = [a for a in self.accesses if a.stream == stream]
        full = self.full_name[stream]
        yield ""
        yield f"    // ---- output register of {stream}"
        for access in writes if len(writes) > 1 else ():
            yield f"    wire {self.take_name[access.node]} = {self._given(access, expressions)};"
        takes = [self.take_name.get(a.node) or self._given(a, expressions) for a in writes]
        word = ""
        for access, value in reversed(list(zip(writes, data, strict=True))):
            text = expressions.ref(value, access.stage)
            word += text if access is writes[0] else f"{self.valid(access.stage)} ? {text} : "
        yield f"    assign {full} = {stream}_tvalid && !{stream}_tready;"
        yield "    always_ff @(posedge ap_clk) begin"
        yield f"        if (!ap_rst_n) {stream}_tvalid <= 1'b0;"
        yield f"        else if (!{full}) {stream}_tvalid <= {' || '.join(takes)};"
        yield f"        if (!{full}) {stream}_tdata <= {word};"
        yield "    end"

    def _given(self, access: Access, expressions: Expressions) -> str:
        """Return the condition under which a write happens in this clock, unless the output register is full."""
        alone = len([a for a in self.accesses if a.stage >= access.stage]) == 1
        moves = [] if alone else [self.move_name[access.stage]]
        return " && ".join([*self._wanted(access, expressions), *moves]) or ONE
