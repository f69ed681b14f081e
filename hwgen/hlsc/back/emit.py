# SPDX-License-Identifier: Apache-2.0
"""SystemVerilog of a scheduled process: one module, its stages in order, one `always_ff` per stage boundary.

Stall rule: stage s moves on unless an access in s or in a later stage waits. Later stages go on without it, so the
pipeline drains at the end of the input. Every output stream has a register that waits for its reader by itself.
"""

from __future__ import annotations

from collections.abc import Iterator

from hwgen.hlsc import ir
from hwgen.hlsc.back.control import ONE, Control
from hwgen.hlsc.back.dsp import LIBRARY
from hwgen.hlsc.back.emit_expr import Expressions, literal, stream_ports, vector
from hwgen.hlsc.back.emit_memory import is_module, is_selects, ram_lines, rom_lines, select_text, table_module
from hwgen.hlsc.back.emit_unit import multiplier
from hwgen.hlsc.back.finalise import address_width
from hwgen.hlsc.back.identifiers import Identifiers
from hwgen.hlsc.back.naming import hints
from hwgen.hlsc.back.netlist import Sink
from hwgen.hlsc.back.schedule import Schedule
from hwgen.hlsc.back.share import Unit

_UNUSED = "slices of a word live unequally long, a stream may carry bits that nobody needs"


class Emitter:
    """Writes one module."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.netlist = schedule.netlist
        self.process = schedule.netlist.process
        self.last_use = schedule.last_use
        ports = [f"{s.name}_{suffix}" for s in self.process.streams for suffix in ("tdata", "tvalid", "tready")]
        self.names = Identifiers(["ap_clk", "ap_rst_n", self.process.name, *ports])
        self.control = Control(schedule, self.names)
        self.styles = {key: kept.style for key, kept in self.netlist.memories.items()}
        blocks = {r.name: self.styles[f"rom {r.name}"] == "block" for r in self.process.roms}
        self.selects = {r.name: r for r in self.process.roms if is_selects(r) and not blocks[r.name]}
        self.tables = {r.name: r for r in self.process.roms if is_module(r, blocks[r.name])}
        self.memory = {
            f"rom {r.name}": self.names.fresh(f"{self.process.name}_{r.name}" if r.name in self.tables else r.name)
            for r in self.process.roms
        }
        self.memory |= {f"ram {r.name}": self.names.fresh(r.name) for r in self.process.rams}
        self.hints = hints(self.process)
        self.signal = {n: self._signal(n) for n in self.netlist.nodes if self.netlist.sink(n) is None}
        self.copies = {
            (n, s): self.names.fresh(f"{self.signal[n]}_s{s}")
            for n in self.signal
            for s in range(schedule.held(n) + 1, self.last_use[n] + 1)
        }
        self.outputs: dict[tuple[int, int], str] = {}
        self.expressions = Expressions(self.process, self.name, schedule.absorbing)
        self.units = {
            n: self.names.fresh(f"{self.signal[u.nodes[0]]}_shared") for u in schedule.units for n in u.nodes[:1]
        }
        self.unit_of = {n: u for u in schedule.units for n in u.nodes}

    def _signal(self, node: int) -> str:
        value = self.process.values[node]
        if value.opcode in ("read", "valid"):
            return f"{value.attr}_{'tdata' if value.opcode == 'read' else 'tvalid'}"
        if value.opcode == "state":
            return self.names.fresh(f"{value.attr}")
        if value.opcode in ("rom", "ram"):
            return self.names.fresh(value.name or f"{value.attr}_word")
        return self.names.fresh(self.hints.get(node) or f"v{node}")

    def name(self, node: int, stage: int) -> str:
        """Return the signal with a node's result in a stage."""
        return self.signal[node] if stage <= self.schedule.held(node) else self.copies[node, stage]

    def text(self) -> str:
        """Return the module."""
        lines = [*self._header(), *self._memories(), *self.control.declarations()]
        for stage in range(self.schedule.stages):
            lines += self._stage(stage)
        lines += [*self._outputs(), "endmodule", ""]
        return "\n".join(lines)

    def _header(self) -> Iterator[str]:
        yield "// SPDX-License-Identifier: Apache-2.0"
        yield f"// {self.process.name}: compiled by hwgen" + (f" from {self.process.loc}." if self.process.loc else ".")
        model = self.schedule.model
        clock = f"{model.family.name}, {model.clock_mhz:g} MHz"
        pace = "clock" if self.schedule.ii == 1 else f"{self.schedule.ii} clocks"
        yield f"// {self.schedule.stages} stages, a new iteration every {pace}; {clock}."
        if self.process.scalars:
            fields = ", ".join(f"{s.name} [{s.low + s.width - 1}:{s.low}]" for s in self.process.scalars)
            yield f"// A frame starts when args gives {fields}; it ends with a word of done."
        yield f"// Lint: {_UNUSED}."
        yield "// verilator lint_off UNUSEDSIGNAL"
        if self.tables:
            yield "// verilator lint_off DECLFILENAME"
        ports = ["input  logic ap_clk", "input  logic ap_rst_n"]
        for stream in self.process.streams:
            ports += stream_ports(stream)
        for rom in self.tables.values():
            yield from table_module(rom, self.memory[f"rom {rom.name}"], address_width(len(rom.words)))
        yield f"module {self.process.name} ("
        yield ",\n".join(f"    {p}" for p in ports)
        yield ");"

    def _memories(self) -> Iterator[str]:
        for rom in self.process.roms:
            if rom.name not in self.tables and rom.name not in self.selects:
                key = f"rom {rom.name}"
                yield from rom_lines(rom, self.memory[key], self.styles[key])
        for ram in self.process.rams:
            key = f"ram {ram.name}"
            yield from ram_lines(ram, self.memory[key], self.styles[key], not self._apart(ram))

    def _apart(self, ram: ir.Ram) -> bool:
        """Tell whether nobody looks at a word of a RAM in the cycle in which it is written."""
        free = self.netlist.latency(self.netlist.readers("ram", ram.name)[0]) and ram.name in self.netlist.free
        stages = {self.schedule.stage[n] for n in self.netlist.readers("ram", ram.name)}
        store = next(n for n, s in self._sinks("store") if s.name == ram.name)
        return bool(free) and max(stages) < self.schedule.stage[store]

    # stages

    def _stage(self, stage: int) -> Iterator[str]:
        yield ""
        yield f"    // ---- stage {stage} " + "-" * 60
        states = [s for s in self._sinks("next") if self.schedule.stage[s[0]] == stage]
        for node in self.signal:
            value = self.process.values[node]
            if value.opcode == "state" and self.schedule.stage[node] == stage:
                yield f"    logic {vector(value.width)}{self.signal[node]};{_comment(value.loc)}"
        for unit in self.schedule.units:
            if self.schedule.stage[unit.nodes[0]] == stage:
                done = ", ".join(self.signal[n] for n in unit.nodes)
                yield f"    // One multiplier does {done}; its inputs are below."
                yield f"    logic {vector(unit.width)}{self.units[unit.nodes[0]]};"
        for node in self.signal:
            if self.schedule.stage[node] != stage:
                continue
            if self.process.values[node].opcode == "dsp":
                yield from self._block(node, stage)
            elif not self.netlist.latency(node):
                yield from self._wire(node, stage)
        for unit in self.schedule.units:
            if self.schedule.stage[unit.nodes[-1]] == stage:
                yield from self._unit(unit)
        yield from self.control.stage(stage, self.expressions)
        for node, sink in self._sinks("store"):
            if self.schedule.stage[node] == stage:
                yield from self._store(sink, stage)
        yield from self._update([s for _, s in states], stage)
        if stage + 1 < self.schedule.stages:
            yield from self._boundary(stage + 1)

    def _sinks(self, kind: str) -> list[tuple[int, Sink]]:
        base = len(self.process.values)
        return [(base + i, s) for i, s in enumerate(self.netlist.sinks) if s.kind == kind]

    def _wire(self, node: int, stage: int) -> Iterator[str]:
        value = self.process.values[node]
        if value.opcode in ("state", "read", "valid"):
            return
        if value.opcode in ("rom", "ram"):
            yield from self._word(value, self.signal[node], stage)
            return
        if node in self.unit_of:
            right = self.units[self.unit_of[node].nodes[0]]
        else:
            right = self.expressions.operator(value, stage)
        yield f"    wire {vector(value.width)}{self.signal[node]} = {right};{_comment(value.loc)}"

    def _block(self, node: int, stage: int) -> Iterator[str]:
        value, latency = self.process.values[node], self.netlist.latency(node)
        moves = [self.control.move(stage + k) or ONE for k in range(latency, 0, -1)] or [ONE]
        d, a, b = (self.expressions.ref(arg, stage) for arg in value.args)
        widths = [self.process.values[arg].width for arg in value.args]
        other = self.process.values[value.args[1]]
        subtract = other.opcode != "const" or other.attr != 0
        sizes = f".D_WIDTH({widths[0]}), .B_WIDTH({widths[2]}), .LATENCY({latency}), .SUBTRACT({int(subtract)})"
        name = self.names.fresh(f"{self.signal[node]}_block")
        yield f"    logic {vector(value.width)}{self.signal[node]};{_comment(value.loc)}"
        yield f"    {LIBRARY} #({sizes}) {name} ("
        yield f"        .clk(ap_clk), .move({{{', '.join(moves)}}}), .d({d}), .a({a}), .b({b}), .p({self.signal[node]})"
        yield "    );"

    def _unit(self, unit: Unit) -> Iterator[str]:
        """Write a shared multiplier: the latest stage with an iteration in it chooses its inputs."""
        name = self.units[unit.nodes[0]]
        inputs = []
        for side, factor in enumerate(unit.factors):
            inputs.append(self.names.fresh(f"{name}_{'ab'[side]}"))
            text = ""
            for node, pair in reversed(list(zip(unit.nodes, unit.operands, strict=True))):
                stage = self.schedule.stage[node]
                given = self.expressions.ref(pair[side], stage)
                text += given if node == unit.nodes[0] else f"{self.control.valid(stage)} ? {given} : "
            yield f"    wire {vector(factor.width)}{inputs[-1]} = {text};"
        yield from multiplier(unit, name, inputs, self.names.fresh)

    def _word(self, value: ir.Value, name: str, stage: int) -> Iterator[str]:
        """Declare the wire `name` with what a memory shows at an address."""
        if value.opcode == "rom" and value.attr in self.selects:
            yield from self._selects(self.selects[str(value.attr)], value, name, stage)
            return
        memory, address = self.memory[f"{value.opcode} {value.attr}"], self.expressions.ref(value.args[0], stage)
        if value.opcode == "rom" and value.attr in self.tables:
            yield f"    logic {vector(value.width)}{name};{_comment(value.loc)}"
            yield f"    {memory} {self.names.fresh(f'{name}_table')} (.address({address}), .word({name}));"
            return
        yield f"    wire {vector(value.width)}{name} = {memory}[{address}];{_comment(value.loc)}"

    def _selects(self, rom: ir.Rom, value: ir.Value, name: str, stage: int) -> Iterator[str]:
        index = self.names.fresh(f"{name}_index")
        bits = vector(self.process.values[value.args[0]].width)
        yield f"    wire {bits}{index} = {self.expressions.ref(value.args[0], stage)};"
        yield f"    wire {vector(value.width)}{name} = {select_text(rom, index)};{_comment(value.loc)}"

    def _store(self, sink: Sink, stage: int) -> Iterator[str]:
        memory = self.memory[f"ram {sink.name}"]
        conditions = self.control.active(stage)
        if len(sink.args) > 2:
            conditions.append(self.expressions.ref(sink.args[2], stage))
        if any(r.init for r in self.process.rams if r.name == sink.name):
            # Until the reset is over, a valid flag may be anything; the initial words must outlast it.
            conditions.insert(0, "ap_rst_n")
        address, data = (self.expressions.ref(a, stage) for a in sink.args[:2])
        guard = f"if ({' && '.join(conditions)}) " if conditions else ""
        yield "    always_ff @(posedge ap_clk)"
        yield f"        {guard}{memory}[{address}] <= {data};"

    def _update(self, states: list[Sink], stage: int) -> Iterator[str]:
        if not states:
            return
        rows = {s.name: s for s in self.process.states}
        target = {str(v.attr): v.id for v in self.process.values if v.opcode == "state"}
        yield "    always_ff @(posedge ap_clk) begin"
        yield "        if (!ap_rst_n) begin"
        for sink in states:
            state = rows[sink.name]
            yield f"            {self.name(target[sink.name], stage)} <= {literal(state.width, state.reset)};"
        condition = " && ".join(self.control.active(stage))
        yield f"        end else if ({condition}) begin" if condition else "        end else begin"
        for sink in states:
            yield f"            {self.name(target[sink.name], stage)} <= {self.expressions.ref(sink.args[0], stage)};"
        yield "        end"
        yield "    end"

    def _register(self, node: int, stage: int) -> str:
        """Return the register behind a memory's output that is in front of `stage`."""
        if stage == self.schedule.available(node):
            return self.signal[node]
        return self.outputs.setdefault((node, stage), self.names.fresh(f"{self.signal[node]}_q{stage}"))

    def _boundary(self, stage: int) -> Iterator[str]:
        """Write the registers between `stage - 1` and `stage`."""
        moves: list[str] = []
        for node in self.signal:
            value = self.process.values[node]
            target = self.copies.get((node, stage))
            if target is not None:
                yield f"    logic {vector(value.width)}{target};"
                moves.append(f"{target} <= {self.name(node, stage - 1)};")
            elif value.opcode != "dsp" and self.schedule.stage[node] < stage <= self.schedule.available(node):
                target = self._register(node, stage)
                yield f"    logic {vector(value.width)}{target};{_comment(value.loc)}"
                if self.schedule.stage[node] < stage - 1:
                    moves.append(f"{target} <= {self._register(node, stage - 1)};")
                    continue
                memory = self.memory[f"{value.opcode} {value.attr}"]
                right = f"{memory}[{self.expressions.ref(value.args[0], stage - 1)}]"
                if value.opcode == "rom" and (value.attr in self.selects or value.attr in self.tables):
                    right = self.names.fresh(f"{target}_shown")
                    yield from self._word(value, right, stage - 1)
                moves.append(f"{target} <= {right};")
        yield "    always_ff @(posedge ap_clk) begin"
        yield from (f"        {line}" for line in self.control.valid_update(stage))
        move = self.control.move(stage)
        if moves and move:
            yield f"        if ({move}) begin"
            yield from (f"            {m}" for m in moves)
            yield "        end"
        else:
            yield from (f"        {m}" for m in moves)
        yield "    end"

    def _outputs(self) -> Iterator[str]:
        written: dict[str, list[int]] = {}
        for _, sink in self._sinks("write"):
            written.setdefault(sink.name, []).append(sink.args[0])
        for name, data in written.items():
            yield from self.control.output(name, self.expressions, data)
        read = {str(v.attr) for v in self.process.values if v.opcode == "read"}
        for stream in self.process.streams:
            if stream.direction == "out" and stream.name not in written:
                yield f"    assign {stream.name}_tvalid = 1'b0;"
                yield f"    assign {stream.name}_tdata = {literal(stream.width, 0)};"
            if stream.direction == "in" and stream.name not in read:
                yield f"    assign {stream.name}_tready = 1'b0;"


def _comment(loc: ir.Loc | None) -> str:
    return f"  // {loc}" if loc else ""


def emit(schedule: Schedule) -> str:
    """Return the SystemVerilog module of a scheduled process."""
    return Emitter(schedule).text()
