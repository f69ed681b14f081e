# SPDX-License-Identifier: Apache-2.0
"""Directives about variables, from what `variable=` names to the object, or the operation, in LLVM's IR.

A directive becomes a call with the variable's address, which clang looks up as C++ does: a local, a static, a constant
of a namespace, a member, or a parameter. When everything is inlined, `opt_worker` takes the calls out. Those about
arrays tell which objects were meant; it says so in comments behind the module. From the variable of a BIND_OP it
follows the stores back to the operation, which becomes a call that LLVM can neither fold nor merge with another; the
lowering turns it into a bound multiplication. C simulation drops the calls.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from hwgen.errors import nearest
from hwgen.hlsc.directives import Directive
from hwgen.hlsc.errors import HlsError

MARK = "__hwgen_mark_"
"""Beginning of the names of the functions that the marks call; behind it `array`, `array_bound` for a BIND_STORAGE, or
the operation of a BIND_OP."""

NAMES = ("ARRAY_PARTITION", "ARRAY_RESHAPE", "BIND_STORAGE", "DEPENDENCE", "RESET", "BIND_OP")
_OF = "__hwgen_address_of"
DECLARED = (
    "".join(
        f'extern "C" void {MARK}{what}(const volatile void*, int, ...); '
        for what in ("array", "array_bound", "mul", "add", "sub")
    )
    + f"template <class T> inline const volatile void* {_OF}(T& x) {{ return __builtin_addressof(x); }} "
    f"template <class T> inline const volatile void* {_OF}(T*& x) {{ return x; }} "
    f"template <class T> inline const volatile void* {_OF}(T* const& x) {{ return x; }}\n"
)
_CALL = re.compile(rf"^ *(?:tail )?(?:call|declare) .*@{MARK}\w+\(.*\n", re.MULTILINE)
_FOUND = re.compile(r"^; hwgen\.variable (\d+) (\S+)((?: \d+)*)$", re.MULTILINE)
_MOST = 6
"""Dimensions of an array that a mark tells."""


def mark(directive: Directive, number: int) -> str:
    """Return the C++ that stands for directive `number`.

    Raises
    ------
    HlsError
        For a directive that must name a variable and does not.
    """
    variable = directive.args.get("variable")
    if variable is None and directive.name == "DEPENDENCE":
        return f"{MARK}array(nullptr, {number});"
    if variable is None:
        rule = f"{directive.name} must name its variable."
        raise directive.refused(rule, f"Write #pragma HLS {directive.name} variable=x.")
    if directive.name == "BIND_OP":
        return f"{MARK}{directive.args['op'].lower()}(__builtin_addressof({variable}), {number});"
    kind = f"__remove_reference_t(decltype({variable}))"
    shape = [f"(int)__array_extent({kind}, {n})" for n in range(_MOST)]
    element = f"(int)sizeof(__remove_all_extents({kind}))"
    what = "array_bound" if directive.name == "BIND_STORAGE" else "array"
    return f"{MARK}{what}({_OF}({variable}), {number}, {element}, {', '.join(shape)});"


def without_marks(text: str) -> str:
    """Return an LLVM module without the calls that stand for directives."""
    return _CALL.sub("", text) if MARK in text else text


@contextmanager
def explained(directives: Sequence[Directive], text: str) -> Iterator[None]:
    """Turn an error of clang at a mark in the C++ `text` into a sentence about its directive."""
    try:
        yield
    except HlsError as problem:
        for directive in directives:
            if directive.name in NAMES and (directive.file, directive.line) == (problem.file, problem.line):
                raise _unknown(directive, sorted(set(re.findall(r"\b([A-Za-z_]\w*)\[", text)))) from None
        raise


def _unknown(directive: Directive, arrays: Sequence[str]) -> HlsError:
    variable = directive.args.get("variable", "")
    near = nearest(variable, [a for a in arrays if a != variable])
    place = f"a variable that is declared before the pragma, which stands in a function, not {variable}"
    fix = f"Did you mean {', '.join(near)}?" if near else "Put the pragma behind the variable's declaration."
    return directive.refused(f"{directive.name}'s variable must be {place}.", fix)


class Variables:
    """Which directives are about which object ("%local" or "@global") of one process.

    Parameters
    ----------
    text
        The module as `passes.optimise` returned it.
    directives
        All directives of the source, in their order.
    """

    def __init__(self, text: str, directives: Sequence[Directive]) -> None:
        notes = [m for m in _FOUND.finditer(text) if int(m[1]) < len(directives)]
        self._found = [(directives[int(m[1])], m[2]) for m in notes]
        self._shapes = {m[2]: tuple(int(n) for n in m[3].split() if n != "0") for m in notes}

    def of(self, name: str, object_: str) -> list[Directive]:
        """Return the directives `name` about an object."""
        return [d for d, found in self._found if d.name == name and (found == "null" or self.about(found, object_))]

    def shape(self, object_: str) -> tuple[int, ...]:
        """Return the bytes of an array's element, and its dimensions, as far as a directive about it tells them."""
        return next((shape for found, shape in self._shapes.items() if self.about(found, object_)), ())

    def about(self, found: str, object_: str) -> bool:
        """Tell whether an object is the one that a directive found; LLVM may have cut it out of a larger one."""
        stem = object_.strip('%@"').split(".sroa")[0]
        return found in (object_, f"{object_[0]}{stem}", f'{object_[0]}"{stem}"')

    def all(self, name: str) -> list[tuple[Directive, str]]:
        """Return the directives `name` with their objects."""
        return [(d, found) for d, found in self._found if d.name == name]
