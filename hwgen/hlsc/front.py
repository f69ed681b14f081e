# SPDX-License-Identifier: Apache-2.0
"""The front half in one call: C++ source to the IR of one process."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from hwgen.hlsc import ir
from hwgen.hlsc.clang import compile_unit
from hwgen.hlsc.directives import check_process
from hwgen.hlsc.elastic import check
from hwgen.hlsc.interfaces import Parameter, read_interfaces
from hwgen.hlsc.lldebug import shortener
from hwgen.hlsc.lower import lower
from hwgen.hlsc.passes import find, inlined, optimise
from hwgen.hlsc.scalars import as_stream


def read_process(source: Path, function: str, include: Sequence[Path] = ()) -> ir.Process:
    """Compile one process function to IR.

    Parameters
    ----------
    source
        C++ file that defines the function.
    function
        Its name, at namespace scope.
    include
        Folders searched for headers, in order.

    Raises
    ------
    HlsError
        For C++ errors, and for C++ outside the subset, with file and line in the kernel.
    """
    unit = compile_unit(source, include)
    symbol = find(unit.ll, function, str(source))
    text, scalars = as_stream(unit.ll, symbol)
    process = lower(optimise(text, symbol), symbol, function, unit.directives, scalars)
    parameters = [Parameter(stream.name, "stream", stream.width) for stream in process.streams]
    parameters += [Parameter(scalar.name, "scalar", scalar.width) for scalar in scalars]
    check_process(unit.directives, function, inlined(unit.ll, symbol))
    read_interfaces(unit.directives, function, parameters, top=False)
    short = shortener(source, include)
    process = replace(
        process,
        values=tuple(replace(v, loc=short(v.loc)) for v in process.values),
        roms=tuple(replace(r, loc=short(r.loc)) for r in process.roms),
        rams=tuple(replace(r, loc=short(r.loc)) for r in process.rams),
        writes=tuple(replace(w, loc=short(w.loc)) for w in process.writes),
        loc=short(process.loc),
    )
    check(process, source, unit.ll, include)
    return process
