# SPDX-License-Identifier: Apache-2.0
"""The verification ladder: parity with the reference, then csim, then RTL, each rung against the golden model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from hwgen import artifacts
from hwgen.errors import UserError
from hwgen.graph import Ints
from hwgen.request import DEFAULT_FRAMES, VERIFY_LEVELS

if TYPE_CHECKING:
    from hwgen.frontend.reference import Reference
    from hwgen.stages import Build
    from hwgen.verify import rtl
    from hwgen.verify.compare import Mismatch

Feeds = dict[str, npt.NDArray[Any]]
LABELS = "labels"
GOLDEN = Path("golden")
MAX_LSB = 1
BATCH = 64


def climb(job: Build) -> dict[str, Any]:
    """Verify up to the rung that the request names.

    Returns
    -------
    dict
        JSON-ready: ``ok``, ``golden``, ``csim``, ``layers`` or else ``rtl`` (each ``tensors`` and ``mismatches``, None
        if not climbed), ``parity``, ``accuracy``, ``cycles``, ``problems``.

    Raises
    ------
    UserError
        When the inputs file does not fit the model.
    """
    from hwgen.frontend.reference import Reference

    reference = Reference(job.source)
    feeds, labels = read_frames(job)
    verdict: dict[str, Any] = {"ok": True, "golden": None, "csim": None, "layers": None, "rtl": None}
    verdict["problems"] = []
    verdict["frames"] = _count(feeds, job.request.frames)
    verdict["accuracy"] = _accuracy(job, reference, feeds, labels)
    short = {name: value[: verdict["frames"]] for name, value in feeds.items()}
    golden = _golden(job, reference, short, verdict)
    level = VERIFY_LEVELS.index(job.request.verify)
    if level >= VERIFY_LEVELS.index("csim"):
        _csim(job, golden, verdict)
    if level >= VERIFY_LEVELS.index("layers") and verdict["csim"]["mismatches"] == 0:
        _rtl(job, golden, verdict)
    return verdict


def _count(feeds: Feeds, wanted: int | None) -> int:
    have = len(next(iter(feeds.values())))
    return min(have, wanted) if wanted else have


def read_frames(job: Build) -> tuple[Feeds, npt.NDArray[np.int64] | None]:
    """Return all frames of the model's inputs, and their labels where the inputs file has them.

    Raises
    ------
    UserError
        When the inputs file does not fit the model.
    """
    from hwgen.frontend import inputs

    request = job.request
    if request.inputs is None:
        return inputs.default(job.source, request.frames or DEFAULT_FRAMES, request.seed), None
    feeds = inputs.read_npz(job.given, request.inputs, ignore=(LABELS,))
    labels = None
    if LABELS not in job.given.inputs:
        labels = artifacts.read_npz(request.inputs).get(LABELS)
    if labels is None:
        return feeds, None
    count = len(next(iter(feeds.values())))
    if labels.shape != (count,) or labels.dtype.kind not in "iu":
        message = f"Array labels must hold one integer for each of {count} frames, not {labels.dtype} {labels.shape}."
        raise UserError(message)
    return feeds, labels.astype(np.int64)


def _accuracy(job: Build, reference: Reference, feeds: Feeds, labels: npt.NDArray[np.int64] | None) -> float | None:
    """Return the fraction of frames whose class the golden model gets right; every frame of the file counts."""
    from hwgen.frontend.host import to_outputs, to_ports
    from hwgen.passes import golden

    if labels is None:
        return None
    right = 0
    for start in range(0, len(labels), BATCH):
        part = {name: value[start : start + BATCH] for name, value in feeds.items()}
        graph = job.lowered.graph
        ints = golden.run(graph, to_ports(job.lowered, reference, part), graph.outputs)
        answer = next(iter(to_outputs(job.lowered, reference, ints, part).values()))
        flat = answer.reshape(len(answer), -1)
        classes = flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0]
        right += int(np.sum(classes == labels[start : start + BATCH]))
    job.note("verify", f"accuracy in integers {right / len(labels):.4f} on {len(labels)} frames")
    return right / len(labels)


def _golden(job: Build, reference: Reference, feeds: Feeds, verdict: dict[str, Any]) -> Mapping[str, Ints]:
    """Compare the golden model with onnxruntime; keep and return every tensor of it."""
    from hwgen.frontend.host import observed
    from hwgen.passes import golden
    from hwgen.render import vectors
    from hwgen.verify import parity

    lowered = job.lowered
    expected = observed(lowered, reference, feeds)
    evaluate = partial(golden.evaluate, lowered.graph)
    found = parity.measure(lowered.graph, evaluate, expected, lowered.observations, lowered.outputs)
    wrong = [layer for layer in found.layers if layer.teacher.max_lsb > MAX_LSB]
    verdict["parity"] = found.to_json()
    verdict["golden"] = {"tensors": len(found.layers), "mismatches": len(wrong)}
    for layer in wrong[:1]:
        text = f"Golden tensor {layer.tensor} must be within {MAX_LSB} LSB of onnxruntime's {layer.onnx}"
        _fail(verdict, f"{text}, not {layer.teacher.max_lsb} LSB (first at index {layer.teacher.first}).")
    inputs = {name: expected[name] for name in lowered.graph.inputs}
    hardware = not job.request.parity_only
    seen = [observation.tensor for observation in (*lowered.observations, *lowered.outputs)]
    tensors = {**inputs, **golden.run(lowered.graph, inputs, None if hardware else seen)}
    artifacts.write_npz(job.folder / GOLDEN / "tensors.npz", tensors)
    ports = {name: tensors[name] for name in (*lowered.graph.inputs, *lowered.graph.outputs)}
    artifacts.write_npz(job.folder / GOLDEN / "ports.npz", ports)
    if hardware:
        feeds_of_plan = job.plan.feeds(verdict["frames"])
        tensors |= feeds_of_plan
        vectors(job.plan, ports | feeds_of_plan, job.folder)
    exact = f"{found.inexact} of {found.elements} elements inexact, at most {found.max_lsb} LSB"
    job.note("verify", f"golden against onnxruntime: {exact}")
    return tensors


def _fail(verdict: dict[str, Any], message: str, hint: str | None = None) -> None:
    verdict["ok"] = False
    verdict["problems"].append({"message": message, "node": None, "hint": hint})


def _csim(job: Build, golden: Mapping[str, Ints], verdict: dict[str, Any]) -> None:
    """Compare the compiled C++ with the golden model."""
    from hwgen.verify import csim

    found = csim.check(job.plan, golden, job.folder / "hls")
    verdict["csim"] = {"tensors": found.tensors, "mismatches": len(found.mismatches)}
    job.speed["csim_frames_per_second"] = round(found.frames / found.seconds, 1)
    for mismatch in found.mismatches[:1]:
        _fail(verdict, mismatch.message, "RTL was not simulated, so there are no waves." if job.request.waves else None)
    job.note("verify", f"csim: {found.tensors} streams of {found.frames} frames, {len(found.mismatches)} differ")


def _rtl(job: Build, golden: Mapping[str, Ints], verdict: dict[str, Any]) -> None:
    """Compare the RTL with the golden model, the whole or some processes alone, and count its cycles."""
    from hwgen.verify import rtl

    request, total = job.request, len(job.plan.processes)
    alone = job.layers if request.verify == "layers" else None
    options = rtl.Options(sim=request.sim, seed=request.seed, alone=alone)
    found = rtl.check(job.plan, golden, job.folder, options)
    counts = {"tensors": found.tensors, "mismatches": len(found.mismatches), "runs": found.runs}
    if alone is None:
        verdict["rtl"] = {**counts, "frames": found.frames}
        what = f"{found.runs} runs, up to {found.frames} frames"
    else:
        verdict["layers"] = {**counts, "names": list(alone), "processes": total}
        what = f"{found.runs} runs of {len(alone)} of {total} processes alone"
    verdict["cycles"] = {"ii": found.ii, "latency": found.latency, "layers": dict(found.layers)}
    verdict["timeline"] = dict(found.timeline)
    job.speed["rtl_cycles"] = found.cycles
    job.speed["rtl_cycles_per_second"] = round(found.cycles / found.sim_seconds)
    job.speed["rtl_build_seconds"] = round(found.build_seconds, 2)
    job.speed["rtl_sim_seconds"] = round(found.sim_seconds, 2)
    for mismatch in found.mismatches[:1]:
        _fail(verdict, mismatch.message, _evidence(job, golden, options, mismatch))
    runs = f"{what}, {found.cycles:,} cycles"
    job.note("verify", f"rtl: {found.tensors} streams in {runs}, {len(found.mismatches)} differ")


def _evidence(job: Build, golden: Mapping[str, Ints], options: rtl.Options, failure: Mismatch) -> str:
    """Say where to look at a failure, and keep its waveforms where the request wants them."""
    from hwgen.verify import rtl, waves

    out = job.request.folder
    if not job.request.waves:
        return f"Look closer with hwgen debug {failure.layer} {out}."
    found = waves.trace_failure(rtl.prepare(job.plan, golden, options), golden, job.folder, failure)
    kept = out / found.waves.relative_to(job.folder)
    job.note("verify", f"waves of {found.name}, {found.scenario}, {found.cycles:,} cycles: {kept}")
    if found.ok:
        return f"It did not come again with waves, which are in {kept}."
    return f"Its waves are in {kept}."
