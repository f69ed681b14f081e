# SPDX-License-Identifier: Apache-2.0
"""House rules of the kernel library."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from .kernels import COMPAT, INCLUDE, ROOT

HEADERS = sorted(INCLUDE.rglob("*.hpp"))
PRAGMAS = {
    "ARRAY_PARTITION", "ARRAY_RESHAPE", "BIND_OP", "BIND_STORAGE", "DEPENDENCE", "INLINE", "PIPELINE", "RESET",
    "UNROLL",
}  # fmt: skip


@pytest.mark.parametrize("path", HEADERS, ids=lambda path: path.name)
def test_header_keeps_the_rules(path: Path) -> None:
    text = path.read_text()
    lines = text.splitlines()
    assert lines[0] == "// SPDX-License-Identifier: Apache-2.0"
    assert "#pragma once" in lines
    assert len(lines) < 250
    assert set(re.findall(r"#pragma HLS (\w+)", text)) <= PRAGMAS
    assert set(re.findall(r"#include <([^>]+)>", text)) <= {"ap_int.h", "hls_stream.h"} | {
        f"hwgen/{header.name}" for header in HEADERS
    }


def test_every_loop_has_a_directive() -> None:
    """Loops of constant functions have none: the C++ compiler runs them, no hardware comes of them."""
    for path in HEADERS:
        lines = path.read_text().splitlines()
        constant = False
        for number, line in enumerate(lines):
            if line.endswith(") {") and not re.match(r" +(for|if|while|switch) ", line):
                constant = "constexpr" in line
            if not constant and re.match(r" +for \(", line) and not line.endswith(";"):
                assert re.match(r"#pragma HLS (PIPELINE( II = 1)?|UNROLL)$", lines[number + 1]), (
                    f"{path.name}:{number + 1}"
                )


def test_compat_headers_name_no_vendor_file() -> None:
    for path in sorted(COMPAT.glob("*.h")):
        assert len(path.read_text().splitlines()) < 250
        assert "_ssdm" not in path.read_text()


def test_sources_are_formatted() -> None:
    tool = shutil.which("clang-format", path=str(Path(sys.executable).parent)) or shutil.which("clang-format")
    if tool is None:
        pytest.skip("clang-format is absent")
    files = [*HEADERS, *COMPAT.glob("*.h"), *(ROOT / "tests" / "hls").glob("*.hpp")]
    done = subprocess.run([tool, "--dry-run", "-Werror", *map(str, files)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[:2000]
