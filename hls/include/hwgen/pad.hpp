// SPDX-License-Identifier: Apache-2.0
// A map with constant words around it.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// Cfg: kLanes kRows kColumns kFolds kFirstRow kEndRow kFirstColumn kEndColumn kFirstFold kEndFold kValue kBipolar in_t
/// out_t. The output has kRows * kColumns * kFolds words; those of rows kFirstRow .. kEndRow-1 and the same columns and
/// folds come from the input, the others hold kValue in every lane. A frame waits for its first word.
template <class Cfg, int kInBits, int kOutBits>
void pad(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");

  Counter<Cfg::kFolds> fold;
  Counter<Cfg::kColumns> column;
  Counter<Cfg::kRows> row;
  ap_uint<kInBits> first;
  // Invariant: `first` is the frame's first word, which is read before anything is written.
  for (unsigned i = 0; i < Cfg::kRows * Cfg::kColumns * Cfg::kFolds; ++i) {
#pragma HLS PIPELINE II = 1
    const int r = row.index();
    const int c = column.index();
    const int f = fold.index();
    const bool inside = r >= int(Cfg::kFirstRow) && r < int(Cfg::kEndRow) && c >= int(Cfg::kFirstColumn) &&
                        c < int(Cfg::kEndColumn) && f >= int(Cfg::kFirstFold) && f < int(Cfg::kEndFold);
    const bool initial = r == int(Cfg::kFirstRow) && c == int(Cfg::kFirstColumn) && f == int(Cfg::kFirstFold);
    const bool begins = row.first() && column.first() && fold.first();
    ap_uint<kInBits> word = 0;
    if (begins || (inside && !initial)) {
      word = in.read();
    }
    if (begins) {
      first = word;
    }
    const ap_uint<kInBits> taken = initial ? first : word;
    ap_uint<kOutBits> result = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const out_t x = widened<Cfg::kBipolar, in_t, out_t>(get_lane<in_t>(taken, lane));
      set_lane(result, lane, inside ? x : out_t(Cfg::kValue));
    }
    out.write(result);

    const bool pixel_done = fold.last();
    const bool row_done = pixel_done && column.last();
    fold.step();
    column.step(pixel_done);
    row.step(row_done);
  }
}

}  // namespace hwgen
