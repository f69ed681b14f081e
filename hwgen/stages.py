# SPDX-License-Identifier: Apache-2.0
"""What each stage does: it takes artefacts from a `Build`, and writes its own files into the build's folder.

An artefact that an earlier run has left in the folder is read from there, so a build can resume anywhere. Rooms are
imported where they are used: a build that finds nothing to do must not wait for onnxruntime.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen import artifacts, bitstream, manifest
from hwgen.errors import InfeasibleError
from hwgen.request import Request
from hwgen.version import VERSION

if TYPE_CHECKING:
    from hwgen.config import Budget, Quantize
    from hwgen.graph.source import SourceModel
    from hwgen.hlsc import Module
    from hwgen.hw import Board
    from hwgen.ops.lowered import Lowered
    from hwgen.plan import Plan
    from hwgen.ptq import Quantisation

IMPORTED = Path("models/00_import.onnx")
QUANTISED = Path("models/quantized.onnx")
QUANTISATION = Path("report/quantize.json")
INTEGER_VIEW = Path("models/01_integer.onnx")
LOWERED = Path("models/integer")
PLAN = Path("plan")
INFEASIBLE = Path("report/infeasible.json")
MODULES = Path("report/hlsc.json")
SCHEDULES = Path("report/schedule")
VERIFIED = Path("report/verify.json")
SYNTHESISED = Path("report/synth.json")


class Build:
    """The state of one build: the request, the folder in the making, and the artefacts so far.

    Parameters
    ----------
    request
        What to build.
    note
        Called with a stage and a line of progress.
    """

    def __init__(self, request: Request, note: Callable[[str, str], None]) -> None:
        self.request = request
        self.note = note
        self.folder = Path()
        self.ok = True
        self.speed: dict[str, float] = {}

    def has(self, path: Path) -> bool:
        """Tell whether a file is in the build's folder; a build that writes nothing has none."""
        return self.folder != Path() and (self.folder / path).is_file()

    @cached_property
    def model_sha256(self) -> str:
        """Hash of the model file and of the files it refers to."""
        from hwgen.frontend.read import read

        return read(self.request.model)[1]

    @cached_property
    def budget(self) -> Budget:
        """The budget: file, then command line, then defaults."""
        from hwgen.config import load_budget

        request = self.request
        return load_budget(request.budget, request.changes, board=request.board, clock_mhz=request.clock_mhz)

    @cached_property
    def budget_json(self) -> Any:
        """The budget with every default filled in, JSON-ready."""
        return self.budget.model_dump(mode="json")

    @cached_property
    def board(self) -> Board:
        """The board that the budget names."""
        from hwgen.hw import boards

        return boards.load(self.budget.board)

    @cached_property
    def source(self) -> SourceModel:
        """The imported model, under the design's name; quantised where that is asked for."""
        from hwgen import frontend

        if self.quantize is None:
            return self.given
        kept = self.folder / QUANTISED
        if self.has(QUANTISED):
            return frontend.load(kept, name=self.request.name)
        return self.quantisation.load(self.request.name)

    @cached_property
    def shapes(self) -> Mapping[str, Sequence[int]]:
        """Shapes that the file leaves open: of the budget, then of the command line."""
        from hwgen.config import load_inputs

        return {**load_inputs(self.request.budget, self.request.changes).shapes, **self.request.shapes}

    @cached_property
    def input_types(self) -> Mapping[str, str]:
        """What the model's inputs are declared to hold: by the budget, then on the command line."""
        from hwgen.config import load_inputs

        return {**load_inputs(self.request.budget, self.request.changes).input_types, **self.request.input_types}

    @cached_property
    def given(self) -> SourceModel:
        """The model as it was given."""
        from hwgen import frontend

        return frontend.load(
            self.request.model, name=self.request.name, shapes=self.shapes, input_types=self.input_types
        )

    @cached_property
    def quantize(self) -> Quantize | None:
        """How the model is to be quantised; None where it is not."""
        from hwgen.config import load_quantize

        found = load_quantize(self.request.budget, self.request.changes.get("quantize"))
        return load_quantize(None, {}) if found is None and self.request.calib is not None else found

    @cached_property
    def quantisation(self) -> Quantisation:
        """The quantised model with its figures."""
        from hwgen.ptq import quantise_model

        assert self.quantize is not None
        return quantise_model(self.given, self.quantize, self.request.calib, seed=self.request.seed)

    @cached_property
    def lowered(self) -> Lowered:
        """The integer graph with all that ties it to the model."""
        from hwgen.ops.lowered import Lowered

        if self.has(LOWERED.with_suffix(".json")):
            return artifacts.restore(self.folder / LOWERED, Lowered)
        from hwgen.frontend.guard import guarded
        from hwgen.passes.lower import lower

        return guarded(partial(lower, self.source), self.request.name, doing="Lowering")

    @cached_property
    def plan(self) -> Plan:
        """The plan."""
        from hwgen.plan import Plan, make_plan

        if self.has(PLAN.with_suffix(".json")):
            return artifacts.restore(self.folder / PLAN, Plan)
        return make_plan(self.lowered.graph, self.board, self.budget)

    @cached_property
    def layers(self) -> tuple[str, ...]:
        """The processes to compile: all of them unless the request chooses."""
        from hwgen.verify.choice import choose

        return choose(self.plan, self.request.layers)

    def rtl(self) -> list[Path]:
        """Return the RTL files of the finished hlsc stage, in the order of its file list."""
        return sorted((self.folder / "rtl").glob("*.sv"))

    def names(self) -> Mapping[str, str]:
        """Return the ONNX name of every tensor whose name had to change, by its name in the design."""
        if not self.has(LOWERED.with_suffix(".json")):
            return {}
        seen = (*self.lowered.inputs, *self.lowered.outputs, *self.lowered.observations)
        return {o.tensor: o.onnx for o in seen}


def import_options(job: Build) -> Any:
    """Return what the import depends on."""
    request = job.request
    shapes = {name: list(sizes) for name, sizes in job.shapes.items()}
    options = [request.name, job.model_sha256, shapes, dict(job.input_types)]
    if job.quantize is None:
        return options
    calib = request.calib
    frames = ["random", request.seed] if calib is None else [manifest.sha256(calib) if calib.is_file() else str(calib)]
    return [*options, job.quantize.model_dump(mode="json"), frames]


def run_import(job: Build) -> None:
    """Read the model, fold constants, infer shapes; write the simplified ONNX file."""
    path = job.folder / IMPORTED
    path.parent.mkdir(parents=True, exist_ok=True)
    for stale in (job.folder / QUANTISED, job.folder / QUANTISATION):
        stale.unlink(missing_ok=True)
    if job.quantize is not None:
        for warning in job.quantisation.warnings:
            job.note("import", f"WARNING: {warning}")
        (job.folder / QUANTISED).write_bytes(job.quantisation.onnx)
        artifacts.write_json(job.folder / QUANTISATION, job.quantisation.facts)
    path.write_bytes(job.source.serialized)
    job.note("import", f"{len(job.source.nodes)} nodes, opset {job.source.opset}")


def run_lower(job: Build) -> None:
    """Turn the model into an integer graph, and verify it."""
    from hwgen.onnx_view import integer_view
    from hwgen.passes.verify import verify_graph

    verify_graph(job.lowered.graph)
    artifacts.save(job.folder / LOWERED, job.lowered)
    (job.folder / INTEGER_VIEW).write_bytes(integer_view(job.lowered.graph))
    inexact = sum(not proof.exact for proof in job.lowered.proofs)
    proven = len(job.lowered.proofs) - inexact
    job.note("lower", f"{len(job.lowered.graph.nodes)} integer operators, {proven} requantisations proven exact")


def plan_options(job: Build) -> Any:
    """Return what the plan depends on."""
    return [job.budget_json, dataclasses.asdict(job.board)]


def run_plan(job: Build) -> None:
    """Choose unit, folding and FIFO depths under the budget; where only parity is asked for, none is no obstacle."""
    try:
        plan = job.plan
    except InfeasibleError as error:
        if not job.request.parity_only:
            raise
        artifacts.write_json(job.folder / INFEASIBLE, [dataclasses.asdict(problem) for problem in error.problems])
        for problem in error.problems:
            job.note("plan", f"warning: {problem}")
        return
    if job.request.bitstream:
        bitstream.check_plan(plan)
    artifacts.save(job.folder / PLAN, plan)
    if job.request.layers is not None:
        job.note("plan", f"to simulate alone: {', '.join(job.layers)}")
    job.note("plan", f"II {plan.ii} cycles, {plan.resources.lut:,.0f} LUT; {plan.binding}")


def run_render(job: Build) -> None:
    """Write the HLS project, the AXI4-Stream shell, and the host's share of the model."""
    from hwgen.frontend.host import programs
    from hwgen.frontend.reference import Reference
    from hwgen.render import render

    render(job.plan, job.folder)
    host = programs(job.lowered, Reference(job.source))
    for name, model in (("host_pre", host.pre), ("host_post", host.post)):
        if model is not None:
            path = job.folder / "driver" / f"{name}.onnx"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(model.SerializeToString(deterministic=True))
    inner = sum(channel.depth > 0 for channel in job.plan.channels)
    job.note("render", f"{len(job.plan.processes)} processes, {inner} FIFOs")


def hlsc_options(job: Build) -> Any:
    """Return what the RTL depends on."""
    return job.request.layers


def run_hlsc(job: Build) -> None:
    """Compile C++ to SystemVerilog; where that is every process, add what joins them and the file list."""
    from hwgen.compile import compile_all
    from hwgen.hlsc import Target, compile_dataflow
    from hwgen.hlsc.library import library_files
    from hwgen.plan.glue import EGRESS, FIFO, INGRESS

    plan, hls, rtl = job.plan, job.folder / "hls", job.folder / "rtl"
    target = Target(plan.board.family, plan.cut_mhz)
    modules = compile_all(job.layers, hls, target, lambda text: job.note("hlsc", text))
    rtl.mkdir(parents=True, exist_ok=True)
    for name, module in modules.items():
        (rtl / f"{name}.sv").write_text(module.rtl)
    whole = len(modules) == len(plan.processes)
    if whole:
        core = f"{plan.name}_core"
        top = compile_dataflow(hls / "src" / f"{plan.name}.cpp", core, [hls / "include"], target, modules)
        (rtl / f"{core}.sv").write_text(top.rtl)
    for path in library_files([m.rtl for m in modules.values()], (FIFO, INGRESS, EGRESS)):
        (rtl / path.name).write_bytes(path.read_bytes())
    if whole:
        (rtl / "top.f").write_text("".join(f"{path.name}\n" for path in job.rtl()))
    facts = {n: {"ii": m.ii, "depth": m.depth, "trip_count": m.trip_count, **m.report} for n, m in modules.items()}
    artifacts.write_json(job.folder / MODULES, facts)
    write_schedules(modules.values(), job.folder / SCHEDULES)


def write_schedules(modules: Iterable[Module], folder: Path) -> None:
    """Write the schedule of each process as text and as JSON, in place of those of an earlier build."""
    from hwgen.hlsc.back.schedule_text import schedule_text

    if folder.is_dir():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    for module in modules:
        artifacts.write_json(folder / f"{module.name}.json", dict(module.report))
        (folder / f"{module.name}.txt").write_text(schedule_text(module.report))


def handover_options(job: Build) -> Any:
    """Return what the hand-over depends on beside the plan and the RTL."""
    return [VERSION, job.request.model.name, job.model_sha256]


def run_handover(job: Build) -> None:
    """Write what an engineer expects around the RTL."""
    from hwgen.facts import host_side
    from hwgen.handover import Design, hand_over
    from hwgen.handover.uart import obstacle

    design = Design(job.plan, job.folder, job.request.model.name, job.model_sha256, VERSION, host_side(job))
    if (missing := obstacle(job.plan)) is not None:
        job.note("handover", missing)
    count = hand_over(design)
    bitstream.write_recipe(job)
    job.note("handover", f"{count} files")


def verify_options(job: Build) -> Any:
    """Return what the verification depends on."""
    request = job.request
    inputs = manifest.sha256(request.inputs) if request.inputs and request.inputs.is_file() else str(request.inputs)
    return [request.verify, inputs, request.frames, request.sim, request.seed, request.layers]


def run_verify(job: Build) -> None:
    """Climb the verification ladder up to the rung asked for."""
    from hwgen.ladder import climb

    verdict = climb(job)
    artifacts.write_json(job.folder / VERIFIED, verdict)
    job.ok = job.ok and bool(verdict["ok"])


def run_synth(job: Build) -> None:
    """Count cells with Yosys: the whole design and each process."""
    from hwgen.synth import count_design

    counts = count_design(job.plan, job.rtl())
    artifacts.write_json(job.folder / SYNTHESISED, counts.to_json())
    job.note("synth", f"{counts.total.resources.lut:,.0f} LUT counted, {job.plan.resources.lut:,.0f} planned")


def report_options(job: Build) -> Any:
    """Return what the report depends on beside the stages before it."""
    return [VERSION, str(job.request.model.name)]


def run_report(job: Build) -> None:
    """Write report, README and Makefile."""
    from hwgen.facts import facts
    from hwgen.report import write_report

    planned = job.has(PLAN.with_suffix(".json"))
    write_report(job.folder, job.plan if planned else None, facts(job))
