# SPDX-License-Identifier: Apache-2.0
"""One device of a design once more, with waveforms: every element that differs from the golden model, and an FST."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from hwgen.errors import UserError
from hwgen.graph import Ints
from hwgen.hw import to_beats
from hwgen.verify import testbench
from hwgen.verify.compare import Mismatch, place
from hwgen.verify.rtl import Setup, decode, design_files, judge
from hwgen.verify.scenarios import Run
from hwgen.verify.simulate import Outcome, simulate
from hwgen.verify.testbench import Bench, BenchStream, Device
from hwgen.verify.verilator import WAVES, build

LOGGED = 1 << 20
"""Wrong beats of a stream that are told one by one."""


@dataclass(frozen=True)
class Difference:
    """A wrong element: where it travels, which one it is, and in which cycle after reset its beat passed.

    Parameters
    ----------
    frame, beat, lane
        Where it travels: frame of the run, beat of the frame, lane of the beat.
    channel, index
        Which element it is: axis 1 of the tensor, and the axes after it (row, column for a picture).
    cycle
        Value of ``hwgen_bench.cycle`` in the waveforms.
    expected, got
        What the golden model says, and what the RTL sent.
    """

    frame: int
    beat: int
    lane: int
    channel: int
    index: tuple[int, ...]
    cycle: int
    expected: int
    got: int


@dataclass(frozen=True)
class StreamTrace:
    """What one stream carried.

    Parameters
    ----------
    port, module
        Prefix of its signals, and the module that has them.
    channel, tensor
        Channel of the plan, and tensor of the integer graph.
    beats, lanes
        Beats of a frame, elements of a beat.
    frames
        Frames that came whole.
    wrong
        Elements that differ, in all frames.
    first
        The first of them, in the order in which they came.
    """

    port: str
    module: str
    channel: str
    tensor: str
    beats: int
    lanes: int
    frames: int
    wrong: int
    first: tuple[Difference, ...]


@dataclass(frozen=True)
class Trace:
    """One run with waveforms.

    Parameters
    ----------
    name
        The process, or the design.
    scenario
        How its streams flowed.
    ok
        Whether nothing was wrong.
    frames, cycles
        Frames that were played, and cycles that they took.
    problems
        What is wrong, in sentences.
    streams
        Its outputs; of the whole design also the streams inside.
    waves
        The FST file.
    """

    name: str
    scenario: str
    ok: bool
    frames: int
    cycles: int
    problems: tuple[str, ...]
    streams: tuple[StreamTrace, ...]
    waves: Path

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict."""
        return {**asdict(self), "waves": str(self.waves)}


def waves_file(folder: Path, name: str) -> Path:
    """Return where a build keeps the waveforms of a process, or of the whole: outside its manifest."""
    return folder / "run" / "waves" / f"{name}.fst"


def trace_failure(setup: Setup, golden: Mapping[str, Ints], folder: Path, failure: Mismatch) -> Trace:
    """Repeat the run that found `failure`, up to the frame that is wrong, and keep its waveforms in `folder`."""
    run = next(run for run in setup.runs if run.label == failure.scenario)
    if failure.place is not None and run.frames <= run.recorded:
        run = replace(run, frames=failure.place.frame + 1)
    return trace(setup, golden, folder, [run], waves_file(folder, setup.bench.devices[run.device].name))


def trace(
    setup: Setup, golden: Mapping[str, Ints], folder: Path, runs: Sequence[Run], waves: Path, first: int = 8
) -> Trace:
    """Repeat runs of one device, and then the first of them that fails, else the very first, with waveforms.

    Parameters
    ----------
    setup
        The whole test, of which `runs` are some.
    golden
        Every tensor of the integer graph, int64 ``(frames, *shape[1:])``.
    folder
        Output folder with ``rtl/*.sv``; nothing else is read from it.
    runs
        Runs of one device, in the order in which they are tried.
    waves
        Where the FST goes; its folder is made.
    first
        Wrong elements to tell for each stream.

    Raises
    ------
    UserError
        The device has no RTL, or the place for the FST cannot be written.
    InternalError
        Verilator or the compiler refuses the RTL.
    """
    device = setup.bench.devices[runs[0].device]
    bench = setup.bench.only(device, LOGGED)
    _reserve(waves)
    with tempfile.TemporaryDirectory(prefix="hwgen-waves-") as name:
        work = Path(name)
        testbench.write(bench, golden, work, setup.frames, setup.layer_frames)
        files = testbench.sources(work, _files(bench, device, folder))
        program = build(files, work / "main.cpp", [work / testbench.COCOTB], WAVES).program
        alone = [replace(run, number=number, device=0) for number, run in enumerate(runs)]
        outcomes = simulate(program, work, alone, "fast") if len(alone) > 1 else []
        tried = zip(alone, outcomes, strict=False)
        failed = (run for run, outcome in tried if judge(bench, golden, [run], [outcome]))
        run = replace(next(failed, alone[0]), number=0)
        (outcome,) = simulate(program, work, [run], "fast", waves)
    return _traced(bench, golden, run, outcome, waves, first)


def _files(bench: Bench, device: Device, folder: Path) -> list[Path]:
    files = design_files(bench, folder)
    if device.name not in {path.stem for path in files}:
        hint = "Build without --layers, or name another."
        raise UserError(f"{device.name} must have RTL before it can be simulated, but {folder} has none.", hint=hint)
    return files


def _reserve(waves: Path) -> None:
    try:
        waves.parent.mkdir(parents=True, exist_ok=True)
        waves.unlink(missing_ok=True)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UserError(
            f"The folder {waves.parent} must be writable for waveforms, but it is not: {reason}."
        ) from error


def _traced(bench: Bench, golden: Mapping[str, Ints], run: Run, outcome: Outcome, waves: Path, first: int) -> Trace:
    (device,) = bench.devices
    outputs = [stream for stream in device.streams if stream.direction == "out"]
    streams = [*bench.monitors, *outputs] if run.monitor else outputs
    problems = tuple(str(finding) for finding in judge(bench, golden, [run], [outcome]))
    return Trace(
        name=device.name,
        scenario=run.scenario.name,
        ok=not problems,
        frames=run.frames,
        cycles=outcome.cycles,
        problems=problems,
        streams=tuple(_stream(stream, golden, run, outcome, first) for stream in streams),
        waves=waves,
    )


def _stream(stream: BenchStream, golden: Mapping[str, Ints], run: Run, outcome: Outcome, first: int) -> StreamTrace:
    wrong = list(_differences(stream, golden, run, outcome))
    return StreamTrace(
        port=stream.port,
        module=stream.module,
        channel=stream.channel.name,
        tensor=stream.channel.tensor,
        beats=stream.beats,
        lanes=stream.type.lanes,
        frames=len(outcome.frames[stream.id]),
        wrong=len(wrong),
        first=tuple(wrong[:first]),
    )


def _differences(stream: BenchStream, golden: Mapping[str, Ints], run: Run, outcome: Outcome) -> Iterator[Difference]:
    channel = stream.channel
    beats = to_beats(testbench.tensor(golden, channel)[: run.recorded], channel.type)
    for bad in outcome.bad:
        if bad.stream != stream.id or bad.kind != "bad":
            continue
        expected, got = beats[bad.frame % run.recorded, bad.beat], decode(bad.value, stream)
        for lane in map(int, np.flatnonzero(expected != got)):
            at = place(channel, bad.frame, bad.beat, lane)
            yield Difference(
                bad.frame, bad.beat, lane, at.channel, at.index, bad.cycle, int(expected[lane]), int(got[lane])
            )
