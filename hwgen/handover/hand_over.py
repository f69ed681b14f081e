# SPDX-License-Identifier: Apache-2.0
"""The writers of the hand-over, and the order in which they run."""

from __future__ import annotations

from collections.abc import Callable

from hwgen.handover import drivers, open_board, registers, shells, synthesis, uart, vivado
from hwgen.handover.design import Design

Writer = Callable[[Design], None]

WRITERS: tuple[Writer, ...] = (
    registers.write,
    shells.write,
    drivers.write,
    uart.write,
    open_board.write,
    vivado.write,
    synthesis.write,
)


def hand_over(design: Design) -> int:
    """Write everything around the RTL: registers, shells, drivers, vendor projects, constraints.

    The files are a function of the design and of hwgen's version: the same bytes every time.

    Returns
    -------
    int
        How many files were written.
    """
    before = _files(design)
    for write in WRITERS:
        write(design)
    return len(_files(design) - before)


def _files(design: Design) -> set[str]:
    return {str(path) for path in design.folder.rglob("*") if path.is_file()}
