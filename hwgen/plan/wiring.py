# SPDX-License-Identifier: Apache-2.0
"""From chosen options to processes and channels: kernel calls, forks, width converters, ports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from hwgen.graph import Graph, Ints, Node, TensorType
from hwgen.hw import Board, Choice, Folding, KernelCall, Resources, Schedule, StreamType
from hwgen.ops import fork, width
from hwgen.ops.base import hardware_op
from hwgen.plan.choose import Chooser, Selection
from hwgen.plan.depths import depth
from hwgen.plan.roofs import work_of
from hwgen.plan.sites import Candidate, Site, element_bits
from hwgen.plan.timing import Stage
from hwgen.plan.types import Channel, Decision, Port, Process

End = tuple[str, int]


@dataclass
class Wiring:
    """Processes, channels and ports in the making; channel depths are filled in later."""

    processes: list[Process] = field(default_factory=list)
    channels: list[Channel] = field(default_factory=list)
    ports: list[Port] = field(default_factory=list)
    schedules: dict[str, Schedule] = field(default_factory=dict)
    arrays: dict[str, Ints] = field(default_factory=dict)
    decisions: list[Decision] = field(default_factory=list)

    def stages(self) -> list[Stage]:
        """Return the processes as timing sees them."""
        return [Stage(p.name, self.schedules[p.name], p.depth, p.inputs, p.outputs) for p in self.processes]


@dataclass(frozen=True)
class _Open:
    """A stream that some process or port produces and nothing reads yet."""

    tensor: str
    stream: StreamType
    producer: End | None
    port: Site | None = None


class Wirer:
    """Builds a `Wiring` from a selection."""

    def __init__(self, graph: Graph, board: Board, clock_mhz: float, chooser: Chooser, selection: Selection) -> None:
        self.graph = graph
        self.board = board
        self.clock_mhz = clock_mhz
        self.sites = chooser.sites
        self.chosen: Mapping[str, Candidate] = {
            site.name: candidate for site, candidate in zip(chooser.sites, selection.chosen, strict=True)
        }
        self.reasons: Mapping[str, str] = {
            site.name: reason(site, self.chosen[site.name], selection.ii) for site in chooser.sites
        }
        self.out = Wiring()
        self._names: set[str] = {graph.name, f"{graph.name}_core"}
        self._process: dict[str, str] = {node.name: self._unique(node.name) for node in graph.nodes}
        self._open: dict[tuple[str, str, int], _Open] = {}

    def run(self) -> Wiring:
        """Wire everything up."""
        nodes = {node.name: node for node in self.graph.nodes}
        for site in self.sites:
            if site.is_port:
                self._port(site)
            else:
                self._node(nodes[site.name])
        return self.out

    def _unique(self, name: str) -> str:
        unique, count = name, 1
        while unique in self._names:
            count += 1
            unique = f"{name.rstrip('_')}_{count}"
        self._names.add(unique)
        return unique

    def _readers(self, tensor: str) -> list[tuple[str, int]]:
        return [(s.name, side) for s in self.sites for side, name in enumerate(s.inputs) if name == tensor]

    def _publish(self, made: _Open) -> None:
        """Hand a new stream to its readers, through a fork when there are several."""
        readers = self._readers(made.tensor)
        if len(readers) > 1:
            name = self._unique(f"{made.tensor.rstrip('_')}_fork")
            source = self._connect(made, (name, 0))
            call = fork.kernel(made.stream, len(readers))
            outputs = [_Open(made.tensor, made.stream, (name, i)) for i in range(len(readers))]
            why = f"{made.tensor} has {len(readers)} readers"
            schedule = fork.schedule(made.stream, len(readers))
            cost = fork.cost(made.stream, len(readers), self.board.family)
            self._helper(name, "fork", made, call, schedule, cost, source, len(readers), why)
            self.out.decisions.append(Decision(name, f"fork into {len(readers)}", why))
        else:
            outputs = [made]
        for reader, stream in zip(readers, outputs, strict=True):
            self._open[(made.tensor, *reader)] = stream

    def _helper(
        self, name: str, op: str, made: _Open, call: KernelCall, schedule: Schedule, cost: Resources,
        source: str, outputs: int, why: str,
    ) -> None:  # fmt: skip
        producer = self.graph.producer.get(made.tensor)
        layer = producer.name if producer else made.tensor
        self.out.schedules[name] = schedule
        lanes = Folding(made.stream.lanes, call.outputs[0].lanes)
        process = Process(
            name, layer, op, producer.source if producer else (), Choice(lanes), call, (source,), ("",) * outputs,
            schedule.iterations, depth(call, self.board.family, self.clock_mhz), cost, why,
        )  # fmt: skip
        self.out.processes.append(process)

    def _connect(self, made: _Open, consumer: End | None) -> str:
        """Make the channel from `made` to a consumer, and return its name."""
        name = self._unique(f"{made.tensor.rstrip('_')}_s")
        at_port = made.producer is None or consumer is None
        shape = self.graph.types[made.tensor].shape
        self.out.channels.append(
            Channel(name, made.tensor, shape, made.stream, 0 if at_port else 2, made.producer, consumer)
        )
        if made.producer is not None:
            self._set_output(made.producer, name)
        elif made.port is not None:
            self.out.ports.append(self._port_of(made.port, name, made))
        return name

    def _set_output(self, end: End, channel: str) -> None:
        index = next(i for i, p in enumerate(self.out.processes) if p.name == end[0])
        process = self.out.processes[index]
        outputs = tuple(channel if i == end[1] else name for i, name in enumerate(process.outputs))
        self.out.processes[index] = replace(process, outputs=outputs)

    def _input(self, site: str, side: int, tensor: str, lanes: int) -> _Open:
        """Return the open stream for one input of a site, converted to `lanes`."""
        stream = self._open.pop((tensor, site, side))
        for step in width.chain(stream.stream.lanes, lanes):
            name = self._unique(f"{site.rstrip('_')}_width")
            source = self._connect(stream, (name, 0))
            call = width.kernel(stream.stream, step)
            why = f"{tensor} comes with {stream.stream.lanes} lanes, {site} takes {lanes}"
            schedule, cost = width.schedule(stream.stream, step), width.cost(stream.stream, step, self.board.family)
            self._helper(name, "width", stream, call, schedule, cost, source, 1, why)
            self.out.decisions.append(Decision(name, f"{stream.stream.lanes} to {step} lanes", why))
            stream = _Open(tensor, width.relaned(stream.stream, step), (name, 0))
        return stream

    def _port(self, site: Site) -> None:
        candidate = self.chosen[site.name]
        if site.outputs:
            tensor = site.outputs[0]
            stream = StreamType.of(self.graph.types[tensor], candidate.outputs[0])
            self._publish(_Open(tensor, stream, None, site))
        else:
            made = self._input(site.name, 0, site.inputs[0], candidate.inputs[0])
            channel = self._connect(made, None)
            self.out.ports.append(self._port_of(site, channel, made))
        many = candidate.option.folding.simd
        text = f"{many} elements a beat" if many > 1 else "1 element a beat"
        self.out.decisions.append(Decision(site.name, text, self.reasons[site.name]))

    def _port_of(self, site: Site, channel: str, made: _Open) -> Port:
        kind = self.graph.types[made.tensor]
        bits = element_bits(kind)
        lanes = made.stream.lanes
        layout = "NHWC, channels innermost" if len(kind.shape) == 4 else "elements in order"
        text = f"{layout}, {lanes} a beat" if lanes > 1 else f"{layout}, one a beat"
        direction = "in" if site.outputs else "out"
        return Port(site.name, direction, channel, made.tensor, kind, bits, bits * lanes, text)  # type: ignore[arg-type]

    def _node(self, node: Node) -> None:
        op, candidate, name = hardware_op(node), self.chosen[node.name], self._process[node.name]
        option = candidate.option
        streams = [
            self._input(node.name, side, tensor, candidate.inputs[side]) for side, tensor in enumerate(node.inputs)
        ]
        channels = tuple(self._connect(stream, (name, side)) for side, stream in enumerate(streams))
        built = op.kernel(self.graph, node, option.choice)
        channels += tuple(self._feed(name, side, built.call) for side in range(len(channels), len(built.call.inputs)))
        self.out.arrays.update(built.arrays)
        schedule = op.schedule(self.graph, node, option.folding)
        self.out.schedules[name] = schedule.fed(len(built.call.feeds))
        why = self.reasons[node.name]
        process = Process(
            name, node.name, node.op, node.source, option.choice, built.call, channels,
            ("",) * len(node.outputs), option.cycles, depth(built.call, self.board.family, self.clock_mhz),
            option.cost, why, work_of(self.graph, node),
        )  # fmt: skip
        self.out.processes.append(process)
        self.out.decisions.append(Decision(name, describe(node.op, candidate), why))
        for side, (tensor, stream) in enumerate(zip(node.outputs, built.call.outputs, strict=True)):
            self._publish(_Open(tensor, stream, (name, side)))

    def _feed(self, process: str, side: int, call: KernelCall) -> str:
        """Make the port and the channel of an input that constants come in by, and return the channel's name."""
        stream, key = call.inputs[side], call.feeds[side - len(call.inputs)]
        number = sum(1 for port in self.out.ports if port.feed)
        name, channel = f"s_axis_w{number}", self._unique(f"{key}_s")
        kind = TensorType((1, stream.beats * stream.lanes), False, 8)
        self.out.channels.append(Channel(channel, key, kind.shape, stream, 0, None, (process, side)))
        layout = f"the bytes of weights/{name}.bin, {stream.lanes} a beat, again and again"
        self.out.ports.append(Port(name, "in", channel, key, kind, 8, 8 * stream.lanes, layout, key))
        self.out.decisions.append(Decision(name, f"weights of {process}", "they come from memory off the chip"))
        return channel


def describe(op: str, candidate: Candidate) -> str:
    """Return a choice in words."""
    choice, folding = candidate.option.choice, candidate.option.folding
    shape = folding.words(op == "matvec")
    kept = "" if choice.storage == "auto" else f", kept in {choice.storage}"
    return f"{shape}{kept}" if choice.unit == "none" else f"{choice.unit}, {shape}{kept}"


def reason(site: Site, candidate: Candidate, ii: int) -> str:
    """Return why a site has its folding: the next cheaper one would be too slow, or there is none."""
    cycles = candidate.option.cycles
    slower = [
        c.option for c in site.candidates if c.option.cycles > ii and c.option.cost.lut < candidate.option.cost.lut
    ]
    head = f"{cycles} cycles, within the II of {ii}" if cycles < ii else f"{cycles} cycles, which is the II"
    if not slower:
        return f"{head}; no cheaper folding exists"
    last = slower[-1]
    return f"{head}; the next cheaper folding (PE {last.folding.pe}, SIMD {last.folding.simd}) takes {last.cycles}"
