// SPDX-License-Identifier: Apache-2.0
// Weighted sum of two streams: residual connections.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/lanes.hpp>

namespace hwgen {

/// out = kM0 * a + kM1 * b + kBias, element by element.
///
/// Cfg: kLanes kBeats kM0 kM1 kBias kBipolarA kBipolarB a_t b_t out_t. A bipolar input (carried as one bit) counts as
/// -1 or +1.
template <class Cfg, int kABits, int kBBits, int kOutBits>
void add(hls::stream<ap_uint<kABits>>& in_a, hls::stream<ap_uint<kBBits>>& in_b, hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using a_t = typename Cfg::a_t;
  using b_t = typename Cfg::b_t;
  using out_t = typename Cfg::out_t;
  static_assert(kABits == Cfg::kLanes * bits_of<a_t>(), "a word of the first input must hold kLanes elements of a_t");
  static_assert(kBBits == Cfg::kLanes * bits_of<b_t>(), "a word of the second input must hold kLanes elements of b_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  // m * (2 b - 1) = 2 m * b - m for a bipolar input with bit b.
  constexpr long long kFactorA = (Cfg::kBipolarA ? 2LL : 1LL) * Cfg::kM0;
  constexpr long long kFactorB = (Cfg::kBipolarB ? 2LL : 1LL) * Cfg::kM1;
  constexpr long long kConstant =
      Cfg::kBias - (Cfg::kBipolarA ? 1LL : 0LL) * Cfg::kM0 - (Cfg::kBipolarB ? 1LL : 0LL) * Cfg::kM1;

  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kABits> word_a = in_a.read();
    const ap_uint<kBBits> word_b = in_b.read();
    ap_uint<kOutBits> word = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const out_t a = out_t(kFactorA) * get_lane<a_t>(word_a, lane);
      const out_t b = out_t(kFactorB) * get_lane<b_t>(word_b, lane);
      set_lane(word, lane, out_t(a + b + out_t(kConstant)));
    }
    out.write(word);
  }
}

}  // namespace hwgen
