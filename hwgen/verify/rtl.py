# SPDX-License-Identifier: Apache-2.0
"""The RTL against the golden model: processes alone and the stitched top, in Verilator, with and without cocotb."""

from __future__ import annotations

import shutil
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from hwgen.errors import MismatchError, UserError
from hwgen.graph import Ints
from hwgen.hw import to_beats, unpack
from hwgen.plan.types import Plan
from hwgen.verify import testbench
from hwgen.verify.compare import Mismatch, differs, maker, place, where
from hwgen.verify.scenarios import FREE, Run, choose, make_runs
from hwgen.verify.simulate import Bad, Outcome, Sim, simulate
from hwgen.verify.testbench import Bench, BenchStream
from hwgen.verify.timeline import Windows, timeline
from hwgen.verify.verilator import build

SIM = Path("sim")
LOGS = Path("run/sim")


@dataclass(frozen=True)
class Options:
    """How thoroughly to simulate.

    Parameters
    ----------
    sim
        ``cocotb``, or ``fast`` for the C++ harness alone: the same simulator, vectors and checks.
    frames
        Golden frames to play through the top; None for all.
    layer_frames
        Frames for processes alone and for the scenarios; played twice where there is only one.
    scenarios
        Names out of free-flow, idle, back-pressure, both, reset; None for all.
    layers
        Whether to run every process alone.
    seed
        Chooses the random idle cycles and back-pressure.
    alone
        Processes to simulate alone, and nothing else; None for all of them and the whole design.
    """

    sim: Sim = "cocotb"
    frames: int | None = None
    layer_frames: int = 3
    scenarios: tuple[str, ...] | None = None
    layers: bool = True
    seed: int = 0
    alone: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Setup:
    """A test bench, its runs, and how many frames are recorded at the ports and on the channels inside."""

    bench: Bench
    runs: tuple[Run, ...]
    frames: int
    layer_frames: int


@dataclass(frozen=True)
class RtlResult:
    """What the simulation showed.

    Parameters
    ----------
    tensors
        Channels whose beats were compared.
    mismatches
        The first finding for each stream, layers alone before the top, in the order of the data.
    ii, latency
        Of the top in free flow, in cycles: between the ends of frames; from the first input beat taken to the last
        output beat of the first frame. None where they were not measured.
    layers
        II of each process alone, in free flow.
    timeline
        When every process worked on the first frames, inside the top in free flow; see `hwgen.verify.timeline`.
    frames
        Different frames that came whole out of the top in one run without idle cycles, back-pressure or reset.
    runs, cycles
        Simulations, and cycles simulated.
    build_seconds, sim_seconds
        Time taken.
    cached
        Whether the simulator came out of the cache.
    """

    tensors: int
    mismatches: tuple[Mismatch, ...]
    ii: int | None
    latency: int | None
    layers: Mapping[str, int] = field(default_factory=dict)
    timeline: Mapping[str, Windows] = field(default_factory=dict)
    frames: int = 0
    runs: int = 0
    cycles: int = 0
    build_seconds: float = 0.0
    sim_seconds: float = 0.0
    cached: bool = False

    @property
    def ok(self) -> bool:
        """Whether nothing differed."""
        return not self.mismatches

    def require(self) -> RtlResult:
        """Return self.

        Raises
        ------
        MismatchError
            When something differed.
        """
        if self.mismatches:
            raise MismatchError(self.mismatches)
        return self

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict; times are left out, so that it repeats."""
        return {
            "tensors": self.tensors,
            "mismatches": [str(m) for m in self.mismatches],
            "ii": self.ii,
            "latency": self.latency,
            "layers": dict(self.layers),
            "frames": self.frames,
            "runs": self.runs,
            "cycles": self.cycles,
        }


def check(plan: Plan, golden: Mapping[str, Ints], folder: Path, options: Options | None = None) -> RtlResult:
    """Simulate a design and compare every stream with the golden model.

    Parameters
    ----------
    plan
        The design.
    golden
        Every tensor of the integer graph, int64 ``(frames, *shape[1:])``.
    folder
        Output folder with ``rtl/*.sv``. ``sim/`` is written to it (it reruns by itself), logs to ``run/sim``.
    options
        How thoroughly.

    Raises
    ------
    UserError
        When there are no golden frames or no RTL, or a tool is missing.
    InternalError
        When Verilator or the compiler refuses the RTL, or the simulator fails.
    """
    options = options or Options()
    test = prepare(plan, golden, options)
    bench, runs = test.bench, test.runs
    rtl = design_files(bench, folder)
    sources = folder / SIM
    testbench.write(bench, golden, sources, test.frames, test.layer_frames)
    (sources / "runs.txt").write_text("".join(run.line() for run in runs))
    started = time.perf_counter()
    simulator = build(testbench.sources(sources, rtl), sources / "main.cpp", [sources / testbench.COCOTB])
    built = time.perf_counter()
    outcomes = simulate(simulator.program, _workplace(folder), runs, options.sim)
    ended = time.perf_counter()
    return RtlResult(
        tensors=len({stream.channel.name for stream in _checked(bench, options.layers)}),
        mismatches=tuple(judge(bench, golden, runs, outcomes)),
        **_cycles(bench, runs, outcomes),
        timeline=timeline(bench, runs, outcomes),
        frames=_frames(bench, runs, outcomes),
        runs=len(runs),
        cycles=sum(outcome.cycles for outcome in outcomes),
        build_seconds=built - started,
        sim_seconds=ended - built,
        cached=simulator.cached,
    )


def prepare(plan: Plan, golden: Mapping[str, Ints], options: Options) -> Setup:
    """Return what `check` simulates.

    Raises
    ------
    UserError
        When there are no golden frames, or an option names what there is not.
    """
    bench = testbench.describe(plan, options.alone)
    frames, layer_frames = _counts(plan, golden, options)
    runs = make_runs(
        bench, choose(options.scenarios), frames=frames, layer_frames=layer_frames, layers=options.layers,
        seed=options.seed,
    )  # fmt: skip
    return Setup(bench, tuple(runs), frames, layer_frames)


def design_files(bench: Bench, folder: Path) -> list[Path]:
    """Return the design's modules that a bench needs.

    Raises
    ------
    UserError
        There are none.
    """
    found = sorted(path.absolute() for path in (folder / "rtl").glob("*.sv") if path.stem not in bench.left_out)
    if not found:
        raise UserError(f"There must be RTL in {folder / 'rtl'} before it can be simulated.")
    return found


def _counts(plan: Plan, golden: Mapping[str, Ints], options: Options) -> tuple[int, int]:
    recorded = min(len(testbench.tensor(golden, channel)) for channel in plan.channels)
    if recorded == 0:
        raise UserError("The golden tensors must hold at least one frame.")
    frames = min(recorded, options.frames or recorded)
    return frames, min(frames, options.layer_frames)


def _workplace(folder: Path) -> Path:
    """Return an empty folder for logs, with the vectors and the cocotb test beside them."""
    logs = folder / LOGS
    shutil.rmtree(logs, ignore_errors=True)
    logs.mkdir(parents=True)
    (logs / "vectors").symlink_to(Path("../..") / SIM / "vectors")
    (logs / "sources").symlink_to(Path("../..") / SIM)
    return logs


def _checked(bench: Bench, layers: bool) -> list[BenchStream]:
    devices = [device for device in bench.devices if layers or device.axi]
    return [s for device in devices for s in device.streams if s.direction == "out"] + list(bench.monitors)


def _cycles(bench: Bench, runs: Sequence[Run], outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Return II and latency of the top, and the II of every process, from the runs in free flow."""
    ii: dict[int, int] = {}
    latency: int | None = None
    for run, outcome in zip(runs, outcomes, strict=True):
        if run.scenario != FREE or not outcome.done:
            continue
        streams = bench.devices[run.device].streams
        ends = [[last for _, last in outcome.frames[s.id]] for s in streams if s.direction == "out"]
        ii[run.device] = max(round((end[-1] - end[0]) / (len(end) - 1)) for end in ends)
        if bench.devices[run.device].axi:
            starts = [outcome.frames[s.id][0][0] for s in streams if s.direction == "in"]
            latency = max(end[0] for end in ends) - min(starts)
    layers = {bench.devices[index].name: value for index, value in ii.items() if not bench.devices[index].axi}
    top = next((value for index, value in ii.items() if bench.devices[index].axi), None)
    return {"ii": top, "latency": latency, "layers": layers}


def _frames(bench: Bench, runs: Sequence[Run], outcomes: Sequence[Outcome]) -> int:
    """Return how many of the recorded frames the top delivered in its longest free run."""
    if bench.top is None:
        return 0
    outputs = [s.id for s in bench.top.streams if s.direction == "out"]
    pairs = zip(runs, outcomes, strict=True)
    free = [(r, o) for r, o in pairs if bench.devices[r.device].axi and r.scenario.free]
    return max((min(r.recorded, *(len(o.frames[s]) for s in outputs)) for r, o in free), default=0)


def judge(bench: Bench, golden: Mapping[str, Ints], runs: Sequence[Run], outcomes: Sequence[Outcome]) -> list[Mismatch]:
    """Return the first finding for each stream, best evidence first: processes alone, in the order of the data."""
    rank = {process.name: index for index, process in enumerate(bench.plan.processes)}
    found: dict[tuple[bool, str], Mismatch] = {}
    for run, outcome in zip(runs, outcomes, strict=True):
        for mismatch in _findings(bench, golden, run, outcome):
            found.setdefault((bench.devices[run.device].axi, mismatch.stream), mismatch)
    return [m for _, m in sorted(found.items(), key=lambda item: (item[0][0], rank.get(item[1].layer, len(rank))))]


def _findings(bench: Bench, golden: Mapping[str, Ints], run: Run, outcome: Outcome) -> list[Mismatch]:
    found = [_explain(bench.stream(bad.stream), golden, run, bad, bench) for bad in _firsts(outcome.bad)]
    if not outcome.done:
        found.append(_stalled(bench, run, outcome))
    if outcome.protocol:
        message = f"The top {bench.plan.name} raises error, or lowers a TKEEP, though its inputs keep to their frames"
        found.append(Mismatch(f"{message} ({where(run.label)}).", layer=bench.plan.name, scenario=run.label))
    if outcome.mismatches and not found:
        found.append(Mismatch(f"Wrong beats were counted, but not logged ({where(run.label)}).", scenario=run.label))
    return found


def _firsts(bad: Sequence[Bad]) -> list[Bad]:
    return list({item.stream: item for item in reversed(bad)}.values())


def _explain(stream: BenchStream, golden: Mapping[str, Ints], run: Run, bad: Bad, bench: Bench) -> Mismatch:
    """Turn a wrong beat into the element that is wrong."""
    layer, channel = maker(bench.plan, stream.channel), stream.channel
    if bad.kind == "extra":
        text = f"Layer {layer} sends beats on {stream.port} after its last frame"
    elif bad.kind == "tlast":
        text = f"Port {stream.port} has a wrong TLAST of {bad.value} at frame {bad.frame}, beat {bad.beat}"
    else:
        frame = bad.frame % run.recorded
        expected = to_beats(testbench.tensor(golden, channel)[frame : frame + 1], channel.type)[0, bad.beat]
        got = decode(bad.value, stream)
        lane = int(np.argmax(expected != got))
        found = place(channel, bad.frame, bad.beat, lane)
        return differs(layer, channel, run.label, found, int(expected[lane]), int(got[lane]))
    return Mismatch(f"{text} ({where(run.label)}).", layer=layer, stream=channel.name, scenario=run.label)


def decode(value: int, stream: BenchStream) -> Ints:
    """Return the elements of one beat."""
    kind = stream.type
    raw = np.frombuffer(value.to_bytes((kind.width + 7) // 8, "little"), dtype=np.uint8).reshape(1, -1)
    elements: Ints = unpack(raw, type(kind)(kind.signed, kind.bits, kind.lanes, 1))[0, 0]
    return elements


def _stalled(bench: Bench, run: Run, outcome: Outcome) -> Mismatch:
    """Name the first process whose output did not all come."""
    outputs = [s for s in bench.devices[run.device].streams if s.direction == "out"]
    watched = [*bench.monitors, *outputs] if run.monitor else outputs
    stream = next((s for s in watched if len(outcome.frames[s.id]) < run.frames), outputs[0])
    layer, delivered = maker(bench.plan, stream.channel), len(outcome.frames[stream.id])
    text = f"Layer {layer} stalls: {delivered} of {run.frames} frames came out of {stream.port} in {run.limit} cycles"
    return Mismatch(f"{text} ({where(run.label)}).", layer=layer, stream=stream.channel.name, scenario=run.label)
