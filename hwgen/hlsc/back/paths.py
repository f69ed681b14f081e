# SPDX-License-Identifier: Apache-2.0
"""The slowest path of each recurrence, value by value, and the sentences about those that the clock cannot take."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from hwgen.hlsc import ir
from hwgen.hlsc.back.recurrence import Recurrence
from hwgen.hlsc.back.schedule import Schedule, Slow

_STORES = ("state", "ram")
_SHOWN = 16


@dataclass(frozen=True)
class Step:
    """One value on a path, and what it takes of the time in ns."""

    value: ir.Value
    delay: float

    def __str__(self) -> str:
        value = self.value
        name = value.name or str(value.attr or "")
        text = f"{value.opcode} {name}".strip() + (f" ({value.loc})" if value.loc else "")
        return text if value.opcode == "state" else f"{text} {self.delay:.2f} ns"

    def to_json(self) -> dict[str, Any]:
        """Return the step as JSON-ready data."""
        value = self.value
        return {
            "operator": value.opcode,
            "name": value.name or str(value.attr or ""),
            "width": value.width,
            "loc": str(value.loc) if value.loc else None,
            "delay_ns": round(self.delay, 3),
        }


class Paths:
    """Finds the slowest paths of a schedule's recurrences."""

    def __init__(self, schedule: Schedule) -> None:
        self.schedule = schedule
        self.netlist = schedule.netlist
        self.scheduler = schedule.scheduler()

    def steps(self, nodes: tuple[int, ...], through: int | None = None) -> list[Step]:
        """Return the slowest path through `nodes` from a register or RAM to its update; of one node that node.

        With `through` only the paths over that node count.
        """
        values = self.netlist.process.values
        if len(nodes) == 1:
            return [Step(values[n], self._delay(n)) for n in nodes if n < len(values)]
        best: list[int] = []
        longest = -1.0
        for update, readers in Recurrence(self.scheduler.placed, list(nodes)).readers.items():
            for reader in readers:
                path = self._longest(nodes, reader, update if through is None else through)
                if through is not None and path:
                    rest = self._longest(nodes, through, update)
                    path = [*path[:-1], *rest] if rest else []
                total = sum(self._delay(n) for n in path)
                if path and total > longest:
                    best, longest = path, total
        return [Step(values[n], self._delay(n)) for n in best if n < len(values)]

    def _delay(self, node: int) -> float:
        return self.scheduler.delay(node) + self.scheduler.setup(node)

    def _longest(self, nodes: tuple[int, ...], start: int, end: int) -> list[int]:
        reached: dict[int, tuple[float, int]] = {start: (self._delay(start), -1)}
        for node in nodes:
            before = [s.node for s in self.netlist.operands[node] if s.node in reached]
            if before and node != start:
                last = max(before, key=lambda n: reached[n][0])
                reached[node] = (reached[last][0] + self._delay(node), last)
        path: list[int] = []
        node = end if end in reached else -1
        while node >= 0:
            path.append(node)
            node = reached[node][1]
        return path[::-1]

    def recurrences(self) -> list[dict[str, Any]]:
        """Return the tightest recurrences: storage, path, delay and slack in ns, tightest first.

        The slack is what the path leaves of II stages; where it is negative, no register fits between.
        """
        found: list[tuple[float, dict[str, Any]]] = []
        slow = {s.nodes: s for s in self.schedule.slow}
        for component in self.netlist.components(tied=True):
            steps = self.steps(tuple(component)) if len(component) > 1 else []
            total = sum(s.delay for s in steps)
            if len(steps) < 2:
                continue
            late = slow.get(tuple(component))
            slack = (
                self.schedule.model.period - late.delay
                if late
                else self.schedule.ii * self.schedule.model.period - total
            )
            found.append(
                (
                    slack,
                    {
                        "through": storage(steps),
                        "delay_ns": round(total, 3),
                        "slack_ns": round(slack, 3),
                        "fits": late is None,
                        "ii_needed": late.needed if late else self.schedule.ii,
                        "path": [s.to_json() for s in steps],
                    },
                )
            )
        return [row for _, row in sorted(found, key=lambda pair: pair[0])[:_SHOWN]]

    def warning(self, slow: Slow) -> str:
        """Return the sentences about a recurrence or operator that is slower than the clock."""
        steps, model, ii = self.steps(slow.nodes), self.schedule.model, self.schedule.ii
        mhz = int(1000.0 / (slow.delay + model.family.overhead))
        has = f"a stage has {model.period:.2f} ns at {model.clock_mhz:g} MHz"
        path = ", then ".join(str(s) for s in steps)
        clock = f"ask for at most {mhz} MHz, or make the values narrower"
        if len(slow.nodes) == 1:
            return f"The operator {path} is slower than the clock: {has}. To fix it, {clock}."
        total = sum(s.delay for s in steps)
        takes = f"its path takes {total:.2f} ns and {has}"
        if ii > 1:
            takes = f"its path takes {total:.2f} ns, so that {ii} stages need {slow.delay:.2f} ns each, and {has}"
        fix = f"write #pragma HLS PIPELINE II={slow.needed}, " if slow.needed else ""
        through = ", ".join(storage(steps)) or "storage"
        return (
            f"The recurrence through {through} is slower than the clock at II={ii}: {takes}. "
            f"The path: {path}, and back. To fix it, {fix}{clock}."
        )

    def place(self, slow: Slow) -> ir.Loc | None:
        """Return the place of the slowest step of what is slower than the clock."""
        steps = [s for s in self.steps(slow.nodes) if s.value.loc is not None]
        return max(steps, key=lambda s: s.delay).value.loc if steps else self.netlist.process.loc


def storage(steps: list[Step]) -> list[str]:
    """Return the names of the registers and RAMs on a path, or else of the stream that it leads back to."""
    kinds = _STORES if any(s.value.opcode in _STORES for s in steps) else ("read",)
    return list(dict.fromkeys(str(s.value.attr) for s in steps if s.value.opcode in kinds))
