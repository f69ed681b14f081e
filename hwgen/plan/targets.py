# SPDX-License-Identifier: Apache-2.0
"""What a budget's target picks among the choices, and what it says where none is within the limits."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from math import floor

from hwgen.config import Budget, FpsTarget, LatencyTarget
from hwgen.errors import InfeasibleError, Problem
from hwgen.ops.support import int_attr
from hwgen.plan.choose import Chooser, Selection, overflow

NAMES = {"lut": "LUT", "ff": "FF", "dsp": "DSP", "bram36": "BRAM36", "uram": "URAM"}
MBIT = 1e6
BRAM_BITS, URAM_BITS = 36 * 1024, 288 * 1024
Latency = Callable[[Selection], int]


def wanted(chooser: Chooser, budget: Budget, clock: float, latency: Latency) -> Selection:
    """Return the selection that the target asks for.

    Parameters
    ----------
    chooser
        What there is to choose from.
    budget, clock
        With the target; MHz.
    latency
        Cycles of an isolated frame, as known when a selection is wired.

    Raises
    ------
    InfeasibleError
        Which tells the resources that bind, and the nearest design.
    """
    target = budget.target
    if isinstance(target, FpsTarget):
        found = _fast_enough(chooser, floor(clock * 1e6 / target.fps))
        if found is not None:
            return found
    below = target == "min_latency" or isinstance(target, LatencyTarget)
    steps = chooser.all_steps if below else chooser.steps
    best = chooser.best(steps)
    if best is None:
        raise _too_big(chooser)
    if isinstance(target, FpsTarget):
        raise _too_slow(chooser, target, best, clock)
    if isinstance(target, LatencyTarget):
        return _soon_enough(chooser, target, best, clock, latency)
    return _selected(chooser, steps[best])


def _selected(chooser: Chooser, step: int) -> Selection:
    found = chooser.select(step)
    assert found is not None
    return found


def _fast_enough(chooser: Chooser, ii: int) -> Selection | None:
    """Return the least area for an II of at most `ii`, None where nothing fits."""
    step = next((step for step in chooser.steps if step <= ii), None)
    return None if step is None else chooser.select(step)


def _soon_enough(chooser: Chooser, target: LatencyTarget, best: int, clock: float, latency: Latency) -> Selection:
    """Return the slowest selection that still answers in time: the latency falls with the cycles of every layer."""
    steps, most = chooser.all_steps, target.latency_us * clock
    least = latency(_selected(chooser, steps[best]))
    if least > most:
        raise _too_late(chooser, target, best, clock, least)
    late, early = -1, best
    while early - late > 1:
        middle = (late + early) // 2
        found = chooser.select(steps[middle])
        late, early = (late, middle) if found is not None and latency(found) <= most else (middle, early)
    return _selected(chooser, steps[early])


def _too_late(chooser: Chooser, target: LatencyTarget, best: int, clock: float, least: int) -> InfeasibleError:
    text = f"The design must answer within {target.latency_us:g} us, but {least / clock:.4g} us is the least"
    why = next_step(chooser, chooser.all_steps, best)
    hint = f"What binds: {why}. Raise the clock or the limits, or allow more time."
    return InfeasibleError(f"{text} at {clock:g} MHz.", hint=hint)


def _too_big(chooser: Chooser) -> InfeasibleError:
    """Return what the smallest design needs beyond the limits, and by how much."""
    step = chooser.steps[0]
    near = chooser.nearest(step)
    if near is None:
        text = f"The design must have a form for an II of {step:,} cycles, but the layers' lanes cannot be joined."
        return InfeasibleError(text, hint="Leave out layers: from the budget.")
    over = overflow(near.total + chooser.aside(step), chooser.limits)
    problems: list[Problem] = []
    for name, need, limit in over:
        fits = f"The design must fit {limit:,.0f} {NAMES[name]}"
        text = f"{fits}, but its nearest form needs {need:,.0f} at an II of {near.ii:,}."
        hint = f"Set limits.{name} to at least {need:.0f}, or choose a larger board."
        problems.append(Problem(text, hint=hint if problems else hint + _weights(chooser)))
    return InfeasibleError(problems)


def _weights(chooser: Chooser) -> str:
    """Return how the network's weights compare with the memories where they would take most of them."""
    graph, limits = chooser.graph, chooser.limits
    bits = sum(
        graph.constant(node, "weight").size * int_attr(node, "weight_bits")
        for node in graph.nodes
        if "weight_bits" in node.attrs
    )
    room = limits.bram36 * BRAM_BITS + limits.uram * URAM_BITS
    if 2 * bits < room:
        return ""
    return f" The weights are {bits / MBIT:,.1f} Mbit, the memories that may be used hold {room / MBIT:,.1f} Mbit."


def _too_slow(chooser: Chooser, target: FpsTarget, best: int, clock: float) -> InfeasibleError:
    steps = chooser.steps
    reached = clock * 1e6 / steps[best]
    text = f"The design must reach {target.fps:g} frames per second, but {reached:.4g} is the most at {clock:g} MHz."
    enough = [place for place, step in enumerate(steps) if step <= clock * 1e6 / target.fps]
    if enough:
        why = next_step(chooser, steps, enough[0] - 1)
    else:
        why = "no folding is faster" if best == len(steps) - 1 else next_step(chooser, steps, best)
    return InfeasibleError(text, hint=f"What binds: {why}. Raise the clock or the limits, or lower the target.")


def next_step(chooser: Chooser, steps: list[int], position: int) -> str:
    """Return what the next faster design would need too much of."""
    if position + 1 >= len(steps):
        return "no folding is faster"
    step = steps[position + 1]
    near = chooser.nearest(step)
    if near is None:
        return f"an II of {step:,} cannot be wired without slower converters"
    over = overflow(near.total + chooser.aside(step), chooser.limits)
    if not over or not chooser.ruled_out(step):
        return f"an II of {step:,} was neither found nor ruled out"
    return f"an II of {near.ii:,} needs {_list(f'{n:,.0f} {NAMES[name]} of {limit:,.0f}' for name, n, limit in over)}"


def _list(texts: Iterable[str]) -> str:
    *first, last = texts
    return f"{', '.join(first)} and {last}" if first else last


def binding(chooser: Chooser, ii: int, clock: float, budget: Budget) -> str:
    """Return in words why the design is not faster."""
    target, steps = budget.target, chooser.steps
    if isinstance(target, FpsTarget):
        enough = floor(clock * 1e6 / target.fps)
        return f"the target: {target.fps:g} frames per second need no more than an II of {enough:,}"
    if isinstance(target, LatencyTarget):
        return f"the target: an answer within {target.latency_us:g} us needs no more than an II of {ii:,}"
    at = steps.index(ii)
    if at + 1 < len(steps) and not chooser.fits(steps[at + 1]):
        return f"the budget: {next_step(chooser, steps, at)}"
    slowest = next(s for s in chooser.sites if s.candidates[-1].option.cycles == chooser.fastest)
    what = "the port's width" if slowest.is_port else "one beat a cycle"
    return f"{slowest.name}: {what} takes {chooser.fastest:,} cycles a frame; no folding of it is faster"
