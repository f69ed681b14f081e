# SPDX-License-Identifier: Apache-2.0
"""Run frames on a board with a UART shell, and say how well and how fast that goes: `hwgen run`."""

from __future__ import annotations

import time
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from hwgen import artifacts
from hwgen.errors import Problem, UnsupportedError, UserError
from hwgen.finished import only_build
from hwgen.graph import Ints
from hwgen.handover.host_model import AcceleratorError
from hwgen.handover.uart import FACTS, obstacle
from hwgen.handover.uart_driver import Uart
from hwgen.ladder import LABELS
from hwgen.plan.types import Plan
from hwgen.stages import LOWERED, PLAN

Array = npt.NDArray[Any]


@dataclass(frozen=True)
class BoardRun:
    """What a run on a board gave.

    Parameters
    ----------
    name, port, baud
        Which design, where, how fast the line is.
    frames, seconds
        How many frames went through, and how long that took, the host's share of the model left out.
    sent, received
        Bytes on the line.
    recoveries
        How often something got lost on the line and was sent again.
    accuracy
        Share of the frames whose class is their label; None without labels.
    elements, differences
        Integers that left the board, and how many of them are not the golden model's; None where that was not asked.
    """

    name: str
    port: str
    baud: int
    frames: int
    seconds: float
    sent: int
    received: int
    recoveries: int
    accuracy: float | None
    elements: int
    differences: int | None

    @property
    def ok(self) -> bool:
        """Whether the board gave what it should, as far as that was asked."""
        return not self.differences

    def to_json(self) -> dict[str, Any]:
        """Return a JSON-ready dict, rates included."""
        rates = {
            "frames_per_second": self.frames / self.seconds,
            "bytes_per_second": (self.sent + self.received) / self.seconds,
        }
        return {"ok": self.ok, **asdict(self), **rates}

    @property
    def problems(self) -> tuple[Problem, ...]:
        """What is wrong with the board's answers."""
        if self.ok:
            return ()
        text = f"{self.differences:,} of {self.elements:,} integers from the board are not the golden model's."
        return (Problem(text, hint="Does the bitstream meet its clock?"),)

    def lines(self) -> list[str]:
        """Return the figures as text."""
        rates = f"{self.frames / self.seconds:,.1f} frames/s, {(self.sent + self.received) / self.seconds:,.0f} bytes/s"
        found = [f"{self.name} on {self.port}: {self.frames:,} frames in {self.seconds:.2f} s, {rates}."]
        if self.recoveries:
            found.append(f"The line failed {self.recoveries} times; what got lost was sent again.")
        if self.accuracy is not None:
            found.append(f"Accuracy {self.accuracy:.4f} on {self.frames:,} frames.")
        if self.differences == 0:
            found.append(f"{self.elements:,} integers from the board, all equal to the golden model's.")
        return found


def run_board(
    folder: Path | None,
    port: str,
    inputs: Path,
    *,
    baud: int | None = None,
    frames: int | None = None,
    golden: bool = False,
    timeout: float = 2.0,
) -> BoardRun:
    """Send the frames of an npz to a board, and look at its answers.

    Parameters
    ----------
    folder
        Output folder of a build; None for the only one under ``build``.
    port
        Serial port.
    inputs
        An array for each model input in ONNX layout; ``labels`` may hold the class of each frame.
    baud
        Rate of the line; the design's default if None.
    frames
        How many of them; all if None.
    golden
        Whether to compute the golden model too and to compare.
    timeout
        Seconds that an answer may take.

    Raises
    ------
    UserError
        The folder, the port, the arrays or the board do not fit each other.
    UnsupportedError
        The design has no UART shell.
    """
    folder = only_build(FACTS, "one design with a UART shell") if folder is None else folder
    facts = _facts(folder)
    arrays, labels = _arrays(inputs, facts["model_inputs"], frames)
    try:
        with Uart.open(port, baud, folder / FACTS.parent, timeout=timeout) as board:
            given = board.model.to_ports(arrays)
            sent, received, start = board.sent, board.received, time.perf_counter()
            answers = board.run_integers(given)
            seconds = max(time.perf_counter() - start, 1e-9)
            outputs = board.model.from_ports(answers, arrays)
            return BoardRun(
                name=facts["name"],
                port=port,
                baud=baud or facts["baud"],
                frames=_count(given),
                seconds=seconds,
                sent=board.sent - sent,
                received=board.received - received,
                recoveries=board.recoveries,
                accuracy=None if labels is None else _accuracy(outputs, labels),
                elements=sum(values.size for values in answers.values()),
                differences=_differences(folder, given, answers) if golden else None,
            )
    except AcceleratorError as error:
        raise UserError(str(error), hint=error.hint) from error


def _facts(folder: Path) -> dict[str, Any]:
    """Return what the folder says of its UART shell."""
    if (folder / FACTS).is_file():
        facts: dict[str, Any] = artifacts.read_json(folder / FACTS)
        return facts
    if (folder / PLAN).with_suffix(".json").is_file():
        why = obstacle(artifacts.restore(folder / PLAN, Plan))
        if why is not None:
            raise UnsupportedError(f"{folder}: {why}")
    raise UserError(f"{folder} holds no finished build (there is no {FACTS}).", hint="Try hwgen build.")


def _arrays(
    path: Path, inputs: Mapping[str, Any], frames: int | None
) -> tuple[dict[str, Array], npt.NDArray[np.int64] | None]:
    """Return the first frames of an npz and their labels."""
    try:
        found = artifacts.read_npz(path)
    except FileNotFoundError as error:
        raise UserError(f"Input file {path} does not exist.", hint="Make one with numpy.savez.") from error
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise UserError(f"Input file {path} must be an npz of number arrays.") from error
    labels = None if LABELS in inputs else found.pop(LABELS, None)
    if len(inputs) == len(found) == 1:
        found = {next(iter(inputs)): next(iter(found.values()))}
    arrays = {name: array[:frames] if array.ndim else array for name, array in found.items()}
    if labels is None:
        return arrays, None
    labels = labels[:frames]
    counts = {len(array) for name, array in arrays.items() if name in inputs and array.ndim}
    if labels.ndim != 1 or labels.dtype.kind not in "iu" or counts - {len(labels)}:
        raise UserError(f"Array {LABELS} must hold one integer for each frame, not {labels.dtype} {labels.shape}.")
    return arrays, labels.astype(np.int64)


def _accuracy(outputs: Mapping[str, Array], labels: npt.NDArray[np.int64]) -> float:
    answer = next(iter(outputs.values()))
    flat = answer.reshape(len(answer), -1)
    classes = flat.argmax(axis=1) if flat.shape[1] > 1 else flat[:, 0]
    return float(np.mean(classes == labels))


def _count(arrays: Mapping[str, Array]) -> int:
    return len(next(iter(arrays.values())))


def _differences(folder: Path, given: Mapping[str, Ints], answers: Mapping[str, Ints]) -> int:
    """Return how many of the board's integers are not those of the golden model."""
    from hwgen.ops.lowered import Lowered
    from hwgen.passes import golden

    graph = artifacts.restore(folder / LOWERED, Lowered).graph
    tensor = {port.name: port.tensor for port in artifacts.restore(folder / PLAN, Plan).ports}
    expected = golden.run(graph, {tensor[name]: values for name, values in given.items()}, graph.outputs)
    return sum(int(np.sum(expected[tensor[name]] != values)) for name, values in answers.items())
