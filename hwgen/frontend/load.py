# SPDX-License-Identifier: Apache-2.0
"""Load an ONNX file: read, clean, simplify, infer shapes, check values."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from google.protobuf.message import EncodeError

from hwgen.errors import HwgenError, Problem, UnsupportedError, UserError
from hwgen.frontend import quant_nodes
from hwgen.frontend.bounds import check_elements
from hwgen.frontend.clean import clean
from hwgen.frontend.declared import declared_types, with_shapes
from hwgen.frontend.dialects import batch_first, channels_last, layer_norm, rewritten, transposed_gemm
from hwgen.frontend.draft import Draft, without_dead_code
from hwgen.frontend.fold import open_inputs, simplify, with_constants_lifted, with_weights_in_place
from hwgen.frontend.guard import guarded
from hwgen.frontend.read import read
from hwgen.frontend.shapes import complete, plain, standard_model, types_of, with_types
from hwgen.graph.naming import identifier
from hwgen.graph.source import Array, SourceModel

UNFIT = (
    *(ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError),
    EncodeError,
)
"""What Python and the ONNX libraries raise where the parts of a file do not fit together."""

_BOUNDS = frozenset({"Add", "Clip", "Min", "Max"})


def load(
    path: Path,
    *,
    name: str | None = None,
    shapes: Mapping[str, Sequence[int]] | None = None,
    input_types: Mapping[str, str] | None = None,
    as_in_file: bool = False,
) -> SourceModel:
    """Load an ONNX model of opset 9 to 23 and simplify it; docs/dialects.md lists the dialects that are read.

    Parameters
    ----------
    path
        The ``.onnx`` file; external data lie beside it.
    name
        Name of the design; made from the file name where absent, or the folder's where the file is ``model.onnx``.
    shapes
        Shapes of inputs, or sizes of symbolic axes, that the file leaves open.
    input_types
        Inputs that hold integers, by name: ``int8``, ``uint4`` ...; whatever their element type is.
    as_in_file
        Keep the inputs' shapes: batches other than 1, scalars. For whoever asks what a model means; what hardware is
        built from has one frame.

    Returns
    -------
    SourceModel
        One frame unless `as_in_file`, opset 13 or later, all shapes known; no node computes a constant except
        quantisers of weights.

    Raises
    ------
    UserError
        The file is not a valid model, or has dynamic shapes, or NaN or infinite weights.
    UnsupportedError
        The opset or an operator is unknown to hwgen's front end, or something in the file is too large.
    """
    path = Path(path)
    return guarded(partial(_loaded, path, name, shapes or {}, input_types or {}, as_in_file), str(path))


def _loaded(
    path: Path,
    name: str | None,
    shapes: Mapping[str, Sequence[int]],
    input_types: Mapping[str, str],
    as_in_file: bool,
) -> SourceModel:
    proto, sha256 = read(path)
    try:
        draft = with_shapes(clean(proto, str(path)), shapes, as_in_file=as_in_file)
        return _imported(draft, name or _name_of(path), sha256, input_types)
    except HwgenError:
        raise
    except MemoryError as error:
        message = f"{path} asks for more memory than this process may have."
        raise UnsupportedError(message, hint="Check the sizes of its tensors.") from error
    except UNFIT as error:
        message = f"{path} is damaged: its parts do not fit together ({plain(error).rstrip('.')})."
        raise UserError(message, hint="Check it with onnx.checker.check_model and export it again.") from error


def _name_of(path: Path) -> str:
    folder = path.resolve().parent.name
    return folder if path.stem == "model" and folder else path.stem


def _imported(draft: Draft, name: str, sha256: str, input_types: Mapping[str, str]) -> SourceModel:
    draft = rewritten(without_dead_code(with_constants_lifted(draft)))
    check_numbers(draft)
    draft = transposed_gemm.straightened(simplify(draft))
    draft = batch_first.rewritten(layer_norm.fused(channels_last.rewritten(draft)))
    check_numbers(draft)
    _check_graph(draft)
    draft = with_weights_in_place(draft)
    draft = replace(draft, inputs=open_inputs(draft))
    model = with_types(standard_model(draft, identifier(name, "model")), strict=True)
    sizes, dtypes = complete(draft, *types_of(model))
    check_elements(sizes)
    ports = tuple(port.name for port in draft.inputs)
    return SourceModel(
        name=identifier(name, "model"),
        opset=draft.opset,
        nodes=draft.nodes,
        constants=draft.constants,
        inputs=ports,
        outputs=draft.outputs,
        shapes=sizes,
        dtypes=dtypes,
        sha256=sha256,
        serialized=_checked(model),
        notes=draft.notes,
        input_types=declared_types(ports, input_types),
    )


def _check_graph(draft: Draft) -> None:
    """Refuse outputs that depend on no input, and quantisers whose parameters are wrong; report all of them."""
    constant = [name for name in draft.outputs if name in draft.constants]
    problems = [Problem(f"Model output {name} is a constant; it depends on no model input.") for name in constant]
    problems += quant_nodes.check(draft.nodes, draft.constants)
    if problems:
        raise UserError(problems)


def check_numbers(draft: Draft) -> None:
    """Refuse NaN and infinite constants and attributes, all at once; infinite bounds and masks are fine."""
    bounds = {name for node in draft.nodes if node.op in _BOUNDS for name in node.inputs}
    problems = [p for name, value in draft.constants.items() for p in _number_problem(name, value, name in bounds)]
    problems += [
        Problem(f"Attribute {key} of {node.op} must be finite, not {value}.", node.name)
        for node in draft.nodes
        for key, value in node.attrs.items()
        if isinstance(value, float) and not math.isfinite(value)
    ]
    if problems:
        raise UserError(problems)


def _number_problem(name: str, value: Array, bound: bool) -> Iterator[Problem]:
    if value.dtype.kind != "f" or np.all(np.isfinite(value)):
        return
    nans, infinite = int(np.isnan(value).sum()), int(np.isinf(value).sum())
    if nans or not bound:
        found = " and ".join(f"{n} {what}" for n, what in ((nans, "NaN"), (infinite, "infinite")) if n)
        hint = "Train or export the model again; hardware has no such numbers."
        yield Problem(f"Tensor {name} must hold finite numbers, not {found} of {value.size}.", hint=hint)


def _checked(model: onnx.ModelProto) -> bytes:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise UserError(f"The model is not valid ONNX: {plain(error)}") from error
    return bytes(model.SerializeToString(deterministic=True))
