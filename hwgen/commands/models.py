# SPDX-License-Identifier: Apache-2.0
"""The commands about a model alone: what is in it, and its quantisation."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen import console
from hwgen.commands.options import BudgetOption, CalibOption, JsonOption, Model, ShapeOption, TypeOption, asked
from hwgen.graph.source import SourceModel
from hwgen.tables import inspect_lines


def inspect(
    model: Model,
    budget: BudgetOption = None,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """List a model's layers: shapes, types, MACs, parameters, bit operations. Float models too; writes nothing."""
    from hwgen.inspect_model import inspect_model

    facts = inspect_model(_read(model, budget, shape, input_type))
    if as_json:
        console.print_json(facts)
    else:
        console.print_lines(inspect_lines(facts))


def quantize(
    model: Model,
    out: Annotated[Path, typer.Option("--out", help="ONNX file to write.")],
    calib: CalibOption = None,
    weights: Annotated[int | None, typer.Option("--weights", help="Bits of weights, 2 to 8; 8 if absent.")] = None,
    acts: Annotated[int | None, typer.Option("--acts", help="Bits of activations, 2 to 8; 8 if absent.")] = None,
    method: Annotated[str | None, typer.Option("--method", help="adaptive or nearest.")] = None,
    calibration: Annotated[str | None, typer.Option("--calibration", help="minmax, percentile or mse.")] = None,
    evaluation: Annotated[Path | None, typer.Option("--eval", help="npz with frames to measure the result on.")] = None,
    budget: BudgetOption = None,
    seed: Annotated[int, typer.Option("--seed", help="Seed of random calibration frames.")] = 0,
    shape: ShapeOption = None,
    input_type: TypeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Quantise a float model: an ONNX file with QONNX quantisers, and how near it is to the float model."""
    from hwgen.config import load_quantize
    from hwgen.ptq import quantise_model, write_file

    given = {"weights": weights, "acts": acts, "method": method, "calibration": calibration}
    options = load_quantize(budget, {key: value for key, value in given.items() if value is not None})
    assert options is not None
    result = quantise_model(_read(model, budget, shape, input_type), options, calib, evaluation, seed)
    write_file(result.onnx, out)
    console.print_warnings(result.warnings)
    if as_json:
        console.print_json({"ok": True, "model": model.name, "out": str(out), "quantize": result.facts})
    else:
        console.print_quantisation(result.facts, out)


def _read(model: Path, budget: Path | None, shape: list[str] | None, input_type: list[str] | None) -> SourceModel:
    """Return the model; the command line wins over what the budget says of its inputs."""
    from hwgen import frontend
    from hwgen.config import load_inputs

    known, request = load_inputs(budget), asked(model, shape=shape, input_type=input_type)
    return frontend.load(
        model,
        name=request.name,
        shapes={**known.shapes, **request.shapes},
        input_types={**known.input_types, **request.input_types},
    )
