# SPDX-License-Identifier: Apache-2.0
"""`hwgen debug`: one layer of a finished build alone in RTL, with waveforms; what was expected, what came."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from hwgen import artifacts
from hwgen.errors import UserError, did_you_mean
from hwgen.finished import only_build, read
from hwgen.ladder import GOLDEN
from hwgen.stages import PLAN

if TYPE_CHECKING:
    from hwgen.graph import Ints
    from hwgen.plan import Plan
    from hwgen.verify.waves import Trace


@dataclass(frozen=True)
class Wanted:
    """How to debug.

    Parameters
    ----------
    scenario
        Flow of the streams; None tries all of them, until one fails.
    frames
        Frames to play.
    seed
        Of the random flows; 0 is that of a build without ``--seed``.
    first
        Wrong elements to tell for each stream.
    out
        Folder for the waveforms; None is ``run/waves`` of the build.
    """

    scenario: str | None = None
    frames: int = 3
    seed: int = 0
    first: int = 8
    out: Path | None = None


def debug_layer(name: str, folder: Path | None, wanted: Wanted) -> list[Trace]:
    """Simulate the processes of a layer, one after the other, each alone.

    Parameters
    ----------
    name
        A process, a layer, an ONNX node, or the design for the whole of it.
    folder
        Folder of a build; None for the one of this folder or of ``build/``.

    Raises
    ------
    UserError
        There is no such layer, no build, or the build has no golden tensors or no RTL.
    InternalError
        Verilator or the compiler refuses the RTL.
    """
    from hwgen.plan import Plan
    from hwgen.verify import rtl, scenarios
    from hwgen.verify.waves import trace, waves_file

    folder = folder or only_build(PLAN.with_suffix(".json"), "one build")
    plan = read(folder, PLAN, Plan)
    names = processes(plan, name)
    flows = [scenario.name for scenario in scenarios.choose(wanted.scenario and [wanted.scenario])]
    golden = read_golden(folder, plan)
    frames = min(wanted.frames, *map(len, golden.values()))
    setup = rtl.prepare(plan, golden, rtl.Options(frames=frames, layer_frames=frames, seed=wanted.seed))
    found = []
    for device in names:
        runs = [run for run in setup.runs if setup.bench.devices[run.device].name == device]
        waves = waves_file(folder, device) if wanted.out is None else wanted.out / f"{device}.fst"
        chosen = [run for run in runs if run.scenario.name in flows]
        found.append(trace(setup, golden, folder, chosen, waves, wanted.first))
    return found


def read_golden(folder: Path, plan: Plan) -> Mapping[str, Ints]:
    """Return every tensor of the golden model that a build has kept.

    Raises
    ------
    UserError
        It kept none.
    """
    path = folder / GOLDEN / "tensors.npz"
    if not path.is_file():
        hint = "Build again, with --verify csim or more."
        raise UserError(f"The build in {folder} must have golden tensors to compare with, but it has none.", hint=hint)
    tensors = artifacts.read_npz(path)
    return {**tensors, **plan.feeds(len(next(iter(tensors.values()))))}


def processes(plan: Plan, name: str) -> Sequence[str]:
    """Return the processes that a name means; the design itself for its own name.

    Raises
    ------
    UserError
        There is none; the nearest names are told.
    """
    known: dict[str, list[str]] = {plan.name: [plan.name]}
    for process in plan.processes:
        for alias in dict.fromkeys((process.name, process.layer, *process.source)):
            known.setdefault(alias, []).append(process.name)
    if name not in known:
        text = f"{name} must be a layer or a process of {plan.name}, but there is none."
        raise UserError(text, hint=did_you_mean(name, list(known)))
    return [name] if name in {plan.name, *(p.name for p in plan.processes)} else known[name]
