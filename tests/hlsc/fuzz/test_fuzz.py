# SPDX-License-Identifier: Apache-2.0
"""Random programs: C simulation and RTL agree; the generator and the shrinker do what they are for."""

from __future__ import annotations

import os
import random

import pytest

from .cpp import source
from .judge import Verdict, judge
from .model import INT, Expr, Program, Stmt, clean, const, walk
from .program import generate
from .run import fuzz, report
from .shrink import shrink


def test_random_programs_agree() -> None:
    tally = fuzz(0, 12, 600)
    assert not tally.failures, tally.failures
    assert sum(tally.refused.values()) <= 2, tally.refused


@pytest.mark.fuzz
def test_many_random_programs_agree(capsys: pytest.CaptureFixture[str]) -> None:
    seconds = float(os.environ.get("FUZZ_SECONDS", "120"))
    first = int(os.environ.get("FUZZ_SEED", random.SystemRandom().randrange(10**6, 10**9)))
    tally = fuzz(first, 10**6, seconds)
    with capsys.disabled():
        print(f"\n{tally.programs} programs from seed {first}: {tally.summary(seconds)}")
        for seed, verdict in tally.failures[:3]:
            report(seed, verdict, 120, None)
    assert not tally.failures


def test_a_seed_is_a_program() -> None:
    assert source(generate(5)) == source(generate(5))
    assert source(generate(5)) != source(generate(6))


CONSTRUCTS = """
    static const|static ap_|BIND_STORAGE|impl = bram|type = rom_np|latency = 1|ARRAY_PARTITION|ARRAY_RESHAPE|cyclic
    DEPENDENCE variable|BIND_OP variable|impl = dsp|impl = fabric|struct S|in2.read|out2.write|while (1)|while (true)
    } while (i <|while (i <|if (++i ==|break;|i < n &&|head.read()|first.write|.empty()|.read_nb(|ap_uint<512>|II = 2
    II = 3|II = 4|default:|.range(|largest(|>> ap_uint<|UNROLL
"""


def test_programs_cover_the_subset() -> None:
    programs = [generate(seed) for seed in range(400)]
    kinds = {stmt.kind for p in programs for stmt in p.statements()}
    assert kinds == {
        "let", "set", "part", "put", "take", "write", "if", "switch", "unroll", "exit", "raw", "member"
    }  # fmt: skip
    text = "".join(source(p) for p in programs)
    missing = [w for line in CONSTRUCTS.strip().splitlines() for w in line.strip().split("|") if w not in text]
    assert not missing
    widths = {s.type.width for p in programs for s in [*p.inputs, *p.outputs]}
    assert {p.ii for p in programs} == {1, 2, 3, 4, None}
    assert min(widths) == 1 and max(widths) == 512 and len(widths) > 60
    for property_ in ("before", "after", "elastic", "open", "doubtful", "bound"):
        assert any(getattr(p, property_) for p in programs), property_


def test_programs_that_may_be_refused_are_few() -> None:
    programs = [generate(seed) for seed in range(400)]
    assert 0 < sum(p.doubtful for p in programs) < 20


def test_clean_drops_what_no_output_needs() -> None:
    p = generate(3)
    p.body = [
        Stmt("let", "t1", INT, value=const(3, INT)),
        Stmt("let", "t2", INT, value=Expr("var", INT, (), "t1")),
        Stmt("write", "out0", value=const(1, INT)),
    ]
    clean(p)
    assert [s.kind for s in p.body] == ["write"]
    assert (p.inputs, p.decls, [s.name for s in p.outputs]) == ([], [], ["out0"])


def test_shrinking_keeps_only_what_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    """A compiler that fails for every program with a multiplication."""

    def stub(programs: list[Program], seed: int, rates: object = None) -> list[Verdict]:
        assert isinstance(seed, int)
        return [Verdict("back" if " * " in source(p).partition("void")[2] else "same") for p in programs]

    monkeypatch.setitem(shrink.__globals__, "judge", stub)
    p = next(p for p in map(generate, range(100)) if stub([p], 0)[0].failed and len(p.body) > 6)
    smallest, verdict = shrink(p, 0, "back", 30)
    assert verdict.kind == "back"
    assert sum(1 for _ in walk(smallest.body)) <= 6


def test_a_wrong_compiler_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    """Additions compiled as subtractions are seen as the back half's fault."""
    from hwgen.hlsc.back import emit_expr

    monkeypatch.setitem(emit_expr._INFIX, "add", "-")
    kinds = [v.kind for v in judge([generate(seed) for seed in range(4)], 0, [(100, 100)])]
    assert "back" in kinds
