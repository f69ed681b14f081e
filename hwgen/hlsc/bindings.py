# SPDX-License-Identifier: Apache-2.0
"""What directives ask of one array (storage, latency, a promise of independence) or of one multiplication."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from hwgen.hlsc import ir
from hwgen.hlsc.directives import Directive
from hwgen.hlsc.variables import Variables

_MISSING = re.compile(r"^; hwgen\.bind (\d+) (\w+)$", re.MULTILINE)
_OPERATION = {"mul": "a multiplication", "add": "an addition", "sub": "a subtraction"}
_STORAGE: Mapping[str, ir.Storage] = {"auto": "auto", "lutram": "lutram", "bram": "bram", "uram": "uram"}


class Bound(NamedTuple):
    """Where an array is to be kept, and how many cycles after its address a word is to be there (None: free)."""

    storage: ir.Storage = "auto"
    latency: int | None = None


def bound(variables: Variables, object_: str, table: bool, initial: bool) -> Bound:
    """Return what BIND_STORAGE asks of an array.

    Parameters
    ----------
    variables
        The directives of the process.
    object_
        The array in LLVM's IR.
    table
        Whether it is never written.
    initial
        Whether it has initial contents.

    Raises
    ------
    HlsError
        For a type or an impl that the array cannot have, and for two directives that differ.
    """
    found: dict[Bound, Directive] = {}
    for directive in variables.of("BIND_STORAGE", object_):
        _type(directive, table)
        wanted = Bound(_STORAGE[directive.args.get("impl", "auto").lower()], _latency(directive))
        if wanted.storage == "uram" and initial:
            raise directive.refused(
                "An array with initial values must not be bound to uram: UltraRAM has no initial contents.",
                "Write impl=bram, or leave the initial values out.",
            )
        found[wanted] = directive
    if len(found) > 1:
        raise [*found.values()][-1].refused("An array must be bound to one storage.", "Keep one of the directives.")
    return next(iter(found), Bound())


def _latency(directive: Directive) -> int | None:
    text = directive.args.get("latency", "-1")
    return None if text == "-1" else int(text)


def _type(directive: Directive, table: bool) -> None:
    kind = directive.args.get("type", "").lower()
    variable = directive.args["variable"]
    if kind and kind.startswith("rom") != table:
        what = "is never written" if table else "is written"
        raise directive.refused(
            f"The type of {variable} must be one of a {'ROM' if table else 'RAM'}, not {kind}: the array {what}.",
            f"Write type={'rom_1p' if table else 'ram_2p'}.",
        )


def independent(variables: Variables, object_: str) -> bool:
    """Tell whether a DEPENDENCE says that no iteration reads what an earlier one, still running, writes.

    Raises
    ------
    HlsError
        For another DEPENDENCE that says the opposite.
    """
    found = {truth: d for d in variables.of("DEPENDENCE", object_) if (truth := _promises(d)) is not None}
    if len(found) > 1:
        raise found[False].refused("A dependence must be either true or false, not both.", "Keep one directive.")
    return found.get(True) is not None


def _promises(directive: Directive) -> bool | None:
    """Return whether a directive denies such reads; None where it is about something else."""
    args = {key: value.lower() for key, value in directive.args.items()}
    if "intra" in args or args.get("type", "inter") != "inter" or args.get("direction", "raw") != "raw":
        return None
    return "false" in args or args.get("dependent") == "false"


def operation(directive: Directive) -> ir.Binding:
    """Return what a BIND_OP says of its multiplication."""
    return ir.Binding("dsp" if directive.args["impl"].lower() == "dsp" else "fabric", _latency(directive))


def check_operations(text: str, directives: Sequence[Directive]) -> None:
    """Refuse the BIND_OPs for which `opt_worker` found no operation.

    Parameters
    ----------
    text
        The module as `passes.optimise` returned it.
    directives
        All directives of the source, in their order.

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
            raise directive.refused(rule, "Keep one of the pragmas.")
        rule = f"BIND_OP's variable {variable} must be a local variable that is assigned the result of {what}."
        raise directive.refused(rule, f"Give {what} a variable of its own, and name that one.")
