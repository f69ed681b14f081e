# SPDX-License-Identifier: Apache-2.0
"""Names for values that have none in the source: by what they are for, else by what they are made of.

``row_next`` is what a register holds next, ``out0_write`` whether a word is written, ``column_is_4`` a compare.
"""

from __future__ import annotations

from collections.abc import Mapping

from hwgen.hlsc import ir
from hwgen.hlsc.back.fold import ones

_LONGEST = 28
_JOINED = {"and": "and", "or": "or", "add": "plus", "sub": "minus", "ult": "below", "slt": "below", "eq": "is"}


class _Namer:
    def __init__(self, process: ir.Process) -> None:
        self.process = process
        self.found: dict[int, str] = {}
        self.roles = self._roles()

    def _roles(self) -> dict[int, str]:
        """Return by value id what a value is for."""
        process = self.process
        roles: dict[int, str] = {}
        for write in process.writes:
            roles.setdefault(write.data, f"{write.stream}_word")
            if write.predicate is not None:
                roles.setdefault(write.predicate, f"{write.stream}_write")
        for value in process.values:
            if value.opcode == "read" and value.args:
                roles.setdefault(value.args[0], f"{value.attr}_read")
        for state in process.states:
            roles.setdefault(state.next, f"{state.name}_next")
        return roles

    def run(self) -> Mapping[int, str]:
        for value in self.process.values:
            name = value.name or self.roles.get(value.id) or self._made_of(value)
            if name and len(name) <= _LONGEST:
                self.found[value.id] = name
        return self.found

    def _made_of(self, value: ir.Value) -> str:
        if value.opcode in ("state", "read", "rom", "ram"):
            return str(value.attr)
        names = [self._operand(a) for a in value.args]
        if not names or not all(names):
            return ""
        if value.opcode in ("zext", "sext"):
            return names[0]
        if value.opcode == "extract" and isinstance(value.attr, int):
            high = value.attr + value.width - 1
            return f"{names[0]}_{high}" if value.width == 1 else f"{names[0]}_{high}_{value.attr}"
        if value.opcode == "xor" and self.process.values[value.args[1]].attr == ones(value.width):
            return f"not_{names[0]}"
        if value.opcode in _JOINED:
            return f"{names[0]}_{_JOINED[value.opcode]}_{names[1]}"
        return ""

    def _operand(self, index: int) -> str:
        value = self.process.values[index]
        if value.opcode == "const":
            return str(value.attr)
        return self.found.get(index, "")


def hints(process: ir.Process) -> Mapping[int, str]:
    """Return by value id a name that tells what a value is; values without one are those of long expressions."""
    return _Namer(process).run()
