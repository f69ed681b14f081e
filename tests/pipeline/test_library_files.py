# SPDX-License-Identifier: Apache-2.0
"""Which files of the RTL library a design gets."""

from __future__ import annotations

import pytest

from hwgen.hlsc.library import library_files


@pytest.mark.parametrize(("text", "more"), [("hwgen_mul #(.D_WIDTH(8)) block (", ["hwgen_mul.sv"]), ("wire x;", [])])
def test_files_of_instantiated_modules(text: str, more: list[str]) -> None:
    names = [path.name for path in library_files(["module a;", text], ("hwgen_fifo",))]
    assert names == ["hwgen_fifo.sv", *more]
