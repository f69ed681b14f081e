# SPDX-License-Identifier: Apache-2.0
"""Quantisation of a float model as users meet it: files in, a quantised file and its figures out."""

from __future__ import annotations

import dataclasses
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from hwgen.errors import UserError

if TYPE_CHECKING:
    from hwgen.config import Quantize
    from hwgen.graph.source import Array, SourceModel
    from hwgen.quantize import Quantised
    from hwgen.quantize.measure import Agreement

RANDOM_FRAMES = 32
LABELS = ("labels",)
UNCALIBRATED = (
    "The model was calibrated on random inputs, so its accuracy on real data is unknown. Give real frames with --calib."
)


@dataclass(frozen=True, eq=False)
class Quantisation:
    """A quantised model with its figures.

    Parameters
    ----------
    onnx
        The file.
    facts
        Figures, JSON-ready.
    """

    onnx: bytes
    facts: dict[str, Any]

    @property
    def warnings(self) -> list[str]:
        """Sentences that the user must see."""
        found: list[str] = self.facts["warnings"]
        return found

    def load(self, name: str) -> SourceModel:
        """Import the file under a design's name."""
        from hwgen import frontend

        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / f"{name}.onnx"
            path.write_bytes(self.onnx)
            return frontend.load(path, name=name)


def quantise_model(
    model: SourceModel, options: Quantize, calib: Path | None, evaluation: Path | None = None, seed: int = 0
) -> Quantisation:
    """Quantise an imported float model.

    Parameters
    ----------
    calib
        npz with calibration frames; None draws random ones in the inputs' range.
    evaluation
        npz with other frames to measure the result on.
    seed
        Of random frames.

    Raises
    ------
    HwgenError
        A file, the options or the model do not fit.
    """
    from hwgen.frontend import inputs
    from hwgen.frontend.guard import guarded
    from hwgen.quantize import quantise

    if calib is not None:
        feeds = inputs.read_npz(model, calib, ignore=LABELS)
    else:
        feeds = inputs.default(model, RANDOM_FRAMES, seed)
    other = None if evaluation is None else inputs.read_npz(model, evaluation, ignore=LABELS)
    work = partial(quantise, model, feeds, options, other)
    result = guarded(work, f"{model.name} in onnxruntime", doing="Running", seconds=None)
    return Quantisation(result.onnx, _facts(result, options, calib, feeds))


def _facts(result: Quantised, options: Quantize, calib: Path | None, feeds: Mapping[str, Array]) -> dict[str, Any]:
    worst = result.worst
    return {
        "calibration": "random" if calib is None else calib.name,
        "frames": len(next(iter(feeds.values()))),
        "options": options.model_dump(mode="json"),
        **_agreement(result.calibration),
        "evaluation": None if result.evaluation is None else _agreement(result.evaluation),
        "worst_layer": None if worst is None else worst.name,
        "layers": [dataclasses.asdict(layer) for layer in result.layers],
        "power_of_two_factors": dict(result.factors),
        "warnings": [UNCALIBRATED] if calib is None else [],
    }


def _agreement(found: Agreement) -> dict[str, Any]:
    return {"output_sqnr_db": found.sqnr_db, "top1_agreement": found.top1, "frames": found.frames}


def write_file(data: bytes, path: Path) -> None:
    """Write a quantised model.

    Raises
    ------
    UserError
        The file cannot be written.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise UserError(f"{path} cannot be written: {reason}.", hint="Give another file with --out.") from error
