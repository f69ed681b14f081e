# SPDX-License-Identifier: Apache-2.0
"""Non-blocking reads: legal where pauses cannot be seen in what is written, and refused where they can."""

from __future__ import annotations

import random
from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import InternalError
from hwgen.hlsc import interp, ir, verify_ir
from hwgen.hlsc.csim import CsimError, csim
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.front import read_process

from .support import FOREVER, HEAD, IO, KERNELS, compile_snippet, from_bytes, loop, simulate_until_dry

SOURCE = KERNELS.parent / "elastic.cpp"
NAMES = ("ring", "twice", "pairs", "scaled", "routed")


def run(process: ir.Process, given: dict[str, list[int]]) -> list[int]:
    """Return what is written, which must not depend on how often words wait."""
    found = []
    for likely in (1.0, 0.5, 0.1):
        draw = random.Random(process.name)
        found.append(interp.run(process, given, 6000, lambda _, d=draw, p=likely: d.random() < p)["out0"])
    assert found[0] == found[1] == found[2], process.name
    return found[0]


def test_pauses_change_nothing_and_csim_agrees() -> None:
    for name, want, got in simulate_until_dry(SOURCE, NAMES, 200, run):
        assert got == want and len(want) > 60, name


def test_whether_a_word_waits_is_one_value_and_guards_the_read() -> None:
    process = read_process(SOURCE, "ring")
    (asked,) = [v for v in process.values if v.opcode == "valid"]
    (read,) = [v for v in process.values if v.opcode == "read"]
    assert asked.attr == "in0" and asked.width == 1 and not asked.args
    predicate = process.values[read.args[0]]
    assert predicate.opcode == "and" and asked.id in predicate.args


REFUSED = {
    "a word made of it": (
        "out0.write(in0.empty());\nap_uint<8> x;\nin0.read_nb(x);",
        7,
        "out0 carries must not be comp",
    ),
    "a choice by it": (
        "ap_uint<8> x = 3;\nconst bool there = in0.read_nb(x);\nout0.write(there ? x : ap_uint<8>(9));",
        9,
        "must not be computed from whether a word waits on in0",
    ),
    "a write where nothing waits": (
        "ap_uint<8> x;\nif (in0.read_nb(x)) out0.write(x);\nelse out0.write(7);",
        9,
        "must not be computed",
    ),
    "pauses counted": (
        "ap_uint<8> x;\nif (in0.read_nb(x)) out0.write(x + pauses);\nelse pauses = pauses + 1;",
        8,
        "must not depend on when words come: word 0 is",
    ),
    "the previous answer": (
        "if (before) out0.write(5);\nelse out0.write(6);\nap_uint<8> x;\nbefore = in0.read_nb(x);",
        10,
        "What out0 carries must not depend on when words come",
    ),
    "never read": ("if (!in0.empty()) out0.write(3);", 3, "must be read where it is asked"),
    "an output asked": (
        "out0.write(in0.read());\nif (out0.empty()) in0.read();",
        3,
        "out0 must be read where it is asked",
    ),
    "full": ("if (!out0.full()) out0.write(in0.read());", 7, "full() must not be called"),
    "write_nb": ("out0.write_nb(in0.read());", 7, "write_nb() must not be called"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_is_refused(name: str, tmp_path: Path) -> None:
    inside, line, said = REFUSED[name]
    with pytest.raises(HlsError) as caught:
        compile_snippet(tmp_path, loop(inside, head=FOREVER, before="ap_uint<8> pauses = 0; bool before = false;"))
    assert said in str(caught.value) and caught.value.fix, str(caught.value)
    assert caught.value.line == line, str(caught.value)


def test_csim_of_frames_refuses_what_pauses_change(tmp_path: Path) -> None:
    source = tmp_path / "p.cpp"
    text = f"void p({IO}) {{\nap_uint<8> pauses = 0;\nfor (int i = 0; i < 50;) {{\nap_uint<8> x;\n"
    source.write_text(f"{HEAD}{text}if (in0.read_nb(x)) {{ out0.write(pauses); ++i; }}\nelse ++pauses;\n}}\n}}\n")
    with pytest.raises(CsimError, match=r"What out0 carries must not depend .* word 0 is 0x0 or 0x"):
        csim(source, "p", [], [np.zeros((100, 1), np.uint8)], 2)


def test_a_long_chain_of_choices_is_judged_without_trying_each_way_of_it(tmp_path) -> None:
    chosen = "".join(f"x = c[{k}] ? ap_uint<8>(x + {k}) : x;\n" for k in range(28))
    body = f"ap_uint<8> x = 0;\nconst bool there = in0.read_nb(x);\nif (!there) x = 0;\n{chosen}"
    inside = body + "if (there) {\nout0.write(x);\nc = c * 5 + 1;\n}"
    text = loop(inside, head=FOREVER, before="ap_uint<28> c = 1;")
    (write,) = compile_snippet(tmp_path, text).writes
    assert write.predicate is not None


def test_csim_of_frames_runs_past_pauses() -> None:
    given = np.arange(60, dtype=np.uint8)[:, None]
    (rows,) = csim(SOURCE, "ring", [], [given], 3)
    assert from_bytes(rows) == [i + i % 20 for i in range(60)]


def test_verifier_wants_one_question_and_a_read() -> None:
    values = (ir.Value(0, "valid", 1, (), "in0"), ir.Value(1, "valid", 1, (), "in0"))
    streams = (ir.Stream("in0", "in", 4), ir.Stream("out0", "out", 1))
    process = ir.Process("p", streams, values, (), (), (), (ir.Write("out0", 1, None),), None)
    with pytest.raises(InternalError, match="asked for a word once an iteration, not 2 times, and be read"):
        verify_ir.verify(process)
