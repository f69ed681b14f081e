// SPDX-License-Identifier: Apache-2.0
// Some lanes of every word, in an order of their own: wires.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

namespace hwgen {

/// Lane i of an output word is lane lanes[0][i] of the input word at the same place.
///
/// Cfg: kBits (of an element) kInLanes kOutLanes kBeats.
template <class Cfg, int kInBits, int kOutBits, class Lane, int kOutLanes>
void select(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out, const Lane (&lanes)[1][kOutLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = lanes type = complete dim = 2
  static_assert(kInBits == Cfg::kInLanes * Cfg::kBits, "an input word must hold kInLanes elements of kBits");
  static_assert(kOutBits == Cfg::kOutLanes * Cfg::kBits, "an output word must hold kOutLanes elements of kBits");
  static_assert(kOutLanes == Cfg::kOutLanes, "lanes must have one entry for each output lane");

  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    ap_uint<kOutBits> chosen = 0;
    for (unsigned lane = 0; lane < Cfg::kOutLanes; ++lane) {
#pragma HLS UNROLL
      const unsigned from = lanes[0][lane].to_uint() * Cfg::kBits;
      chosen.range((lane + 1) * Cfg::kBits - 1, lane * Cfg::kBits) = word.range(from + Cfg::kBits - 1, from);
    }
    out.write(chosen);
  }
}

}  // namespace hwgen
