# SPDX-License-Identifier: Apache-2.0
"""The options that several commands share, with what ``--help`` says of them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from hwgen.request import Request, parse_changes, parse_shapes, parse_types

Model = Annotated[Path, typer.Argument(help="ONNX file, quantised, opset 9 to 23.", metavar="MODEL")]
BoardOption = Annotated[str | None, typer.Option("--board", help="A name of `hwgen boards`, or a YAML file.")]
BudgetOption = Annotated[Path | None, typer.Option("--budget", help="YAML: board, clock_mhz, limits, target ...")]
ClockOption = Annotated[float | None, typer.Option("--clock-mhz", help="Wins over the budget and the board.")]
SetOption = Annotated[
    list[str] | None,
    typer.Option("--set", help="A key of the budget: limits.lut=80%, target=min_latency.", metavar="KEY=VALUE"),
]
InputsOption = Annotated[
    Path | None, typer.Option("--inputs", help="npz with an array for each model input, and labels.")
]
ShapeOption = Annotated[
    list[str] | None,
    typer.Option(
        "--shape", help="Sizes that the file leaves open: NAME=1,3,224,224, or AXIS=224.", metavar="NAME=SIZES"
    ),
]
TypeOption = Annotated[
    list[str] | None,
    typer.Option("--input-type", help="An input that holds integers: NAME=int8.", metavar="NAME=TYPE"),
]
CalibOption = Annotated[Path | None, typer.Option("--calib", help="npz with frames to quantise a float model with.")]
LayersOption = Annotated[
    str | None,
    typer.Option(
        "--layers",
        help="With --verify layers: processes to compile and simulate alone, or how many of different shape.",
        metavar="NAME,NAME|N",
    ),
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, errors too.")]


def asked(
    model: Path,
    board: str | None = None,
    budget: Path | None = None,
    clock_mhz: float | None = None,
    changes: list[str] | None = None,
    shape: list[str] | None = None,
    input_type: list[str] | None = None,
    calib: Path | None = None,
) -> Request:
    """Return the request that these options make.

    Raises
    ------
    UserError
        An option's text has not the form that its help shows.
    """
    shapes, types = parse_shapes(shape or ()), parse_types(input_type or ())
    tree = parse_changes(changes or ())
    return Request(model, board, budget, clock_mhz, shapes=shapes, input_types=types, calib=calib, changes=tree)
