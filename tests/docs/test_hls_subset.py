# SPDX-License-Identifier: Apache-2.0
"""docs/hls-subset.md tells the truth: its examples compile and compute, its refusals say what they are said to say."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from hwgen.hlsc import Target, compile_dataflow, compile_process, interp, ir
from hwgen.hlsc.csim import CsimJob, csim_many
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.front import read_process
from hwgen.hlsc.scalars import declared, packed
from tests.hlsc.front.support import HEAD, INCLUDE, check, from_bytes, to_bytes, words

PAGE = Path(__file__).resolve().parents[2] / "docs" / "hls-subset.md"
FOUND = re.compile(r"<!-- (compiles|compiles top|refused|refused top)(?:: (.*?))? -->\n```cpp\n(.*?)```", re.DOTALL)
TARGET = Target("xcup", 200.0)


class Example(NamedTuple):
    """A block of C++ and what is said of it; `name` is the line of the page."""

    name: str
    kind: str
    words: str
    text: str


def examples(kind: str) -> list[Example]:
    page = PAGE.read_text()
    found = [(page.count("\n", 0, m.start()) + 1, m) for m in FOUND.finditer(page)]
    return [Example(f"line {line}", m[1], m[2] or "", m[3]) for line, m in found if m[1] == kind]


def source(folder: Path, example: Example) -> Path:
    path = folder / "f.cpp"
    path.write_text(HEAD + example.text)
    return path


def simulate(path: Path, process: ir.Process) -> None:
    """Require that the IR and C simulation write the same words of frames whose length the words or scalars decide."""
    rng = np.random.default_rng(1)
    given = {s.name: words(rng, 300, s.width) for s in declared(process) if s.direction == "in"}
    widths = {s.name: s.width for s in process.streams}
    inputs = [to_bytes(v, widths[n]) for n, v in given.items()]
    scalars = {s.name: words(rng, 300, s.width) for s in process.scalars}
    if scalars:
        rows = (dict(zip(scalars, row, strict=True)) for row in zip(*scalars.values(), strict=True))
        given["args"] = [packed(process.scalars, row) for row in rows]
    found = interp.run(process, given, 3000)
    expected = csim_many([CsimJob(path, process.name, [INCLUDE], inputs, None, scalars)])[0]
    outputs = [s.name for s in declared(process) if s.direction == "out"]
    for name, rows in zip(outputs, expected, strict=True):
        assert found[name] == from_bytes(rows) and found[name], name


def test_every_block_is_an_example() -> None:
    page = PAGE.read_text()
    assert page.count("```cpp") == len(FOUND.findall(page))


@pytest.mark.parametrize("example", examples("compiles"), ids=lambda e: e.name)
def test_compiles(example: Example, tmp_path: Path) -> None:
    path = source(tmp_path, example)
    process = read_process(path, "f", [INCLUDE])
    if process.trip_count is None or process.scalars:
        simulate(path, process)
    else:
        check(path, "f", [INCLUDE], seed=1)
    module = compile_process(path, "f", [INCLUDE], TARGET)
    assert module.trip_count == process.trip_count
    assert "module f" in module.rtl


@pytest.mark.parametrize("example", examples("compiles top"), ids=lambda e: e.name)
def test_top_compiles(example: Example, tmp_path: Path) -> None:
    assert "module top" in compile_dataflow(source(tmp_path, example), "top", [INCLUDE], TARGET).rtl


@pytest.mark.parametrize(
    ("example", "compile_it"),
    [
        *(pytest.param(e, compile_process, id=e.name) for e in examples("refused")),
        *(pytest.param(e, compile_dataflow, id=e.name) for e in examples("refused top")),
    ],
)
def test_is_refused(example: Example, compile_it: Callable[..., object], tmp_path: Path) -> None:
    name = "top" if compile_it is compile_dataflow else "f"
    with pytest.raises(HlsError) as caught:
        compile_it(source(tmp_path, example), name, [INCLUDE], TARGET)
    assert example.words and example.words in str(caught.value)
    assert caught.value.line and caught.value.fix
