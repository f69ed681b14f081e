# SPDX-License-Identifier: Apache-2.0
"""What simulations of a shell begin with."""

from __future__ import annotations

from pathlib import Path

from hwgen.handover import Design


def shell_sources(design: Design, shell: str) -> list[Path]:
    """Return the files of a shell, waivers first, the shell itself last."""
    folder = design.folder / "rtl" / "shell"
    listed = [folder / line for line in (folder / f"{shell}.f").read_text().split()]
    return [folder / f"{design.plan.name}_regs.vlt", *(path.resolve() for path in listed)]
