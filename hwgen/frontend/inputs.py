# SPDX-License-Identifier: Apache-2.0
"""Frames to verify with: seeded ones in the model's own range, or the user's npz in ONNX layout."""

from __future__ import annotations

import zipfile
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path

import numpy as np

from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.frontend.quant_nodes import limits
from hwgen.graph.source import Array, SourceModel, SourceNode

MIN_FRAMES = 3
"""Fewest frames of the default inputs."""

_LAYOUT = frozenset({"Reshape", "Flatten", "Transpose", "Squeeze", "Unsqueeze", "Identity"})


def default(model: SourceModel, frames: int = MIN_FRAMES, seed: int = 0) -> dict[str, Array]:
    """Return seeded frames for every model input, the same for the same model and seed.

    Inputs declared to hold integers use the declared range, other integer inputs their type's (64 bits: 0 to 255);
    floating-point ones are uniform over the range of the quantiser that reads them where there is one, else over
    [0, 1).

    Returns
    -------
    dict
        ``(max(frames, 3), *shape[1:])`` in the input's element type.
    """
    generator = np.random.default_rng(seed)
    count = max(frames, MIN_FRAMES)
    return {name: _random(model, name, (count, *model.shapes[name][1:]), generator) for name in model.inputs}


def _random(model: SourceModel, name: str, shape: tuple[int, ...], generator: np.random.Generator) -> Array:
    dtype = model.dtypes[name]
    declared = model.input_types.get(name)
    if declared is not None:
        step = 2 if declared.bits == 1 and declared.signed else 1
        levels = generator.integers(0, (declared.hi - declared.lo) // step, shape, endpoint=True)
        return (declared.lo + step * levels).astype(dtype)
    if dtype.kind == "b":
        return generator.integers(0, 2, shape).astype(dtype)
    if dtype.kind in "iu":
        info = np.iinfo(dtype)
        low, high = (info.min, info.max) if info.bits <= 16 else (0, 255)
        return generator.integers(low, high, shape, dtype=np.int64, endpoint=True).astype(dtype)
    low_f, high_f = float_range(model, name)
    return generator.uniform(low_f, high_f, shape).astype(dtype)


def float_range(model: SourceModel, name: str) -> tuple[float, float]:
    """Return the range of a floating-point input: its leading quantiser's, or 0 to 1 where there is none."""
    tensor = name
    while True:
        readers = [node for node in model.nodes if tensor in node.inputs]
        if len(readers) != 1:
            return 0.0, 1.0
        reader = readers[0]
        if reader.op in _LAYOUT and reader.inputs[0] == tensor:
            tensor = reader.outputs[0]
            continue
        found = _quantiser_range(model, reader)
        return found if found is not None and reader.inputs[0] == tensor else (0.0, 1.0)


def _quantiser_range(model: SourceModel, node: SourceNode) -> tuple[float, float] | None:
    constants = [model.constants.get(name) for name in node.inputs[1:]]
    if node.op == "BipolarQuant":
        return -1.0, 1.0
    if node.op not in ("Quant", "QuantizeLinear") or constants[0] is None:
        return None
    scale = float(np.min(constants[0]))
    if node.op == "Quant" and constants[1] is not None and constants[2] is not None:
        bits, zero = float(constants[2].reshape(-1)[0]), float(np.max(constants[1]))
        low, high = limits(bits, bool(node.attrs.get("signed", 1)), bool(node.attrs.get("narrow", 1)))
        return scale * (float(low) - zero), scale * (float(high) - zero)
    kind = model.dtypes[node.outputs[0]]
    if kind.kind not in "iu":
        return None
    point = constants[1] if len(constants) > 1 else None
    zero = 0.0 if point is None else float(point.reshape(-1)[0])
    return scale * (np.iinfo(kind).min - zero), scale * (np.iinfo(kind).max - zero)


def read_npz(model: SourceModel, path: Path, *, ignore: Collection[str] = ()) -> dict[str, Array]:
    """Return the frames of an npz file: an array for each model input, ONNX layout, first axis = frames.

    Where the model has one input and the file one array, the array's name does not matter. Arrays named in `ignore`
    (labels, say) may be there too, unless the model has an input of that name.

    Raises
    ------
    UserError
        The file is missing or no npz; names, shapes, types or numbers of frames do not fit, all reported together.
    """
    unread = set(ignore) - set(model.inputs)
    arrays = {name: array for name, array in _arrays(path).items() if name not in unread}
    if len(model.inputs) == 1 and len(arrays) == 1:
        arrays = {model.inputs[0]: next(iter(arrays.values()))}
    problems = [Problem(text, hint=hint) for text, hint in _name_problems(model, arrays, path)]
    given = {name: arrays[name] for name in model.inputs if name in arrays}
    for name, value in given.items():
        problems += [Problem(text, hint=hint) for text, hint in _value_problems(model, name, value)]
    counts = {name: len(value) for name, value in given.items() if value.ndim}
    if not problems and len(set(counts.values())) > 1:
        found = ", ".join(f"{name} has {count}" for name, count in counts.items())
        problems.append(Problem(f"All inputs must have the same number of frames: {found}."))
    if problems:
        raise UserError(problems)
    return {name: value.astype(model.dtypes[name]) for name, value in given.items()}


def _arrays(path: Path) -> dict[str, Array]:
    if not path.is_file():
        what = "is a folder" if path.is_dir() else "does not exist"
        raise UserError(f"Input file {path} {what}.", hint="Give an .npz file made with numpy.savez.")
    try:
        loaded = np.load(path, allow_pickle=False)
        if isinstance(loaded, np.ndarray):
            return {path.stem: loaded}
        with loaded:
            return {key: loaded[key] for key in loaded.files}
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise UserError(
            f"Input file {path} is not an npz of plain number arrays, or it is damaged.",
            hint="Make it with numpy.savez(path, name=array).",
        ) from error


def _name_problems(model: SourceModel, arrays: Mapping[str, Array], path: Path) -> Iterator[tuple[str, str]]:
    missing = [name for name in model.inputs if name not in arrays]
    extra = sorted(set(arrays) - set(model.inputs))
    for name in missing:
        yield f"Input file {path} has no array for model input {name}.", f"It holds: {', '.join(sorted(arrays))}."
    for name in [] if missing else extra:
        yield f"Input file {path} holds {name}, which is no model input.", did_you_mean(name, model.inputs)


def _value_problems(model: SourceModel, name: str, value: Array) -> Iterator[tuple[str, str]]:
    shape, dtype = model.shapes[name], model.dtypes[name]
    wanted = f"(frames, {', '.join(map(str, shape[1:]))})" if len(shape) > 1 else "(frames,)"
    if value.ndim != len(shape) or value.shape[1:] != shape[1:]:
        hint = "The layout is that of the ONNX model, with the frames on the first axis."
        yield f"Array {name} must have the shape {wanted}, not {value.shape}.", hint
        return
    if not len(value):
        yield f"Array {name} must hold at least one frame, not none.", ""
        return
    if value.dtype.kind not in "iufb" or (value.dtype.kind == "f" and dtype.kind not in "f"):
        yield f"Array {name} must be {dtype}, not {value.dtype}.", "Quantise it first, or convert it with astype."
    elif value.dtype.kind == "f" and not np.all(np.isfinite(value)):
        yield f"Array {name} must hold finite numbers, not NaN or infinity.", ""
    elif dtype.kind in "iu" and (int(value.min()) < np.iinfo(dtype).min or int(value.max()) > np.iinfo(dtype).max):
        yield f"Array {name} must fit {dtype}, not hold {int(value.min())} to {int(value.max())}.", ""
    else:
        yield from _declared_problems(model, name, value)


def _declared_problems(model: SourceModel, name: str, value: Array) -> Iterator[tuple[str, str]]:
    declared = model.input_types.get(name)
    if declared is None:
        return
    if not np.array_equal(value, np.rint(value)):
        yield f"Array {name} must hold integers as declared, not fractions.", ""
    elif value.min() < declared.lo or value.max() > declared.hi:
        found = f"{int(value.min())} to {int(value.max())}"
        yield f"Array {name} must fit {declared} as declared, not hold {found}.", "Declare a wider --input-type."
