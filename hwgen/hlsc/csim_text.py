# SPDX-License-Identifier: Apache-2.0
"""The text of a process's LLVM module, rewritten so that its streams are buffers in memory."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

_RUNTIME = Path(__file__).with_name("csim_runtime.ll")
_NAME = r'(?:[\w.$-]+|"[^"]*")'
_ACCESS = re.compile(
    rf"^(?P<head>\s*(?:%{_NAME} = (?P<load>load)|store)) volatile (?P<type>i(?P<bits>\d+)(?: [^,]+)?), "
    rf"ptr (?P<stream>%{_NAME}), align \d+.*$",
    re.MULTILINE,
)
_WAITS = re.compile(r"^declare .*@hwgen_stream_waits\(.*$", re.MULTILINE)
_TARGET = re.compile(r"^target (?:datalayout|triple) = .*$", re.MULTILINE)


def asks(text: str) -> bool:
    """Return whether a module has non-blocking reads."""
    return _WAITS.search(text) is not None


def instrument(text: str, symbol: str, types: Sequence[str]) -> str:
    """Replace volatile accesses by accesses at the cursors of the stream they are made on.

    Parameters
    ----------
    text
        Module as clang made it, in which every volatile access is one of a stream.
    symbol, types
        The process, and LLVM's types of its parameters.

    Returns
    -------
    str
        A module for any target that defines `hwgen.call`, which takes the arguments of the process and calls it.
    """
    number = 0

    def access(match: re.Match[str]) -> str:
        nonlocal number
        number += 1
        at, move = f"%hwgen.at.{number}", "pop" if match["load"] else "push"
        place = f"  {at} = call ptr @hwgen.{move}(ptr {match['stream']}, i64 {int(match['bits']) // 8})\n"
        return f"{place}{match['head']} {match['type']}, ptr {at}, align 1"

    text = _ACCESS.sub(access, _TARGET.sub("", _WAITS.sub("", text)))
    return "\n".join((text, _RUNTIME.read_text(), _entry(symbol, types)))


def _entry(symbol: str, types: Sequence[str]) -> str:
    """Return `hwgen.call`: the process ends where it returns, and where it reads an empty stream."""
    quoted = symbol if re.fullmatch(r"[\w.$]+", symbol) else f'"{symbol}"'
    parameters = ", ".join(f"{kind} %s{number}" for number, kind in enumerate(types))
    return f"""define void @hwgen.call({parameters}) {{
  %again = call i32 @_setjmp(ptr @hwgen.leave) returns_twice
  %first = icmp eq i32 %again, 0
  br i1 %first, label %run, label %left
run:
  call void @{quoted}({parameters}) noinline
  br label %left
left:
  ret void
}}
"""
