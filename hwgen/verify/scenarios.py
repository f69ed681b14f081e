# SPDX-License-Identifier: Apache-2.0
"""How a device is exercised: flow, resets, random numbers, and when to give up."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hwgen.errors import UserError, did_you_mean
from hwgen.verify.testbench import Bench, Device

_PATIENCE = 4
_GRACE = 10_000


@dataclass(frozen=True)
class Scenario:
    """One way to exercise a device.

    Parameters
    ----------
    name
        Short name.
    gap, stall
        Probability of an idle input cycle, and of a cycle of back-pressure, in 1/256.
    reset
        Whether a reset comes in mid-frame, before whole frames.
    """

    name: str
    gap: int = 0
    stall: int = 0
    reset: bool = False

    @property
    def free(self) -> bool:
        """Whether nothing holds the data up."""
        return not (self.gap or self.stall or self.reset)


FREE = Scenario("free-flow")
SCENARIOS = (
    FREE,
    Scenario("idle", gap=51),
    Scenario("back-pressure", stall=51),
    Scenario("both", gap=51, stall=51),
    Scenario("reset", reset=True),
)


@dataclass(frozen=True)
class Run:
    """One simulation of one device.

    Parameters
    ----------
    number
        Number in the log.
    device
        Index in the bench.
    label
        For people: ``conv2 alone, back-pressure``.
    scenario
        How.
    monitor
        Whether the streams inside the top are checked too.
    frames, recorded
        Frames to play, and frames in the vector files.
    seed
        Of the random idle cycles and back-pressure.
    reset_at
        Cycle of the reset in mid-frame; 0 for none.
    limit
        Cycles after which the device counts as stalled.
    """

    number: int
    device: int
    label: str
    scenario: Scenario
    monitor: bool
    frames: int
    recorded: int
    seed: int
    reset_at: int
    limit: int

    def line(self) -> str:
        """Return the run's line in runs.txt."""
        fields = (
            self.number, self.device, int(self.monitor), self.frames, self.recorded, self.scenario.gap,
            self.scenario.stall, self.seed, self.reset_at, self.limit, self.label.replace(", ", ":").replace(" ", "_"),
        )  # fmt: skip
        return " ".join(map(str, fields)) + "\n"


def choose(names: Sequence[str] | None) -> tuple[Scenario, ...]:
    """Return scenarios by name, all of them for None.

    Raises
    ------
    UserError
        For an unknown name.
    """
    known = {scenario.name: scenario for scenario in SCENARIOS}
    for name in names or ():
        if name not in known:
            raise UserError(f"There is no scenario {name}.", hint=did_you_mean(name, list(known)))
    return SCENARIOS if names is None else tuple(known[name] for name in names)


def make_runs(
    bench: Bench, scenarios: Sequence[Scenario], *, frames: int, layer_frames: int, layers: bool, seed: int
) -> list[Run]:
    """Return the runs: the bench's processes alone, then the top in every scenario, then the top on all frames.

    Parameters
    ----------
    frames, layer_frames
        Frames recorded at the ports, and on the channels inside.
    layers
        Whether to run processes alone.
    seed
        Chooses the random flows.
    """
    runs: list[Run] = []

    def add(index: int, scenario: Scenario, play: int, recorded: int, monitor: bool) -> None:
        device = bench.devices[index]
        where = "top" if device.axi else f"{device.name} alone"
        number = len(runs)
        run = Run(
            number=number,
            device=index,
            label=f"{where}, {scenario.name}",
            scenario=scenario,
            monitor=monitor,
            frames=play,
            recorded=recorded,
            seed=seed * 7919 + number + 1,
            reset_at=_reset_at(device) if scenario.reset else 0,
            limit=_limit(device, scenario, play),
        )
        runs.append(run)

    tops = [index for index, device in enumerate(bench.devices) if device.axi]
    processes = [index for index, device in enumerate(bench.devices) if layers and not device.axi]
    for index in (*processes, *tops):
        for scenario in scenarios:
            add(index, scenario, max(2, layer_frames), layer_frames, index in tops)
    if frames > layer_frames:
        for index in tops:
            add(index, Scenario(f"all {frames} frames"), frames, frames, False)
    return runs


def _reset_at(device: Device) -> int:
    """In the middle of a frame, when the device is filled."""
    return device.latency + device.cycles // 2 + 1


def _limit(device: Device, scenario: Scenario, frames: int) -> int:
    expected = (frames + 1) * device.cycles + device.latency
    slowed = expected * 256 * 256 // ((256 - scenario.gap) * (256 - scenario.stall))
    return _PATIENCE * slowed + _GRACE
