# SPDX-License-Identifier: Apache-2.0
"""`#pragma HLS BIND_OP`: from the variable that it names to the operation that writes it.

The directive becomes a call with the variable's address, which clang keeps. When everything is inlined, `opt_worker`
follows the stores to that address back to the operation, which becomes a call that LLVM can neither fold nor merge with
another; the lowering turns it into a bound multiplication. C simulation drops the calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.ir import Binding

if TYPE_CHECKING:
    from hwgen.hlsc.pragmas import Directive

MARK = "__hwgen_bind_"
DECLARED = "".join(f'extern "C" void {MARK}{op}(const volatile void*, int);\n' for op in ("mul", "add", "sub"))
_CALL = re.compile(rf"^ *(?:tail )?(?:call|declare) .*@{MARK}\w+\(.*\n", re.MULTILINE)
_MISSING = re.compile(r"^; hwgen\.bind (\d+) (\w+)$", re.MULTILINE)
_OPERATION = {"mul": "a multiplication", "add": "an addition", "sub": "a subtraction"}


def _refusal(directive: Directive, rule: str, fix: str) -> HlsError:
    return HlsError(rule, file=directive.file, line=directive.line, fix=fix)


def mark(directive: Directive, number: int) -> str:
    """Return the C++ that stands for directive `number`.

    Raises
    ------
    HlsError
        For a directive that lacks an argument, or that asks for what no operation can have.
    """
    args = directive.args
    for key in ("variable", "op", "impl"):
        if key not in args:
            example = "Write #pragma HLS BIND_OP variable=p op=mul impl=dsp."
            raise _refusal(directive, f"BIND_OP must name {key}.", example)
    op, impl = args["op"].lower(), args["impl"].lower()
    if op != "mul" and impl == "dsp":
        raise _refusal(directive, f"BIND_OP's impl must be fabric where op is {op}, not dsp.", "Bind multiplications.")
    if impl == "fabric" and int(args.get("latency", -1)) >= 0:
        what = "BIND_OP's latency must be asked for with impl=dsp only; what is made of LUTs is pipelined by the clock."
        raise _refusal(directive, what, "Remove latency.")
    return f"{MARK}{op}(__builtin_addressof({args['variable']}), {number});"


def binding(directive: Directive) -> Binding:
    """Return what a directive says of its multiplication."""
    latency = int(directive.args.get("latency", -1))
    dsp = directive.args["impl"].lower() == "dsp"
    return Binding("dsp" if dsp else "fabric", None if latency < 0 else latency)


def without_marks(text: str) -> str:
    """Return an LLVM module without the calls that stand for directives."""
    return _CALL.sub("", text) if MARK in text else text


@contextmanager
def explained(directives: Sequence[Directive]) -> Iterator[None]:
    """Turn an error of clang at a mark into a sentence about its directive."""
    try:
        yield
    except HlsError as problem:
        for directive in directives:
            if directive.name == "BIND_OP" and (directive.file, directive.line) == (problem.file, problem.line):
                variable = directive.args["variable"]
                rule = f"BIND_OP's variable {variable} must be a local variable that is declared before the pragma."
                raise _refusal(directive, rule, "Put the pragma behind the variable's declaration.") from None
        raise


def check_found(text: str, directives: Sequence[Directive]) -> None:
    """Refuse the directives for which `opt_worker` found no operation.

    Raises
    ------
    HlsError
        At the directive.
    """
    for match in _MISSING.finditer(text):
        directive = directives[int(match[1])]
        variable, what = directive.args["variable"], _OPERATION[directive.args["op"].lower()]
        if match[2] == "twice":
            rule = f"The operation that BIND_OP's variable {variable} is assigned must be bound once."
            raise _refusal(directive, rule, "Keep one of the pragmas.")
        rule = f"BIND_OP's variable {variable} must be a local variable that is assigned the result of {what}."
        raise _refusal(directive, rule, f"Give {what} a variable of its own, and name that one.")
