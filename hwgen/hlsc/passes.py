# SPDX-License-Identifier: Apache-2.0
"""Runs LLVM's passes in a process of their own, so that a crash there is a sentence here."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from pathlib import Path

from hwgen.errors import InternalError
from hwgen.hlsc import cache
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.mangle import identifier

_WORKER = Path(__file__).with_name("opt_worker.py")
_SECONDS = 1800
"""Of processor time, which other programs on the machine do not use up."""


def find(text: str, function: str, file: str) -> str:
    """Return the symbol of C++ function `function`, which the module `text` must define once."""
    names: list[tuple[str, str]] = re.findall(r'^define [^@\n]*@(?:"([^"]+)"|([\w.$]+))\(', text, re.MULTILINE)
    symbols = [quoted or plain for quoted, plain in names]
    found = [s for s in symbols if not s.startswith("_ZN") and identifier(s) == function]
    if len(found) == 1:
        return found[0]
    if found:
        raise HlsError(
            f"Function {function} must be defined once, not {len(found)} times.",
            file=file,
            line=1,
            fix="Give the overloads different names.",
        )
    raise HlsError(
        f"Function {function} must be defined in this file.",
        file=file,
        line=1,
        fix="Write void " + function + "(hls::stream<...>& in0, ...) at namespace scope.",
    )


def inlined(text: str, symbol: str) -> frozenset[str]:
    """Return the names in C++ of the functions that a module's function `symbol` calls, and those that they call."""
    parts = re.split(r'^define [^@\n]*@(?:"([^"]+)"|([\w.$]+))\(', text, flags=re.MULTILINE)
    bodies = {quoted or plain: body for quoted, plain, body in zip(parts[1::3], parts[2::3], parts[3::3], strict=True)}
    found, work = {symbol}, [symbol]
    while work:
        called = re.findall(r'\bcall [^@\n]*@"?([\w.$]+)', bodies[work.pop()])
        work += [name for name in dict.fromkeys(called) if name in bodies and name not in found]
        found.update(work)
    return frozenset(map(identifier, found - {symbol}))


def optimise(text: str, symbol: str) -> str:
    """Inline everything into one function of a module, unroll the marked loops and simplify.

    Parameters
    ----------
    text
        Textual LLVM module as clang wrote it.
    symbol
        Mangled name of the function.

    Raises
    ------
    InternalError
        When LLVM crashes, or takes longer than half an hour of processor time.
    """
    name = cache.key("passes", _WORKER.read_text(), _version(), symbol, text)
    return cache.remember(name, ".opt.ll", lambda: _run(text, symbol))


def _version() -> str:
    from importlib.metadata import version

    return version("llvmlite")


def _run(text: str, symbol: str, *options: str) -> str:
    argv = [sys.executable, "-I", str(_WORKER), symbol, str(_SECONDS), *options]
    done = subprocess.run(argv, input=text, capture_output=True, text=True, check=False)
    if done.returncode == -signal.SIGXCPU:
        took = f"{_SECONDS} s of processor time"
        raise InternalError(f"LLVM must finish within {took}, and did not (function {symbol}).")
    if done.returncode < 0 and not options and "NewGVN" in done.stderr:
        return _run(text, symbol, "plain")
    if done.returncode != 0:
        last = next((line for line in reversed(done.stderr.splitlines()) if line.strip()), "it printed nothing")
        raise InternalError(f"LLVM ended with code {done.returncode} (function {symbol}): {last.strip()}.")
    return done.stdout
