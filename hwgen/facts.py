# SPDX-License-Identifier: Apache-2.0
"""What report and hand-over tell beside the plan: where a design comes from, what was measured, what the host does."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from hwgen import artifacts
from hwgen.bitstream import PLACED
from hwgen.errors import Problem
from hwgen.stages import INFEASIBLE, MODULES, PLAN, QUANTISATION, SYNTHESISED, VERIFIED, Build

if TYPE_CHECKING:
    from hwgen.handover import Host


def facts(job: Build) -> dict[str, Any]:
    """Return what the report tells beside the plan: where the design comes from, and what the stages measured."""
    found = {"quantize": QUANTISATION, "hlsc": MODULES, "verify": VERIFIED, "synth": SYNTHESISED, "bitstream": PLACED}
    data = {name: artifacts.read_json(job.folder / p) for name, p in found.items() if job.has(p)}
    unfit = artifacts.read_json(job.folder / INFEASIBLE) if job.has(INFEASIBLE) else []
    planned = job.has(PLAN.with_suffix(".json"))
    known = {"roofline": roofline_of(job), "timeline": timeline_of(job, data.get("verify"))} if planned else {}
    return {**origin(job, data.get("quantize"), unfit), **known, **data}


def origin(job: Build, quantize: Mapping[str, Any] | None, unfit: Iterable[Mapping[str, Any]] = ()) -> dict[str, Any]:
    """Return where a design comes from, with all that its reader must be warned of."""
    warnings = [*(quantize or {}).get("warnings", ()), *(str(Problem(**problem)) for problem in unfit)]
    if job.request.has_board and job.board.note:
        warnings.append(f"{job.board.name}: {job.board.note}.")
    return {
        "name": job.request.name,
        "board": job.board.name if job.request.has_board else None,
        "warnings": warnings,
        "model": job.request.model.name,
        "model_sha256": job.model_sha256,
        "seed": job.request.seed,
        "host": list(job.lowered.host),
        "proofs": [dataclasses.asdict(proof) for proof in job.lowered.proofs],
    }


def roofline_of(job: Build) -> dict[str, Any] | None:
    """Return the roofs that the plan stands under, JSON-ready."""
    from hwgen.hw.limits import bandwidth_of
    from hwgen.plan.roofs import roofline

    found = roofline(job.plan, bandwidth_of(job.board, job.budget))
    return None if found is None else found.to_json()


def timeline_of(job: Build, verdict: Mapping[str, Any] | None) -> dict[str, Any]:
    """Return when every process is busy: as simulated in RTL, else by the plan's schedule of one frame."""
    from hwgen.plan.timeline import timeline

    seen = (verdict or {}).get("timeline")
    found = seen or timeline(job.plan, job.lowered.graph)
    return {"source": "rtl" if seen else "plan", "processes": found}


def host_side(job: Build) -> Host:
    """Return what the drivers have to know of the model."""
    from hwgen.handover import Host, HostPort, Tensor

    model, lowered = job.source, job.lowered
    seen = {o.tensor: o for o in (*lowered.inputs, *lowered.outputs)}

    def tensor(name: str) -> Tensor:
        return Tensor(model.shapes[name], str(model.dtypes[name]))

    ports = {port.name: seen[port.tensor] for port in job.plan.ports if port.tensor in seen}
    return Host(
        inputs={name: tensor(name) for name in model.inputs},
        outputs={name: tensor(name) for name in model.outputs},
        ports={
            name: HostPort(
                o.onnx, tensor(o.onnx), o.scale, o.zero_point, o.offset, tuple(o.layout.shape), tuple(o.layout.perm)
            )
            for name, o in ports.items()
        },
    )
