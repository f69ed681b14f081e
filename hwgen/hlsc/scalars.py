# SPDX-License-Identifier: Apache-2.0
"""Scalar parameters of a process: all of them are one word of a stream, which the process reads when a frame starts.

The function is rewritten before LLVM sees it. It reads a word of the stream `ARGUMENTS` first and takes the scalars
apart, the first one lowest; when it returns it writes a word to the stream `DONE`, an AXI response that is always 0. So
a frame starts when its scalars come, and nothing that happens to them later changes it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from hwgen.hlsc import mangle
from hwgen.hlsc.body import error
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.interfaces import SCALAR_BITS, Parameter, parameter
from hwgen.hlsc.ir import Loc, Process, Scalar, Stream
from hwgen.hlsc.llparse import Function

ARGUMENTS = "args"
DONE = "done"
DONE_BITS = 2
_WORD = f"%{ARGUMENTS}.word"


def bits_of(scalars: Sequence[Scalar]) -> int:
    """Return the bits of the word that carries all scalars."""
    return sum(scalar.width for scalar in scalars)


def declared(process: Process) -> tuple[Stream, ...]:
    """Return the streams of a process that are parameters in C++."""
    return tuple(s for s in process.streams if not process.scalars or s.name not in (ARGUMENTS, DONE))


def packed(scalars: Sequence[Scalar], values: Mapping[str, int]) -> int:
    """Return the word of the stream `ARGUMENTS` for values of all scalars, which may be negative."""
    return sum((values[s.name] & ((1 << s.width) - 1)) << s.low for s in scalars)


def as_stream(text: str, symbol: str) -> tuple[str, tuple[Scalar, ...]]:
    """Return an LLVM module whose function `symbol` reads its scalars from a stream, and the scalars.

    Parameters
    ----------
    text
        Module as clang wrote it.
    symbol
        The process.

    Returns
    -------
    tuple
        The module itself where the function has no scalars, or parameters that are neither these nor streams, or a
        stream of the same name as one that would be added: it is refused later, with its place.
    """
    quoted = symbol if re.fullmatch(r"[\w.$]+", symbol) else f'"{symbol}"'
    header = re.compile(rf"^(define [^@\n]*@{re.escape(quoted)}\()(.*)(\)[^()\n]*\{{\n(?:[\w.]+:.*\n)?)", re.MULTILINE)
    match = header.search(text)
    kinds = mangle.parameters(symbol) or ()
    parts = match[2].split(", ") if match else []
    if match is None or len(parts) != len(kinds):
        return text, ()
    structs = mangle.struct_bits(text)
    names = [part.rpartition("%")[2] for part in parts]
    known = [parameter(name.removesuffix(".coerce"), kind, structs) for name, kind in zip(names, kinds, strict=True)]
    given = [(part, p) for part, p in zip(parts, known, strict=True) if p and p.kind == "scalar"]
    clash = any(p and p.kind == "stream" and p.name in (ARGUMENTS, DONE) for p in known)
    if not given or clash or any(p is None or p.kind == "memory" for p in known):
        return text, ()
    scalars = _layout([p for _, p in given])
    streams = [part for part, p in zip(parts, known, strict=True) if p and p.kind == "stream"]
    total = bits_of(scalars)
    lines = [f"  {_WORD} = load volatile i{total}, ptr %{ARGUMENTS}, align 1"]
    for (part, _), scalar in zip(given, scalars, strict=True):
        lines += _field(part, scalar, total)
    end = text.index("\n}\n", match.end())
    answer = f"  store volatile i{DONE_BITS} 0, ptr %{DONE}, align 1\n"
    body = text[match.end() : end].replace("  ret void", f"{answer}  ret void")
    start = f"{match[1]}{', '.join([*streams, f'ptr %{ARGUMENTS}', f'ptr %{DONE}'])}{match[3]}"
    return text[: match.start()] + start + "\n".join(lines) + "\n" + body + text[end:], scalars


def _layout(parameters: Sequence[Parameter]) -> tuple[Scalar, ...]:
    found: list[Scalar] = []
    for one in parameters:
        found.append(Scalar(one.name, one.bits, bits_of(found)))
    return tuple(found)


def _field(part: str, scalar: Scalar, total: int) -> list[str]:
    """Return the instructions that give a parameter of a definition its value, as LLVM would pass it."""
    stem, name = f"%{scalar.name}.args", part.rpartition("%")[2]
    kind = part.split()[0]
    target = "i64" if kind == "ptr" else kind
    wide = int(target[1:])
    lines = [f"  {stem}.low = lshr i{total} {_WORD}, {scalar.low}"]
    cast = "bitcast" if total == scalar.width else "trunc"
    lines.append(f"  {stem}.bits = {cast} i{total} {stem}.low to i{scalar.width}")
    cast = "bitcast" if wide == scalar.width else "zext"
    value = f"{stem}.value" if kind == "ptr" else f"%{name}"
    lines.append(f"  {value} = {cast} i{scalar.width} {stem}.bits to {target}")
    if kind == "ptr":
        lines += [f"  %{name} = alloca i64, align 8", f"  store i64 {value}, ptr %{name}, align 8"]
    return lines


def parameter_streams(
    function: Function, mangled: str, structs: Mapping[mangle.Name, int], scalars: Sequence[Scalar], loc: Loc | None
) -> dict[str, int]:
    """Return the streams of a function after `as_stream`: local name -> width.

    Raises
    ------
    HlsError
        For a parameter that is neither a stream nor a scalar.
    """
    kinds = mangle.parameters(mangled)
    names = [local for local, _ in function.params]
    if scalars:
        own = {f"%{ARGUMENTS}": bits_of(scalars), f"%{DONE}": DONE_BITS}
        widths = [bits for kind in kinds or () if (bits := mangle.stream_bits(kind, structs)) is not None]
        return dict(zip(names[: len(widths)], widths, strict=True)) | own
    found: dict[str, int] = {}
    for index, local in enumerate(names):
        kind = kinds[index] if kinds and index < len(kinds) else None
        width = mangle.stream_bits(kind, structs) if kind else None
        if width is None:
            raise _refusal(local[1:].removesuffix(".coerce"), kind, structs, loc)
        found[local] = width
    return found


def _refusal(name: str, kind: mangle.Name | None, structs: Mapping[mangle.Name, int], loc: Loc | None) -> HlsError:
    """Return why a parameter is refused."""
    if kind is not None and (known := parameter(name, kind, structs)) and known.kind == "scalar":
        rule = f"A process with scalars, as {name}, must have no stream called {ARGUMENTS} or {DONE}, and no pointer."
        return error(loc, rule, "Rename the stream; make a process with pointers a black box.")
    rule = f"Parameter {name} must be a reference to hls::stream or a scalar of at most {SCALAR_BITS} bits"
    fix = "Pass hls::stream<ap_uint<W>>& for data, and ap_int, ap_uint, bool or C++'s integers by value."
    return error(loc, f"{rule}, not {kind or 'of unknown type'}.", fix)
