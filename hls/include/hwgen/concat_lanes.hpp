// SPDX-License-Identifier: Apache-2.0
// Two streams become one: all channels of a pixel side by side.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/lanes.hpp>

namespace hwgen {

/// Every output word is a word of the first input below one of the second: all channels of a pixel.
///
/// Cfg: kLanesA kLanesB kBeats kBipolarA kBipolarB a_t b_t out_t.
template <class Cfg, int kABits, int kBBits, int kOutBits>
void concat_lanes(hls::stream<ap_uint<kABits>>& in_a, hls::stream<ap_uint<kBBits>>& in_b,
                  hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using a_t = typename Cfg::a_t;
  using b_t = typename Cfg::b_t;
  using out_t = typename Cfg::out_t;
  static_assert(kABits == Cfg::kLanesA * bits_of<a_t>(), "a word of the first input must hold kLanesA elements of a_t");
  static_assert(kBBits == Cfg::kLanesB * bits_of<b_t>(),
                "a word of the second input must hold kLanesB elements of b_t");
  static_assert(kOutBits == (Cfg::kLanesA + Cfg::kLanesB) * bits_of<out_t>(), "an output word must hold both");

  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kABits> word_a = in_a.read();
    const ap_uint<kBBits> word_b = in_b.read();
    ap_uint<kOutBits> word = 0;
    for (unsigned lane = 0; lane < Cfg::kLanesA; ++lane) {
#pragma HLS UNROLL
      set_lane(word, lane, widened<Cfg::kBipolarA, a_t, out_t>(get_lane<a_t>(word_a, lane)));
    }
    for (unsigned lane = 0; lane < Cfg::kLanesB; ++lane) {
#pragma HLS UNROLL
      set_lane(word, Cfg::kLanesA + lane, widened<Cfg::kBipolarB, b_t, out_t>(get_lane<b_t>(word_b, lane)));
    }
    out.write(word);
  }
}

}  // namespace hwgen
