# SPDX-License-Identifier: Apache-2.0
"""What a build is asked for, and what it answers."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.graph.naming import identifier

VerifyLevel = Literal["none", "golden", "csim", "layers", "rtl"]
Simulator = Literal["cocotb", "fast"]
VERIFY_LEVELS: tuple[VerifyLevel, ...] = ("none", "golden", "csim", "layers", "rtl")
SIMULATORS: tuple[Simulator, ...] = ("cocotb", "fast")
STAGES = ("import", "lower", "plan", "render", "hlsc", "handover", "verify", "synth", "bitstream", "report")
DEFAULT_FRAMES = 3


@dataclass(frozen=True)
class Request:
    """One build.

    Parameters
    ----------
    model
        ONNX file.
    board, clock_mhz
        Win over the budget file; None leaves the choice to it.
    budget
        YAML file, or None.
    out
        Output folder; None means ``build/<name>``.
    verify
        Highest rung of the verification ladder to climb.
    inputs
        npz with one array for each model input (first axis: frames), and ``labels`` if accuracy is wanted;
        None makes seeded random frames.
    frames
        Frames to verify; None means all of `inputs`, or 3 random ones.
    sim
        ``cocotb``, or ``fast``: the generated C++ harness for long runs.
    synth
        Count resources with Yosys.
    bitstream
        Make a bitstream, for a board that open tools know.
    first, last
        Stages to begin and to end with.
    seed
        Of random frames and of everything else that draws lots.
    shapes
        Shapes of model inputs, or sizes of symbolic axes, that the file leaves open.
    input_types
        Model inputs that hold integers, by name: ``int8``, ``uint4`` ...
    calib
        npz with frames to quantise a float model with; None uses random ones where the budget asks for quantisation.
    layers
        With ``verify="layers"``: the processes to compile and simulate alone, by name or how many; None for all.
    changes
        What is to be different in the budget: a tree of its keys (`parse_changes`).
    waves
        Keep the waveforms of the run that fails, when RTL simulation finds a difference.
    asked_mhz
        Clock of the request that this one is made of, which place-and-route did not reach; None where it is the first.
    """

    model: Path
    board: str | None = None
    budget: Path | None = None
    clock_mhz: float | None = None
    out: Path | None = None
    verify: VerifyLevel = "rtl"
    inputs: Path | None = None
    frames: int | None = None
    sim: Simulator = "cocotb"
    synth: bool = False
    bitstream: bool = False
    first: str | None = None
    last: str | None = None
    seed: int = 0
    shapes: Mapping[str, Sequence[int]] = field(default_factory=dict)
    input_types: Mapping[str, str] = field(default_factory=dict)
    calib: Path | None = None
    layers: tuple[str, ...] | int | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)
    waves: bool = False
    asked_mhz: float | None = None

    def __post_init__(self) -> None:
        _one_of("--verify", self.verify, VERIFY_LEVELS)
        _one_of("--sim", self.sim, SIMULATORS)
        for option, stage in (("--from", self.first), ("--to", self.last)):
            if stage is not None:
                _one_of(option, stage, STAGES)
        if self.first and self.last and STAGES.index(self.first) > STAGES.index(self.last):
            raise UserError(f"--from {self.first} must not come after --to {self.last}.")
        for name, sizes in self.shapes.items():
            if not sizes or any(size < 1 for size in sizes):
                raise UserError(f"--shape {name} must be positive sizes, not {','.join(map(str, sizes))}.")
        self._check_layers()
        if self.frames is not None and self.frames < 1:
            raise UserError(f"--frames must be at least 1, not {self.frames}.")
        if self.clock_mhz is not None and not 0 < self.clock_mhz <= 1000:
            raise UserError(f"--clock-mhz must be more than 0 and at most 1000, not {self.clock_mhz:g}.")

    def _check_layers(self) -> None:
        if self.layers is None:
            return
        if self.verify != "layers":
            raise UserError(f"--layers must come with --verify layers, not --verify {self.verify}.")
        for option, given in (("--synth", self.synth), ("--bitstream", self.bitstream)):
            if given:
                hint = f"Leave out --layers to have every process compiled, or {option}."
                raise UserError(f"{option} must have the whole RTL, not that of some --layers.", hint=hint)
        if isinstance(self.layers, int) and self.layers < 1:
            raise UserError(f"--layers must be at least 1, not {self.layers}.")

    @property
    def name(self) -> str:
        """Design name: the file's stem, or its folder's name where the file is called ``model.onnx``."""
        stem = self.model.stem
        if stem == "model":
            stem = self.model.absolute().parent.name
        return identifier(stem, "m")

    @property
    def parity_only(self) -> bool:
        """True when nothing but parity with the reference is asked for, which needs no hardware."""
        hardware = {"plan", "render", "hlsc", "synth", "bitstream"} & {self.first, self.last}
        counted = self.synth or self.bitstream
        return self.verify == "golden" and self.last not in ("import", "lower") and not hardware and not counted

    @property
    def has_board(self) -> bool:
        """True when something says what to build for."""
        return self.board is not None or self.budget is not None or "board" in self.changes

    @property
    def folder(self) -> Path:
        """Where the result goes."""
        return self.out if self.out is not None else Path("build") / self.name


def parse_shapes(texts: Iterable[str]) -> dict[str, tuple[int, ...]]:
    """Read ``NAME=1,3,224,224``.

    Raises
    ------
    UserError
        A text is anything else.
    """
    found = {}
    for name, text in _named("--shape", texts, "NAME=1,3,224,224"):
        try:
            found[name] = tuple(int(size) for size in text.split(","))
        except ValueError:
            message = f"--shape {name} must be sizes with commas between them, not {text!r}."
            raise UserError(message, hint=f"Write --shape {name}=1,3,224,224.") from None
    return found


def parse_types(texts: Iterable[str]) -> dict[str, str]:
    """Read ``NAME=int8``; the type itself is checked on import.

    Raises
    ------
    UserError
        A text is anything else.
    """
    return dict(_named("--input-type", texts, "NAME=int8"))


def parse_layers(text: str | None) -> tuple[str, ...] | int | None:
    """Read ``conv1,conv2``, or a number of processes.

    Raises
    ------
    UserError
        A name is missing.
    """
    if text is None:
        return None
    if re.fullmatch(r"-?\d+", text):
        return int(text)
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise UserError(f"--layers must be names with commas between them or a number, not {text!r}.")
    return names


def parse_changes(texts: Sequence[str]) -> dict[str, Any]:
    """Read ``limits.lut=80%``, ``target={fps: 1000}``, ``layers.conv1.unit=dsp`` into a tree of budget keys.

    The middle of a key under ``layers`` or ``quantize.layers`` is one name, dots and all, and so is what follows
    ``shapes`` or ``input_types``. Values are YAML.

    Raises
    ------
    UserError
        With every text that is anything else.
    """
    tree: dict[str, Any] = {}
    problems = []
    for text in texts:
        key, equals, value = text.partition("=")
        path, leaf = _path(key.strip()), _yaml(value)
        if not equals or not all(path) or leaf is None:
            hint = "Write --set limits.lut=80%, or --set layers.conv1.unit=dsp."
            problems.append(Problem(f"--set must be KEY=VALUE with a key of the budget, not {text!r}.", hint=hint))
            continue
        node = tree
        for part in path[:-1]:
            if not isinstance(node.get(part), dict):
                node[part] = {}
            node = node[part]
        node[path[-1]] = leaf
    if problems:
        raise UserError(problems)
    return tree


def _path(key: str) -> list[str]:
    head, _, name = key.partition(".")
    if head in ("shapes", "input_types"):
        return [head, name]
    for head in ("layers.", "quantize.layers."):
        if key.startswith(head) and "." in key.removeprefix(head):
            name, _, leaf = key.removeprefix(head).rpartition(".")
            return [*head.rstrip(".").split("."), name, leaf]
    return key.split(".")


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.safe_load(text)
    except yaml.YAMLError:
        return None


def _named(option: str, texts: Iterable[str], example: str) -> Iterable[tuple[str, str]]:
    for text in texts:
        name, equals, value = text.rpartition("=")
        if not (name and equals and value):
            raise UserError(f"{option} must be {example}, not {text!r}.")
        yield name, value


def _one_of(option: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        message = f"{option} must be one of {', '.join(known)}, not {value}."
        raise UserError(message, hint=did_you_mean(value, known))


@dataclass(frozen=True)
class BuildResult:
    """What came out of a build.

    Parameters
    ----------
    ok
        False when a rung of the verification ladder found a difference.
    out
        The output folder.
    up_to_date
        True when nothing had changed and nothing was done.
    stages
        Stage name to ``built`` or ``reused``, in order.
    seconds
        Stage name to wall-clock seconds of this run.
    report
        The machine-readable report, ``report/report.json``; empty when the build stopped before it.
    """

    ok: bool
    out: Path
    up_to_date: bool
    stages: Mapping[str, str]
    seconds: Mapping[str, float]
    report: Mapping[str, Any] = field(repr=False, default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the object that ``--json`` prints."""
        return {
            "ok": self.ok,
            **{k: v for k, v in self.report.items() if k != "ok"},
            "out": str(self.out),
            "up_to_date": self.up_to_date,
            "stages": dict(self.stages),
            "seconds": round(sum(self.seconds.values()), 3),
            "stage_seconds": {name: round(value, 3) for name, value in self.seconds.items()},
        }
