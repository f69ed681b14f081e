# SPDX-License-Identifier: Apache-2.0
"""Products without multipliers: exact for all values of small factors and many of large ones, and small."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from random_ir import Draft
from rtl_harness import build, equals_interpreter
from test_pack_dsp import signed, vector

from hwgen.hlsc import backend, ir, verify_ir
from hwgen.hlsc.back.delays import DelayModel, family
from hwgen.hlsc.target import Target
from hwgen.synth import count

MODELS = [DelayModel(family("xcup"), 250.0), DelayModel(family("ecp5"), 100.0)]
SIGNS = [(False, False), (False, True), (True, False), (True, True)]


def product(name: str, widths: tuple[int, int], signs: tuple[bool, bool], out: int = 0) -> ir.Process:
    """The product of two slices of a word, modulo 2**out."""
    d = Draft(name)
    total = sum(widths)
    d.stream("in0", "in", total)
    word = d.op("read", total, attr="in0")
    x, w = d.op("extract", widths[0], word, attr=0), d.op("extract", widths[1], word, attr=widths[0])
    out = out or total
    d.stream("out0", "out", out)
    d.writes.append(ir.Write("out0", d.op("mul", out, d.fit(x, out, signs[0]), d.fit(w, out, signs[1])), None))
    return d.done()


def bound(process: ir.Process) -> ir.Process:
    values = (replace(v, bind=ir.Binding("fabric")) if v.opcode == "mul" else v for v in process.values)
    return replace(process, values=tuple(values))


def evaluate(process: ir.Process, words: np.ndarray) -> np.ndarray:
    """Return the only output of a process without state for an array of input words."""
    roms = {r.name: np.array(r.words, np.int64) for r in process.roms}
    found: list[np.ndarray] = []
    for v in process.values:
        args = [found[a] for a in v.args]
        if v.opcode == "rom":
            found.append(roms[str(v.attr)][args[0]])
        elif v.opcode in ("read", "const"):
            found.append(words if v.opcode == "read" else np.array(v.attr, np.int64))
        else:
            found.append(vector(v, args, [process.values[a].width for a in v.args]))
    return found[process.writes[0].data]


def check(widths: tuple[int, int], signs: tuple[bool, bool], out: int, words: np.ndarray) -> None:
    x, w = words & ((1 << widths[0]) - 1), words >> widths[0]
    x, w = (signed(v, n) if s else v for v, n, s in zip((x, w), widths, signs, strict=True))
    for model in MODELS:
        found = backend.optimise(product("p", widths, signs, out), model)
        verify_ir.verify(found)
        assert all(v.opcode != "mul" for v in found.values)
        wrong = (evaluate(found, words) ^ x * w) & ((1 << out) - 1)
        assert not np.any(wrong), (widths, signs, out)


@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize("width", range(2, 8))
def test_every_value_of_small_factors(width: int, signs: tuple[bool, bool]) -> None:
    for other in range(2, 8):
        total = width + other
        words = np.arange(1 << total, dtype=np.int64)
        for out in (total, total - 2, 3):
            check((width, other), signs, out, words)


@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize("widths", [(8, 8), (8, 13), (12, 12), (16, 16), (18, 18), (5, 20)])
def test_random_and_extreme_values_of_large_factors(widths: tuple[int, int], signs: tuple[bool, bool]) -> None:
    rng = np.random.default_rng(sum(widths))
    edges = [[0, 1, 2, 3, (1 << n - 1) - 1, 1 << n - 1, (1 << n - 1) + 1, (1 << n) - 2, (1 << n) - 1] for n in widths]
    grid = np.array([a | c << widths[0] for a in edges[0] for c in edges[1]], np.int64)
    words = np.concatenate([grid, rng.integers(0, 1 << sum(widths), 20_000)])
    for out in (sum(widths), widths[0] + 1):
        check(widths, signs, out, words)


@pytest.mark.parametrize("signs", SIGNS)
@pytest.mark.parametrize(("bits", "rows"), [(4, 2), (4, 4), (3, 7), (2, 16)])
def test_a_product_with_one_of_few_constants_is_one_table(bits: int, rows: int, signs: tuple[bool, bool]) -> None:
    constants = np.random.default_rng(rows).integers(0, 256, rows)
    address = (rows - 1).bit_length()
    d = Draft("few")
    d.roms.append(ir.Rom("constants", 11, tuple(int(c) << 2 for c in constants)))
    d.stream("in0", "in", bits + address)
    word = d.op("read", bits + address, attr="in0")
    x, at = d.op("extract", bits, word, attr=0), d.op("extract", address, word, attr=bits)
    w = d.op("extract", 8, d.op("rom", 11, at, attr="constants"), attr=2)
    d.stream("out0", "out", 12)
    d.writes.append(ir.Write("out0", d.op("mul", 12, d.fit(x, 12, signs[0]), d.fit(w, 12, signs[1])), None))
    found = backend.optimise(d.done(), MODELS[0])
    words = np.arange(rows << bits)
    values, chosen = words & ((1 << bits) - 1), constants[words >> bits]
    expected = (signed(values, bits) if signs[0] else values) * (signed(chosen, 8) if signs[1] else chosen)
    assert not np.any((evaluate(found, words) ^ expected) & 0xFFF)
    assert {v.opcode for v in found.values} & {"add", "sub", "mul"} == set()


def test_rtl_under_stalls(tmp_path) -> None:
    shapes = [((8, 8), s, 16) for s in SIGNS] + [((7, 12), (True, True), 19), ((9, 6), (False, False), 10)]
    processes = [product(f"p{i}", *shape) for i, shape in enumerate(shapes)]
    families = ["xcup", "ecp5", "xc7", "xcup", "ecp5", "xcup"]
    texts = [backend.compile(p, Target(f, 300.0)).rtl for p, f in zip(processes, families, strict=True)]
    model = build(tmp_path, processes, texts)
    rng = np.random.default_rng(3)
    words = {p.name: {"in0": [int(v) for v in rng.integers(0, 1 << p.streams[0].width, 300)]} for p in processes}
    for valid, ready in [(100, 100), (50, 80), (90, 40)]:
        equals_interpreter(model, words, valid, ready, cycles=100_000)


@pytest.mark.parametrize("factor", [3, 7, 100, 119, -5, -128, 0x5555])
def test_fabric_multiples_are_sums(factor: int) -> None:
    d = Draft("p")
    d.stream("in0", "in", 9)
    d.stream("out0", "out", 18)
    x = d.fit(d.op("read", 9, attr="in0"), 18, True)
    d.writes.append(ir.Write("out0", d.op("mul", 18, x, d.const(18, factor)), None))
    found = backend.optimise(bound(d.done()), MODELS[1])
    assert all(v.opcode != "mul" for v in found.values)
    words = np.arange(512, dtype=np.int64)
    assert not np.any((evaluate(found, words) ^ signed(words, 9) * factor) & ((1 << 18) - 1))


def test_a_long_product_in_a_recurrence_stays_a_multiplier_unless_bound() -> None:
    d = Draft("p")
    d.stream("in0", "in", 16)
    d.stream("out0", "out", 16)
    kept = d.state("kept", 16)
    d.define("kept", d.op("mul", 16, kept, d.op("read", 16, attr="in0")), reset=1)
    d.writes.append(ir.Write("out0", kept, None))
    opcodes = [[v.opcode for v in backend.optimise(p, MODELS[0]).values] for p in (d.done(), bound(d.done()))]
    assert ["mul" in found for found in opcodes] == [True, False]


@pytest.mark.parametrize(("name", "most"), [("xcup", 42), ("ecp5", 115)])
def test_yosys_makes_no_multiplier_blocks_of_products(tmp_path, name, most) -> None:
    """Eight by eight bits took 136 LUTs of six inputs and 307 of four as a `*`."""
    rtl = tmp_path / "p.sv"
    rtl.write_text(backend.compile(product("p", (8, 8), (True, True)), Target(name, 50.0)).rtl)
    assert " * " not in rtl.read_text()
    found = count([rtl], "p", name, dsp=True)
    assert found.dsp == 0 and found.resources.lut <= most
