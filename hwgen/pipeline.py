# SPDX-License-Identifier: Apache-2.0
"""The order of the stages: the only place that knows it.

Each stage has a key: the hash of the program, of its own options, and of the keys of the stages it reads. A stage whose
key and files are those of the output folder is taken over; when all are, nothing is done at all.
"""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from hwgen import bitstream, ladder, manifest, stages
from hwgen.artifacts import read_json, write_json
from hwgen.errors import UserError
from hwgen.request import STAGES, BuildResult, Request
from hwgen.version import VERSION, fingerprint
from hwgen.workspace import Workspace

REPORT = Path("report") / "report.json"
TIMINGS = Path(manifest.RUN) / "timings.json"


@dataclass(frozen=True)
class Event:
    """A stage began, ended, was taken over, or has something to say."""

    stage: str
    kind: Literal["start", "done", "reused", "note"]
    seconds: float = 0.0
    text: str = ""


Listener = Callable[[Event], None]


@dataclass(frozen=True)
class Stage:
    """One stage: what it reads, what its result depends on, and what it does.

    Parameters
    ----------
    name
        One of `hwgen.request.STAGES`.
    needs
        Stages whose keys enter this stage's key.
    options
        Everything else that the result depends on, JSON-ready.
    run
        Writes the stage's files into the folder of the `stages.Build` it is given.
    """

    name: str
    needs: Callable[[Request], tuple[str, ...]]
    options: Callable[[stages.Build], Any]
    run: Callable[[stages.Build], None]


def _nothing(_: stages.Build) -> None:
    return None


def _after(*names: str) -> Callable[[Request], tuple[str, ...]]:
    return lambda request: names


def _verified(request: Request) -> tuple[str, ...]:
    """Return what the rungs read: golden the integer graph, csim the C++, RTL the RTL."""
    return {"none": (), "golden": ("lower",), "csim": ("render",), "layers": ("hlsc",), "rtl": ("hlsc",)}[
        request.verify
    ]


PIPELINE = (
    Stage("import", _after(), stages.import_options, stages.run_import),
    Stage("lower", _after("import"), _nothing, stages.run_lower),
    Stage("plan", _after("lower"), stages.plan_options, stages.run_plan),
    Stage("render", _after("plan"), _nothing, stages.run_render),
    Stage("hlsc", _after("render"), stages.hlsc_options, stages.run_hlsc),
    Stage("handover", _after("plan", "hlsc"), stages.handover_options, stages.run_handover),
    Stage("verify", _verified, stages.verify_options, stages.run_verify),
    Stage("synth", _after("hlsc"), _nothing, stages.run_synth),
    Stage("bitstream", _after("plan", "handover"), bitstream.options, bitstream.run),
    Stage(
        "report",
        _after("plan", "hlsc", "handover", "verify", "synth", "bitstream"),
        stages.report_options,
        stages.run_report,
    ),
)


def build(request: Request, listen: Listener = lambda event: None) -> BuildResult:
    """Run the stages that the request asks for and that are not done yet.

    Raises
    ------
    HwgenError
        With every problem found; the output folder is then as it was before. A failed verification is no error here:
        its evidence is published and `BuildResult.ok` is False.
    """
    job = _job(request, listen)
    bitstream.check(job)
    job = _job(bitstream.with_room(job), listen)
    settled = bitstream.settled(job)
    if settled is not None and request.first is not None:
        job = _job(settled, listen)
    elif settled is not None:
        done = _build(_job(settled, listen), listen, only_if_done=True)
        if done is not None:
            return done
    attempt, found = 0, None
    while found is None:
        attempt, start = attempt + 1, time.perf_counter()
        try:
            found = _build(job, listen)
        except bitstream.ClockMissed as missed:
            planned = job.plan.clock_mhz
            job = _job(bitstream.slower(job, missed, attempt), listen)
            text = f"{missed.mhz:.1f} MHz reached of {planned:g} (slowest path ends at {missed.end})"
            listen(Event("bitstream", "note", text=f"{text}; again from plan, for {job.request.clock_mhz:g} MHz"))
            listen(Event("bitstream", "done", time.perf_counter() - start))
    return found


def _job(request: Request, listen: Listener) -> stages.Build:
    return stages.Build(request, lambda stage, text: listen(Event(stage, "note", text=text)))


def _build(job: stages.Build, listen: Listener, *, only_if_done: bool = False) -> BuildResult | None:
    """Run the stages at one clock; None where nothing may be done and something has to be."""
    request = job.request
    wanted = _wanted(request)
    keys = _keys(job, wanted)
    with Workspace(request.folder) as space:
        job.folder = space.folder
        first = wanted[0].name if request.first is None else request.first
        reuse = {s.name for s in wanted if request.first is None and space.reusable(s.name, keys[s.name])}
        reuse |= _required(space, wanted, first, keys) if request.first else set()
        if len(reuse) == len(wanted) and set(space.state) == reuse:
            return _result(request, space.out, dict.fromkeys(keys, "reused"), {}, up_to_date=True)
        if only_if_done:
            return None
        if request.inputs is not None and "verify" in keys and "verify" not in reuse:
            ladder.read_frames(job)
        status, seconds = _run(job, space, wanted, keys, reuse, listen)
        ok = job.ok
        space.publish(_facts(job))
    return _result(request, space.out, status, seconds, up_to_date=False, ok=ok)


def _wanted(request: Request) -> tuple[Stage, ...]:
    last = STAGES.index(request.last or STAGES[-1])
    skipped = {"verify"} if request.verify == "none" else set()
    if request.parity_only:
        skipped |= {"render", "hlsc", "handover"} | (set() if request.has_board else {"plan"})
    if request.layers is not None:
        skipped.add("handover")
    skipped |= {name for name, wanted in (("synth", request.synth), ("bitstream", request.bitstream)) if not wanted}
    return tuple(s for s in PIPELINE if STAGES.index(s.name) <= last and s.name not in skipped)


def _keys(job: stages.Build, wanted: tuple[Stage, ...]) -> dict[str, str]:
    keys: dict[str, str] = {}
    for stage in wanted:
        parts = [fingerprint(), stage.name, stage.options(job), [keys.get(n) for n in stage.needs(job.request)]]
        keys[stage.name] = hashlib.sha256(json.dumps(parts).encode()).hexdigest()
    return keys


def _required(space: Workspace, wanted: tuple[Stage, ...], first: str, keys: dict[str, str]) -> set[str]:
    """Return the stages before `first`, which must be finished and up to date."""
    before = [s.name for s in wanted if STAGES.index(s.name) < STAGES.index(first)]
    missing = [name for name in before if not space.reusable(name, keys[name])]
    if missing:
        message = f"--from {first} must follow finished stages, but {space.out} holds no up-to-date {missing[0]} stage."
        raise UserError(message, hint=f"Try --from {missing[0]}, or no --from at all.")
    return set(before)


def _run(
    job: stages.Build,
    space: Workspace,
    wanted: tuple[Stage, ...],
    keys: dict[str, str],
    reuse: set[str],
    listen: Listener,
) -> tuple[dict[str, str], dict[str, float]]:
    status: dict[str, str] = {}
    before_now = _read_timings(space.out)
    timings: dict[str, dict[str, float]] = {}
    took: dict[str, float] = {}
    for stage in wanted:
        if stage.name in reuse:
            space.adopt(stage.name)
            status[stage.name] = "reused"
            timings[stage.name] = before_now.get(stage.name, {})
            listen(Event(stage.name, "reused"))
            continue
        listen(Event(stage.name, "start"))
        before = set(manifest.files(space.folder))
        with _measured(stage.name, timings):
            stage.run(job)
        timings[stage.name] |= job.speed
        job.speed = {}
        if job.ok:
            space.record(stage.name, keys[stage.name], before)
        status[stage.name] = "built"
        took[stage.name] = timings[stage.name]["seconds"]
        listen(Event(stage.name, "done", took[stage.name]))
    write_json(space.folder / TIMINGS, timings)
    return status, took


def _read_timings(out: Path) -> dict[str, dict[str, float]]:
    """Return what earlier runs noted; stages that are taken over keep their entries."""
    try:
        found: dict[str, dict[str, float]] = read_json(out / TIMINGS)
    except (OSError, ValueError):
        return {}
    return found


@contextmanager
def _measured(name: str, timings: dict[str, dict[str, float]]) -> Iterator[None]:
    """Note a stage's wall-clock seconds, and the most memory that this process or a child of it has held so far."""
    start = time.perf_counter()
    yield
    unit = 1 << 20 if sys.platform == "darwin" else 1 << 10
    peaks = {who: resource.getrusage(number).ru_maxrss / unit for who, number in _WHO.items()}
    timings[name] = {"seconds": time.perf_counter() - start, **peaks}


_WHO = {"peak_mib": resource.RUSAGE_SELF, "children_peak_mib": resource.RUSAGE_CHILDREN}


def _facts(job: stages.Build) -> dict[str, Any]:
    """Return what the manifest says about the folder's origin."""
    return {
        "generator": "hwgen",
        "version": VERSION,
        "model": {"file": job.request.model.name, "sha256": job.model_sha256},
        "budget": job.budget_json if job.request.has_board else None,
        "seed": job.request.seed,
        "names": job.names(),
    }


def _result(
    request: Request,
    out: Path,
    status: dict[str, str],
    seconds: dict[str, float],
    *,
    up_to_date: bool,
    ok: bool = True,
) -> BuildResult:
    path = out / REPORT
    report = read_json(path) if path.is_file() else {}
    return BuildResult(ok, request.folder, up_to_date, status, seconds, report)
