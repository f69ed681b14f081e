# SPDX-License-Identifier: Apache-2.0
"""Small programs that random testing found to be compiled wrongly, or refused without need."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from hwgen.hlsc import Target, compile_process, passes

from .support import HEAD, check

CASES = {
    # Of two iterations LLVM remembers only whether this is the first: the test that ends the loop is itself a local.
    "counter_of_two": """
void counter_of_two(hls::stream<ap_uint<1>>& in0, hls::stream<ap_int<5>>& out0) {
  ap_int<12> v = ap_int<12>(1);
  static ap_uint<1> x = ap_uint<1>(0);
  for (int i = 0; i < 2; ++i) {
#pragma HLS PIPELINE II = 1
    x = in0.read();
    for (int k = 0; k < 3; ++k) {
#pragma HLS UNROLL
      v += ap_uint<8>(255);
    }
    out0.write(ap_int<5>(v));
  }
}
""",
    # LLVM makes the default of a switch over all values unreachable.
    "exhaustive_switch": """
void exhaustive_switch(hls::stream<ap_uint<2>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> sum = 1;
  for (int i = 0; i < 9; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<2> x = in0.read();
    switch ((unsigned)x) {
      case 0: out0.write(sum); break;
      case 1: sum += 3; out0.write(7); break;
      case 2: out0.write(sum * 5); sum = 0; break;
      default: out0.write(x ^ sum);
    }
  }
}
""",
    # LLVM turns the choice of two addresses into one address with a chosen byte offset.
    "chosen_offset": """
void chosen_offset(hls::stream<ap_int<14>>& in0, hls::stream<ap_int<14>>& out0) {
  ap_int<14> m[5];
  ap_uint<3> at = 0;
  for (int i = 0; i < 20; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_int<14> x = in0.read();
    const ap_int<14> y = i >= 5 ? ap_int<14>(m[ap_uint<2>(ap_uint<1>(x[0]) * 3)]) : ap_int<14>(1);
    m[i < 5 ? ap_uint<3>(i) : at] = x;
    at = x[3] ? 4 : 1;
    out0.write(y);
  }
}
""",
    # LLVM writes 14 for i in the block that runs only if i is 14, and the counter becomes a join with a constant.
    "counter_with_a_constant": """
void counter_with_a_constant(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<6>>& out0) {
  ap_int<6> v = 0;
  for (int i = 0; i < 5; ++i) {
#pragma HLS PIPELINE II = 1
    ap_uint<8> x = ap_uint<8>(255);
    x = in0.read();
    out0.write(ap_uint<1>(0));
    ap_uint<3> low = ap_uint<3>(ap_uint<1>(ap_uint<8>(v)));
    if (bool(i)) {
      v = ap_int<10>((bool(low) ? ap_uint<4>(ap_uint<1>(0)) : ap_uint<4>(int((i * 5)))));
    }
  }
}
""",
    # clang copies what is wider than 64 bits by memcpy.
    "wide_copies": """
void wide_copies(hls::stream<ap_uint<77>>& in0, hls::stream<ap_uint<80>>& out0) {
  static ap_int<77> taps[4] = {1, -2, 3, -4};
  ap_uint<77> m[8];
  for (int i = 0; i < 20; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<77> x = in0.read();
    for (int k = 3; k > 0; --k) {
#pragma HLS UNROLL
      taps[k] = taps[k - 1];
    }
    taps[0] = x;
    ap_uint<77> y = 0;
    if (i >= 8) y = m[ap_uint<3>(x)];
    if (i < 8) m[i] = x;
    else m[ap_uint<3>(x >> 3)] = m[ap_uint<3>(x >> 6)];
    out0.write(taps[3] + y);
  }
}
""",
    # In the case for 5 the next i is the constant 6.
    "counter_in_a_switch": """
void counter_in_a_switch(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  for (int i = 0; i < 31; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    switch (i) {
      case 5: out0.write(0); break;
      case 2: out0.write(x * x); break;
      default: out0.write(1);
    }
  }
}
""",
    # LLVM moves what only the last iteration does behind the loop, and leaves the loop early.
    "last_iteration": """
void last_iteration(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& in1, hls::stream<ap_uint<9>>& out0) {
  static ap_uint<9> total = 1;
  for (int i = 0; i < 2; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    if (i == 1) {
      total += in1.read();
      out0.write(total + x);
    }
  }
}
""",
    "after_the_loop": """
void after_the_loop(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> sum = 0;
  for (int i = 0; i < 5; ++i) {
#pragma HLS PIPELINE II = 1
    sum += in0.read();
  }
  out0.write(sum);
}
""",
    # A RAM of two words becomes two registers, and its index a choice of pointers.
    "two_words": """
void two_words(hls::stream<ap_uint<8>>& in0, hls::stream<ap_int<30>>& out0) {
  ap_int<30> m[2];
  for (int i = 0; i < 20; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    const ap_uint<1> at = i < 2 ? ap_uint<1>(i) : ap_uint<1>(x >> 1);
    ap_int<30> y = 0;
    if (i >= 2) y = m[ap_uint<1>(x)];
    if (i < 2 || x > 50) m[at] = y * x + 1;
    out0.write(y);
  }
}
""",
    "zeros_at_first": """
void zeros_at_first(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  static ap_uint<8> m[16];
  for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<4> x = in0.read();
    const ap_uint<8> y = m[x];
    m[x] = y + 1;
    out0.write(y);
  }
}
""",
    # Rotating the loop leaves joins of k with itself, in which LLVM does not see a trip count.
    "rotated": """
void rotated(hls::stream<ap_uint<11>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> v = 255;
  for (int i = 0; i < 20; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<11> x = in0.read();
    for (int k = 0; k < 3; ++k) {
#pragma HLS UNROLL
      switch ((unsigned)ap_uint<2>(x)) {
        case 0: v += 3; break;
        case 1: v -= x; break;
        default: v ^= 5;
      }
      if (i > 6) v ^= i > 7 ? ap_int<10>(x[4]) : ap_int<10>(ap_uint<4>(k) >> ap_int<6>(x));
    }
    out0.write(v);
  }
}
""",
}


@pytest.mark.parametrize("name", CASES)
def test_found(name: str, tmp_path: Path) -> None:
    source = tmp_path / f"{name}.cpp"
    source.write_text(HEAD + CASES[name])
    check(source, name, [], seed=3)


def test_a_static_ram_is_zero_in_hardware(tmp_path: Path) -> None:
    source = tmp_path / "zeros_at_first.cpp"
    source.write_text(HEAD + CASES["zeros_at_first"])
    module = compile_process(source, "zeros_at_first", [], Target("xcup", 300.0))
    assert "initial for (int row = 0; row < 16; row++) m[row] = 8'd0;" in module.rtl
    assert "if (ap_rst_n && " in module.rtl, "a store before the end of the reset would spoil the zeros"


def test_value_numbering_that_stops_llvm_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real, calls = subprocess.run, []

    def stopped(argv: list[str], **keywords: object) -> subprocess.CompletedProcess[str]:
        if "opt_worker" not in str(argv):
            return real(argv, **keywords)
        calls.append(argv[-1])
        if len(calls) == 1:
            return subprocess.CompletedProcess(argv, -6, "", "python: NewGVN.cpp:3336: Assertion failed")
        return real(argv, **keywords)

    monkeypatch.setattr(passes.subprocess, "run", stopped)
    monkeypatch.setenv("HWGEN_CACHE", str(tmp_path / "cache"))
    source = tmp_path / "two_words.cpp"
    source.write_text(HEAD + CASES["two_words"])
    check(source, "two_words", [], seed=3)
    assert calls[1] == "plain"
