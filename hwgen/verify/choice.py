# SPDX-License-Identifier: Apache-2.0
"""Which processes of a plan to simulate alone: those that are named, or so many that differ as much as they can."""

from __future__ import annotations

from collections import Counter

from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.plan.types import Plan, Process


def choose(plan: Plan, wanted: tuple[str, ...] | int | None) -> tuple[str, ...]:
    """Return the names of processes, in the plan's order.

    Parameters
    ----------
    wanted
        Names of processes; or how many, all of them where there are fewer; None for all. A number takes one process
        of each kernel first, then another configuration of each, and so on; repeated configurations come last.

    Raises
    ------
    UserError
        For every name that no process has.
    """
    names = [process.name for process in plan.processes]
    if wanted is None:
        return tuple(names)
    if isinstance(wanted, int):
        chosen = set(_varied(plan.processes)[:wanted])
    else:
        text = f"--layers must name processes of {plan.name}, not"
        unknown = [name for name in dict.fromkeys(wanted) if name not in names]
        if unknown:
            raise UserError([Problem(f"{text} {name}.", hint=did_you_mean(name, names)) for name in unknown])
        chosen = set(wanted)
    return tuple(name for name in names if name in chosen)


def _varied(processes: tuple[Process, ...]) -> list[str]:
    """Return all names, sorted by repetition of the configuration, then its number within the kernel, then order."""
    known: dict[str, list[str]] = {}
    seen: Counter[tuple[str, str]] = Counter()
    ranks = []
    for index, process in enumerate(processes):
        call = process.call
        config = repr((process.unit, dict(call.config), call.inputs, call.outputs))
        configs = known.setdefault(call.function, [])
        if config not in configs:
            configs.append(config)
        ranks.append((seen[call.function, config], configs.index(config), index))
        seen[call.function, config] += 1
    return [processes[index].name for _, _, index in sorted(ranks)]
