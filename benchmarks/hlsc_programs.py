# SPDX-License-Identifier: Apache-2.0
"""C++ programs of `hlsc.py`, their seeded tables and what they compute."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]

HEADERS = "".join(f"#include <{h}>\n" for h in ("ap_int.h", "hls_stream.h", "hwgen/lanes.hpp"))


def table(kind: str, name: str, rows: Ints) -> str:
    """Return a constant array of two dimensions."""
    text = ",\n".join("  {" + ", ".join(map(str, row)) + "}" for row in rows.tolist())
    return f"static const {kind} {name}[{rows.shape[0]}][{rows.shape[1]}] = {{\n{text}}};\n"


@dataclass(frozen=True)
class Matvec:
    """64x32 matrix-vector product, int4 weights, unsigned 4-bit inputs, 15 thresholds a row; 8 columns x 4 rows."""

    weights: Ints
    levels: Ints

    inputs, outputs, simd, pe, steps = 64, 32, 8, 4, 15
    folds = inputs // simd * outputs // pe

    @staticmethod
    def seeded(seed: int = 1) -> Matvec:
        """Return one with random weights, and thresholds spread as its sums are."""
        rng = np.random.default_rng(seed)
        weights = rng.integers(-8, 8, (Matvec.outputs, Matvec.inputs))
        levels = np.sort(rng.integers(-700, 700, (Matvec.outputs, Matvec.steps)), axis=1)
        return Matvec(weights, levels + 7 * weights.sum(axis=1, keepdims=True))

    def run(self, x: Ints) -> Ints:
        """Return the thresholded sums of vectors, shape (vectors, outputs)."""
        sums = x @ self.weights.T
        return (sums[:, :, None] >= self.levels[None]).sum(axis=2)

    def lanes(self) -> Ints:
        """Return the weights in fold order, shape (folds, pe * simd)."""
        split = self.weights.reshape(self.outputs // self.pe, self.pe, self.inputs // self.simd, self.simd)
        return split.transpose(0, 2, 1, 3).reshape(self.folds, self.pe * self.simd)

    def source(self) -> str:
        """Return the process: the library's product, counters and lanes in one loop."""
        levels = self.levels.reshape(self.outputs // self.pe, self.pe * self.steps)
        return (
            HEADERS
            + "#include <hwgen/counter.hpp>\n#include <hwgen/product.hpp>\n"
            + table("ap_int<4>", "kWeights", self.lanes())
            + table("ap_int<14>", "kLevels", levels)
            + _MATVEC
        )


_MATVEC = """
struct Config {
  using in_t = ap_uint<4>;
  using weight_t = ap_int<4>;
  static constexpr bool kBipolarInput = false;
  static constexpr bool kBipolarWeight = false;
};

void matvec(hls::stream<ap_uint<32>>& in, hls::stream<ap_uint<16>>& out) {
  hwgen::Counter<8> column;
  hwgen::Counter<8> row;
  ap_int<14> acc[4];
#pragma HLS ARRAY_PARTITION variable = acc type = complete
  ap_uint<32> vector[8];
  for (unsigned i = 0; i < 64; ++i) {
#pragma HLS PIPELINE II = 1
    ap_uint<32> word;
    if (row.first()) {
      word = in.read();
      vector[column.index()] = word;
    } else {
      word = vector[column.index()];
    }
    ap_uint<16> results = 0;
    for (unsigned pe = 0; pe < 4; ++pe) {
#pragma HLS UNROLL
      ap_int<11> sum = 0;
      for (unsigned simd = 0; simd < 8; ++simd) {
#pragma HLS UNROLL
        const auto x = hwgen::get_lane<ap_uint<4>>(word, simd);
        sum += hwgen::Product<Config>::term(x, kWeights[row.index() * 8 + column.index()][pe * 8 + simd]);
      }
      const ap_int<14> start = column.first() ? ap_int<14>(0) : acc[pe];
      const ap_int<14> next = start + sum;
      acc[pe] = next;
      ap_uint<4> count = 0;
      for (unsigned t = 0; t < 15; ++t) {
#pragma HLS UNROLL
        count += ap_uint<1>(next >= kLevels[row.index()][pe * 15 + t]);
      }
      hwgen::set_lane(results, pe, count);
    }
    if (column.last()) {
      out.write(results);
    }
    const bool row_done = column.last();
    column.step();
    row.step(row_done);
  }
}
"""


def constant_dot(rows: int, columns: int, seed: int = 1) -> str:
    """Return a matrix-vector product of random int4 constants and unsigned 4-bit inputs, a vector every clock."""
    weights = np.random.default_rng(seed).integers(-8, 8, (rows, columns))
    bits = 8 + (columns - 1).bit_length()
    return (
        HEADERS
        + table("ap_int<4>", "kWeights", weights)
        + f"""
void dot(hls::stream<ap_uint<{4 * columns}>>& in, hls::stream<ap_uint<{bits * rows}>>& out) {{
  for (unsigned i = 0; i < 1024; ++i) {{
#pragma HLS PIPELINE II = 1
    const ap_uint<{4 * columns}> word = in.read();
    ap_uint<{bits * rows}> sums = 0;
    for (unsigned row = 0; row < {rows}; ++row) {{
#pragma HLS UNROLL
      ap_int<{bits}> sum = 0;
      for (unsigned column = 0; column < {columns}; ++column) {{
#pragma HLS UNROLL
        sum += hwgen::get_lane<ap_uint<4>>(word, column) * kWeights[row][column];
      }}
      hwgen::set_lane(sums, row, sum);
    }}
    out.write(sums);
  }}
}}
"""
    )


def many_products(count: int, seed: int = 1) -> str:
    """Return one loop with `count` products of int4 inputs and table entries, 64 a sum."""
    weights = np.random.default_rng(seed).integers(-8, 8, (16, count))
    sums = count // 64
    return (
        HEADERS
        + table("ap_int<4>", "kWeights", weights)
        + f"""
void products(hls::stream<ap_uint<256>>& in, hls::stream<ap_uint<{16 * sums}>>& out) {{
  ap_uint<4> fold = 0;
  for (unsigned i = 0; i < 1024; ++i) {{
#pragma HLS PIPELINE II = 1
    const ap_uint<256> word = in.read();
    ap_uint<{16 * sums}> sums = 0;
    for (unsigned row = 0; row < {sums}; ++row) {{
#pragma HLS UNROLL
      ap_int<16> sum = 0;
      for (unsigned column = 0; column < 64; ++column) {{
#pragma HLS UNROLL
        sum += hwgen::get_lane<ap_int<4>>(word, column) * kWeights[fold][row * 64 + column];
      }}
      hwgen::set_lane(sums, row, sum);
    }}
    out.write(sums);
    ++fold;
  }}
}}
"""
    )
