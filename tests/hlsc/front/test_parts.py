# SPDX-License-Identifier: Apache-2.0
"""The front half's parts on their own: mangled names, types, parser, constants, trip counts, builder, cache."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from hwgen.errors import InternalError, UserError
from hwgen.hlsc import cache, clang, passes
from hwgen.hlsc.address import Addresses, Place, Term
from hwgen.hlsc.back.fold import evaluate
from hwgen.hlsc.builder import Builder
from hwgen.hlsc.llconst import image
from hwgen.hlsc.llparse import Inst, Module
from hwgen.hlsc.lltypes import Array, Int, Struct, TypeReader
from hwgen.hlsc.lower_ops import binary, intrinsic
from hwgen.hlsc.mangle import identifier, parameters, stream_bits, struct_bits
from hwgen.hlsc.names import Names, source_name
from hwgen.hlsc.trip import Chain


@pytest.mark.parametrize(
    ("symbol", "widths"),
    [
        ("_Z2mvRN3hls6streamI7ap_uintILi32EEEERNS0_IS1_ILi64EEEE", [32, 64]),
        ("_Z1fRN3hls6streamI7ap_uintILi8EELi0EEERNS0_I6ap_intILi300EELi4EEE", [8, 300]),
        ("_Z1fRN3hls6streamIhEERNS0_IDU13_EES2_", [8, 13, 8]),
        ("_Z1fi", [None]),
    ],
)
def test_stream_widths_from_symbols(symbol: str, widths: list[int | None]) -> None:
    found = parameters(symbol)
    assert found is not None
    assert [stream_bits(kind, {}) for kind in found] == widths


def test_widths_of_structs_come_from_the_module() -> None:
    names = ["5Pixel", "N3net4PairILin3ELb1EEE", "N3net3TagILNS1_4KindE2EEE", "N3net5OuterILi4EE5InnerE"]
    names.append("N3net5OuterILi5EE5InnerE")
    text = "".join(
        f"define linkonce_odr noundef i32 @_ZN10hwgen_word4WordI{name}Lb0EE10hwgen_bitsEv() #0 comdat {{\n"
        f"entry:\n  ret i32 {10 + number}, !dbg !2\n}}\n\n"
        for number, name in enumerate(names)
    )
    symbol = (
        "_Z1fRN3hls6streamI5PixelEERNS0_IN3net4PairILin3ELb1EEEEERNS0_INS4_5OuterILi5EE5InnerEEE"
        "RNS0_INS4_3TagILNS4_4KindE2EEEEE"
    )
    widths = struct_bits(text)
    assert [stream_bits(kind, widths) for kind in parameters(symbol) or ()] == [10, 11, 14, 12]
    assert len(widths) == 5


def test_identifiers_from_symbols() -> None:
    assert identifier("_ZL10mv_weights") == "mv_weights"
    assert identifier("_ZZ5stateRN3hls6streamI7ap_uintILi8EEEERNS0_IS1_ILi32EEEEE4wave") == "wave"
    assert identifier("plain") == "plain"
    assert source_name("%acc.sroa.4.0") == "acc"
    assert source_name("%arrayidx12.i") == ""
    names = Names()
    assert [names.unique("a", "s"), names.unique("a", "s"), names.unique("", "s")] == ["a", "a_1", "s"]


@pytest.mark.parametrize(
    ("text", "size", "align"),
    [("i1", 1, 1), ("i13", 2, 2), ("i24", 4, 4), ("i65", 16, 16), ("i300", 48, 16), ("[3 x i16]", 6, 2),
     ("{ i8, i32, i8 }", 12, 4), ("<{ i8, i32, i8 }>", 6, 1), ("[2 x [4 x { i8 }]]", 8, 1)],
)  # fmt: skip
def test_layout(text: str, size: int, align: int) -> None:
    kind = TypeReader({}).whole(text)
    assert (kind.size, kind.align) == (size, align)


def test_named_types() -> None:
    types = TypeReader({"%a": "{ i8 }", '%"b c"': "{ %a, [2 x i32] }"})
    assert types.whole('%"b c"') == Struct((Struct((Int(8),)), Array(2, Int(32))))


MODULE = """
%pair = type { i8, i16 }
@t = internal constant [3 x %pair] [%pair { i8 -1, i16 515 }, %pair zeroinitializer, %pair { i8 2, i16 -2 }], align 2
@s = constant [4 x i8] c"a\\00\\FF\\5C"
@u = constant [3 x { i8 }] [{ i8 } { i8 7 }, { i8 } zeroinitializer, { i8 } { i8 -7 }]
@w = constant { <{ i8, i32 }>, i128 } { <{ i8, i32 }> <{ i8 1, i32 -2 }>, i128 -1 }
define void @f(ptr noundef nonnull align 1 %in0, ptr %"odd name") #0 !dbg !4 {
entry:
  %a = alloca [4 x i16], align 2
  br label %loop, !dbg !5

loop:                                             ; preds = %loop, %entry
  %i = phi i32 [ 3, %entry ], [ %i.next, %loop ]
  %x = load volatile i8, ptr %in0, align 1, !dbg !6
  %e = zext nneg i32 %i to i64
  %p = getelementptr inbounds nuw [3 x %pair], ptr @t, i64 0, i64 %e, i32 1
  %q = getelementptr i8, ptr %p, i64 -4
  %m = call noundef i8 @llvm.umin.i8(i8 %x, i8 range(i8 0, 9) 7)
  switch i8 %m, label %next [
    i8 1, label %next
    i8 -2, label %next
  ]

next:
  %i.next = add nuw nsw i32 %i, 4
  %c = icmp samesign ult i32 %i, 40
  br i1 %c, label %loop, label %end, !llvm.loop !7

end:
  ret void
}
!4 = distinct !DISubprogram(name: "f", file: !8, line: 3)
"""


def test_parser() -> None:
    function = Module(MODULE).function("f")
    assert [name for name, _ in function.params] == ["%in0", '%"odd name"']
    assert [block.name for block in function.blocks] == ["%entry", "%loop", "%next", "%end"]
    found = {inst.name: inst for block in function.blocks for inst in block.insts}
    assert found["%i"].operands == (3, "%i.next")
    assert found["%x"].detail == ("volatile",)
    assert (found["%m"].operands, found["%m"].detail) == (("%x", 7), ("@llvm.umin.i8",))
    switch = function.blocks[1].end
    assert (switch.operands, switch.detail) == (("%m", 1, -2), ("%next", "%next", "%next"))
    assert found["%c"].detail == ("ult",)


def test_addresses() -> None:
    module = Module(MODULE)
    insts = [inst for block in module.function("f").blocks for inst in block.insts]
    places = Addresses(module, {"%in0": 8}, insts)
    assert places.of("%p") == Place("@t", 2, (Term(4, "%i", 32, False, 0, 2**32 - 1),))
    assert places.of("%q") == Place("@t", -2, (Term(4, "%i", 32, False, 0, 2**32 - 1),))
    assert (places.of("%q").row, places.of("%q").lane) == (-1, 2)  # type: ignore[union-attr]
    assert places.of("%a") == Place("%a", 0)


def test_constants_as_bytes() -> None:
    module = Module(MODULE)
    data = {name: image(module.variable(name), module.types).tobytes() for name in ("@t", "@s", "@u", "@w")}
    assert data["@t"] == bytes([255, 0, 3, 2, 0, 0, 0, 0, 2, 0, 254, 255])
    assert data["@s"] == b"a\x00\xff\\"
    assert data["@u"] == bytes([7, 0, 249])
    assert data["@w"] == bytes([1, 254, 255, 255, 255]) + bytes(11) + b"\xff" * 16


def chain(first: int, step: int, width: int) -> Chain:
    adding = Inst("add", "%n", Int(width), ("%i", step))
    return Chain({"%n": adding}, {"%i": (width, first, "%n")})


@pytest.mark.parametrize("predicate", ["eq", "ne", "ult", "ule", "ugt", "uge", "slt", "sle", "sgt", "sge"])
@pytest.mark.parametrize("operand", ["%i", "%n"])
@pytest.mark.parametrize("leaves", [True, False])
def test_trip_counts_are_those_of_running_the_loop(predicate: str, operand: str, leaves: bool) -> None:
    for first, step, limit in [(0, 1, 10), (5, 3, 20), (200, -4, 40), (3, 1, 3), (250, 7, 12), (0, 2, 11), (120, 5, 2)]:
        found = chain(first, step, 8)
        found._defined["%c"] = Inst("icmp", "%c", Int(1), (operand, limit), (Int(8),), (predicate,))  # type: ignore[index]
        value = first
        expected = None
        for count in range(1, 2000):
            opcode = {"ugt": "ult", "uge": "ule", "sgt": "slt", "sge": "sle"}.get(predicate, predicate)
            args = [value if operand == "%i" else value + step & 255, limit]
            if opcode != predicate:
                args.reverse()
            if bool(evaluate(opcode, 1, args, [8, 8], None)) == leaves:
                expected = count
                break
            value = value + step & 255
        got = found.count("%c", leaves)
        if got is None or expected is None:
            assert (got or 0) <= 0 or expected is None or expected > 256 // abs(step), (first, step, limit)
        else:
            assert got == expected, (first, step, limit)


def test_wires_mean_what_arithmetic_means() -> None:
    rng = np.random.default_rng(4)
    for _ in range(300):
        width = int(rng.integers(1, 24))
        opcode = str(rng.choice(["shl", "lshr", "ashr", "and", "or", "xor", "udiv", "urem"]))
        number = int(rng.integers(0, 1 << width))
        if opcode in ("shl", "lshr", "ashr"):
            number = int(rng.integers(0, width))
        if opcode in ("udiv", "urem"):
            number = 1 << int(rng.integers(0, width))
        x, moved = int(rng.integers(0, 1 << width)), int(rng.integers(0, width))
        builder = Builder()
        left = binary(builder, "shl", builder.leaf("state", width, "x"), builder.const(moved, width))
        result = binary(builder, opcode, left, builder.const(number, width))
        shifted = x << moved & ((1 << width) - 1)
        if opcode in ("udiv", "urem"):
            expected = shifted // number if opcode == "udiv" else shifted % number
        else:
            expected = evaluate(opcode, width, [shifted, number], [width, width], None)
        assert run(builder, x)[result] == expected, (opcode, width, number, x, moved)


def run(builder: Builder, x: int) -> list[int]:
    """Evaluate all values, with every state equal to `x`."""
    results: list[int] = []
    for value in builder.values:
        if value.opcode == "const":
            results.append(int(value.attr or 0))
        elif value.opcode == "state":
            results.append(x)
        else:
            args = [results[a] for a in value.args]
            results.append(
                evaluate(value.opcode, value.width, args, [builder.width(a) for a in value.args], value.attr)
            )
    return results


NAMES = """
    umin umax smin smax abs usub uadd ssub sadd fshl fshr ctpop ctlz cttz bswap bitreverse ucmp scmp
"""


@pytest.mark.parametrize("name", NAMES.split())
def test_intrinsics(name: str) -> None:
    def signed(v: int) -> int:
        return v - 256 if v > 127 else v

    def clip(v: int) -> int:
        return max(-128, min(127, v))

    meaning = {
        "umin": lambda a, b: min(a, b),
        "umax": lambda a, b: max(a, b),
        "smin": lambda a, b: min(signed(a), signed(b)),
        "smax": lambda a, b: max(signed(a), signed(b)),
        "abs": lambda a, b: abs(signed(a)),
        "usub": lambda a, b: max(a - b, 0),
        "uadd": lambda a, b: min(a + b, 255),
        "ssub": lambda a, b: clip(signed(a) - signed(b)),
        "sadd": lambda a, b: clip(signed(a) + signed(b)),
        "fshl": lambda a, b: ((a << 8 | b) << 3) >> 8,
        "fshr": lambda a, b: (a << 8 | b) >> 3,
        "ctpop": lambda a, b: a.bit_count(),
        "ctlz": lambda a, b: 8 - a.bit_length(),
        "cttz": lambda a, b: (a & -a).bit_length() - 1 if a else 8,
        "bswap": lambda a, b: a,
        "bitreverse": lambda a, b: int(f"{a:08b}"[::-1], 2),
        "ucmp": lambda a, b: (a > b) - (a < b),
        "scmp": lambda a, b: (signed(a) > signed(b)) - (signed(a) < signed(b)),
    }[name]
    for a, b in [(0, 0), (1, 255), (255, 1), (128, 127), (127, 128), (200, 201), (77, 12), (128, 128)]:
        builder = Builder()
        args = [builder.const(a, 8), builder.const(b, 8)]
        args = [*args, builder.const(3, 8)] if name.startswith("fsh") else args
        result = intrinsic(builder, name, args, 8)
        assert result is not None
        assert builder.number(result) == meaning(a, b) & 255, (a, b)


def test_cache_keeps_text(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWGEN_CACHE", str(tmp_path))
    made = []

    def make() -> str:
        made.append(1)
        return "text"

    name = cache.key("a", "bc")
    assert name != cache.key("ab", "c")
    assert [cache.remember(name, ".x", make), cache.remember(name, ".x", make), len(made)] == ["text", "text", 1]
    monkeypatch.setenv("HWGEN_CACHE", "/proc/nowhere")
    assert cache.remember(name, ".x", make) == "text"


def test_llvm_crash_is_a_sentence(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HWGEN_CACHE", str(tmp_path))
    with pytest.raises(InternalError, match=r"LLVM ended with code .* \(function f\)"):
        passes.optimise("this is no module", "f")


ENDLESS = """define void @f(ptr %at) {
entry: br label %loop
loop: %i = phi i32 [0, %entry], [%next, %loop]
  %word = load volatile i32, ptr %at
  %sum = mul i32 %word, %i
  store volatile i32 %sum, ptr %at
  %next = add i32 %i, 1
  %more = icmp ult i32 %next, 1000000
  br i1 %more, label %loop, label %done, !llvm.loop !0
done: ret void
}
!0 = distinct !{!0, !1}
!1 = !{!"llvm.loop.unroll.full"}
"""


def test_passes_that_take_too_long_are_one_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passes, "_SECONDS", 1)
    with pytest.raises(InternalError, match=r"LLVM must finish within 1 s of processor time, .* \(function f\)"):
        passes.optimise(ENDLESS, "f")


def test_source_must_exist(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="must exist"):
        clang.to_llvm(tmp_path / "nothing.cpp")
