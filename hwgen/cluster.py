# SPDX-License-Identifier: Apache-2.0
"""Plans on a Dask cluster: the one whose address is given, else a local one for as long as it is needed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hwgen import artifacts
from hwgen.config import Budget
from hwgen.errors import InfeasibleError, UserError
from hwgen.graph import Graph
from hwgen.hw import Board
from hwgen.resources import jobs
from hwgen.version import fingerprint

if TYPE_CHECKING:
    from distributed import Client

KEPT = ("cycles", "fps", "resources", "limits", "bottleneck", "binding")
ANSWER_SECONDS = 10

own = fingerprint


@dataclass(frozen=True)
class Task:
    """A plan to make: a packed graph, and what for."""

    key: str
    graph: artifacts.Packed
    board: Board
    budget: Budget


def plan_all(tasks: Sequence[Task], scheduler: str | None) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each task's key with what `plan_one` answered, as they come.

    Raises
    ------
    UserError
        The scheduler does not answer, has no workers, or its workers run another hwgen.
    """
    if not tasks:
        return
    from distributed import as_completed

    with _client(scheduler) as client:
        sent: dict[int, Any] = {}
        for task in tasks:
            if id(task.graph) not in sent:
                sent[id(task.graph)] = client.scatter(task.graph, broadcast=True)
        futures = {
            client.submit(plan_one, sent[id(task.graph)], task.board, task.budget, pure=False): task.key
            for task in tasks
        }
        for future in as_completed(list(futures)):
            yield futures[future], future.result()


def plan_one(graph: artifacts.Packed, board: Board, budget: Budget) -> dict[str, Any]:
    """Return the figures of one plan, or ``ok: False`` with the reason where the budget is too small."""
    from hwgen.plan import make_plan
    from hwgen.report.report import hardware_report

    try:
        plan = make_plan(artifacts.unpack(graph, Graph), board, budget)
    except InfeasibleError as error:
        return {"ok": False, "error": " ".join(str(problem) for problem in error.problems)}
    found = hardware_report(plan, {"roofline": None}, {})
    return {"ok": True, **{key: found[key] for key in KEPT}}


@contextmanager
def _client(scheduler: str | None) -> Iterator[Client]:
    from distributed import Client, LocalCluster

    if scheduler is None:
        local = {"n_workers": jobs(), "threads_per_worker": 1, "dashboard_address": ":0", "silence_logs": 40}
        with LocalCluster(**local) as cluster, Client(cluster) as client:
            yield client
        return
    try:
        client = Client(scheduler, timeout=ANSWER_SECONDS)
    except (OSError, ValueError) as error:
        hint = "Start one with dask scheduler, or leave out --scheduler for a local cluster."
        raise UserError(f"The scheduler {scheduler} must answer, but it does not.", hint=hint) from error
    with client:
        versions = set(client.run(fingerprint).values())
        if versions != {own()}:
            text = f"The workers of {scheduler} must run this hwgen, but "
            raise UserError(text + ("some run another." if versions else "there are none."))
        yield client
