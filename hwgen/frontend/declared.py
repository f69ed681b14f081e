# SPDX-License-Identifier: Apache-2.0
"""The sizes and types of the model's inputs: what the file says, what the user adds, and one frame."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from hwgen.errors import Problem, UserError, did_you_mean
from hwgen.frontend.draft import Draft, Port
from hwgen.graph.source import IntegerType

Size = int | str | None


def with_shapes(draft: Draft, shapes: Mapping[str, Sequence[int]], *, as_in_file: bool = False) -> Draft:
    """Return the draft with sizes that the file leaves open set, and one frame on every input.

    Parameters
    ----------
    shapes
        The whole shape of an input by its name, or one size by the name of a symbolic axis, which is then set
        wherever it stands.
    as_in_file
        Take any fixed shape: a batch of more than one frame, and a scalar, which has none.

    Raises
    ------
    UserError
        A name is unknown, a shape contradicts the file, a batch other than 1 is fixed, or an axis stays open; all
        findings together.
    """
    symbols = {size for port in draft.inputs for size in port.dims or () if isinstance(size, str)}
    known = [*(port.name for port in draft.inputs), *sorted(symbols)]
    problems = [
        Problem(f"--shape names {name}, which is no model input and no symbolic axis.", hint=did_you_mean(name, known))
        for name in shapes
        if name not in known
    ]
    sizes = {name: shapes[name][0] for name in symbols & set(shapes) if len(shapes[name]) == 1}
    ports = []
    for port in draft.inputs:
        dims = None if port.dims is None else tuple(sizes.get(str(size), size) for size in port.dims)
        wanted = shapes.get(port.name)
        problems += [] if wanted is None else _contradictions(port.name, dims, wanted)
        ports.append(replace(port, dims=dims if wanted is None else tuple(wanted)))
        ports[-1] = ports[-1] if as_in_file else _without_zeros(ports[-1])
    kept = {port.name for port in ports if as_in_file and _fixed(port)}
    problems += [problem for port in ports if port.name not in kept for problem in _open_ends(port)]
    if problems:
        raise UserError(problems)
    frames = (p if p.name in kept or not p.dims else replace(p, dims=(1, *p.dims[1:])) for p in ports)
    return replace(draft, inputs=tuple(frames))


def _without_zeros(port: Port) -> Port:
    """Return the port with open axes where the file says 0 or less, as exporters write what they do not know."""
    if port.dims is None:
        return port
    return replace(port, dims=tuple(None if isinstance(size, int) and size < 1 else size for size in port.dims))


def _fixed(port: Port) -> bool:
    return port.dims is not None and all(isinstance(size, int) for size in port.dims)


def _contradictions(name: str, dims: Sequence[Size] | None, wanted: Sequence[int]) -> Iterator[Problem]:
    """Yield where a shape asked for is not the file's; the batch may be changed."""
    if dims is None:
        return
    if len(dims) != len(wanted):
        yield Problem(f"--shape {name} must have {len(dims)} axes as in the file, not {len(wanted)}.")
        return
    for axis, (size, new) in enumerate(zip(dims, wanted, strict=True)):
        if axis and isinstance(size, int) and size != new:
            yield Problem(f"Axis {axis} of --shape {name} must be {size} as in the file, not {new}.")


def _open_ends(port: Port) -> Iterator[Problem]:
    if not port.dims:
        what = "no shape" if port.dims is None else "no axes"
        hint = f"Set it: --shape {port.name}=1,... with the batch first, or export the model with fixed shapes."
        yield Problem(f"Model input {port.name} has {what}.", hint=hint)
        return
    batch = port.dims[0]
    sizes = ",".join(str(size) if isinstance(size, int) else str(size or "N").upper() for size in port.dims[1:])
    hint = f"Set it: --shape {port.name}=1,{sizes}."
    if isinstance(batch, int) and batch != 1:
        yield Problem(
            f"The batch (axis 0) of model input {port.name} must be 1 or symbolic, not {batch}.",
            hint=f"{hint[:-1]}, or make axis 0 dynamic on export (dynamic_axes={{NAME: {{0: 'batch'}}}}).",
        )
    for axis, size in enumerate(port.dims[1:], 1):
        if not isinstance(size, int):
            symbol = f" ({size})" if size else ""
            text = f"Axis {axis}{symbol} of model input {port.name} is dynamic; hardware needs a fixed size."
            yield Problem(text, hint=hint)


def declared_types(names: Sequence[str], types: Mapping[str, str]) -> dict[str, IntegerType]:
    """Return the integers that model inputs are declared to hold, ``int8`` and the like read.

    Raises
    ------
    UserError
        A name is no model input, or a type is none.
    """
    problems: list[Problem] = []
    found: dict[str, IntegerType] = {}
    for name, text in types.items():
        if name not in names:
            message = f"--input-type names {name}, which is no model input that anything reads."
            problems.append(Problem(message, hint=did_you_mean(name, names)))
            continue
        try:
            found[name] = IntegerType.parse(text, f"The type of --input-type {name}")
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(problems)
    return found
