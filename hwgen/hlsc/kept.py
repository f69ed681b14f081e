# SPDX-License-Identifier: Apache-2.0
"""What a process's arrays became, against what BIND_STORAGE says: a memory at all, and one with enough ports.

An array whose indices are all constant is registers, or constants if it is never written; it has no place to be bound
to. A type alone says how many ports there are, which registers have. A RAM has one write port, and a read port for each
different address that an iteration reads, whatever the II; iterations do not take turns at a port.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from hwgen.hlsc import ir
from hwgen.hlsc.directives import Directive
from hwgen.hlsc.variables import Variables

_PORTS: Mapping[str, tuple[int, int]] = {
    "ram_1p": (1, 1), "ram_s2p": (1, 2), "ram_2p": (2, 2), "ram_t2p": (2, 2), "rom_1p": (1, 1), "rom_2p": (2, 2)
}  # fmt: skip
"""Per type how many ports can read, and how many there are; the types that are not here have as many as needed."""


def check_kept(variables: Variables, memories: Mapping[str, Iterable[str]], process: ir.Process) -> None:
    """Refuse a BIND_STORAGE or RESET that the arrays of a process do not follow.

    Parameters
    ----------
    variables
        The directives of the process.
    memories
        Per array in LLVM's IR the names of its ROMs and RAMs.
    process
        After lowering: its ROMs and RAMs are read.

    Raises
    ------
    HlsError
        At the directive, for an array that is no memory, for a type with too few ports, and for the reset of a RAM.
    """
    reads = [str(v.attr) for v in process.values if v.opcode in ("rom", "ram")]
    rams = {ram.name for ram in process.rams}
    for directive, found in variables.all("RESET"):
        if any(name in rams for at, names in memories.items() if variables.about(found, at) for name in names):
            raise directive.refused(
                f"RESET must be asked for registers, and {directive.args['variable']} is a RAM: a reset does not bring "
                "its first words back.",
                "Remove the directive.",
            )
    for directive, found in variables.all("BIND_STORAGE"):
        mine = {name for at, names in memories.items() if variables.about(found, at) for name in names} & {*reads}
        if not mine:
            _no_memory(directive)
            continue
        count = {name: reads.count(name) for name in mine}
        stored = bool(mine & rams)
        _ports(directive, max(count.values()) if stored else sum(count.values()), stored)


def _no_memory(directive: Directive) -> None:
    impl, name = directive.args.get("impl", "auto").lower(), directive.args["variable"]
    if impl == "auto" and directive.args.get("latency", "-1") == "-1":
        return
    where = "a latency" if impl == "auto" else impl
    raise directive.refused(
        f"The array {name} must be read at an index that is not constant to be bound to {where}: as it is, it becomes "
        "registers, constants, or nothing.",
        "Remove the directive.",
    )


def _ports(directive: Directive, reads: int, stored: bool) -> None:
    kind = directive.args.get("type", "").lower()
    if kind not in _PORTS:
        return
    most, all_ = _PORTS[kind]
    if reads <= most and reads + stored <= all_:
        return
    name = directive.args["variable"]
    needs = f"{reads} read port{'s' if reads > 1 else ''}" + (" and 1 write port" if stored else "")
    fix = "type=ram_s2p" if reads == 1 else "type=ram_1wnr" if stored else "type=rom_np"
    raise directive.refused(
        f"The type of {name} must not be {kind}: an iteration needs {needs}, and iterations do not take turns at one.",
        f"Write {fix}.",
    )
