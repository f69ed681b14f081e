# SPDX-License-Identifier: Apache-2.0
"""Golden IR: guards the pair of clang and LLVM; `--update-golden` writes the files anew."""

from __future__ import annotations

from pathlib import Path

import pytest

from hwgen.hlsc import clang, ir
from hwgen.hlsc.front import read_process

from .support import KERNELS

GOLDEN = Path(__file__).parent / "golden"


def text(process: ir.Process) -> str:
    """Return a process as lines that differ where the IR differs."""
    lines = [f"process {process.name} trip {process.trip_count}"]
    lines += [f"stream {s.direction} {s.name} {s.width}" for s in process.streams]
    for v in process.values:
        args = " ".join(f"%{a}" for a in v.args)
        line = v.loc.line if v.loc else 0
        attr = f"{v.attr} slot {v.slot}" if v.slot else "" if v.attr is None else v.attr
        lines.append(f"%{v.id} = {v.opcode} {v.width} {args} {attr} ; {v.name} :{line}")
    lines += [f"state {s.name} {s.width} reset {s.reset} next %{s.next}" for s in process.states]
    lines += [f"rom {r.name} {r.width} " + " ".join(f"{w:x}" for w in r.words) for r in process.roms]
    lines += [f"ram {r.name} {r.width} x {r.depth} {r.storage} {r.store}" for r in process.rams]
    lines += [f"write {w.stream} %{w.data} if {w.predicate}" for w in process.writes]
    return "\n".join(lines) + "\n"


@pytest.mark.parametrize(
    ("name", "source"),
    [
        ("matvec", "kernels/matvec.cpp"), ("window", "kernels/window.cpp"), ("state", "kernels/state.cpp"),
        ("framed", "loops.cpp"), ("ring", "elastic.cpp"), ("sometimes", "turns.cpp"),
    ],
)  # fmt: skip
def test_golden_ir(name: str, source: str, request: pytest.FixtureRequest) -> None:
    if not clang.find_compiler().identity.startswith(("ziglang", f"clang version {clang.PAIRED}.")):
        pytest.skip("golden IR is that of clang 22")
    found = text(read_process(KERNELS.parent / source, name))
    path = GOLDEN / f"{name}.txt"
    if request.config.getoption("--update-golden"):
        path.write_text(found)
    assert found == path.read_text(), "see the difference, then run pytest --update-golden"
