// SPDX-License-Identifier: Apache-2.0
// Two streams become one: channels, columns or rows side by side.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// kOuter times: kRunA words of the first input, then kRunB of the second.
///
/// Cfg: kLanes kOuter kRunA kRunB kBipolarA kBipolarB a_t b_t out_t.
template <class Cfg, int kABits, int kBBits, int kOutBits>
void concat(hls::stream<ap_uint<kABits>>& in_a, hls::stream<ap_uint<kBBits>>& in_b,
            hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using a_t = typename Cfg::a_t;
  using b_t = typename Cfg::b_t;
  using out_t = typename Cfg::out_t;
  static_assert(kABits == Cfg::kLanes * bits_of<a_t>(), "a word of the first input must hold kLanes elements of a_t");
  static_assert(kBBits == Cfg::kLanes * bits_of<b_t>(), "a word of the second input must hold kLanes elements of b_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  constexpr unsigned kPeriod = Cfg::kRunA + Cfg::kRunB;

  Counter<kPeriod> at;
  for (unsigned i = 0; i < Cfg::kOuter * kPeriod; ++i) {
#pragma HLS PIPELINE II = 1
    const bool first = at.index() < Cfg::kRunA;
    ap_uint<kABits> word_a = 0;
    ap_uint<kBBits> word_b = 0;
    if (first) {
      word_a = in_a.read();
    } else {
      word_b = in_b.read();
    }
    ap_uint<kOutBits> word = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const out_t a = widened<Cfg::kBipolarA, a_t, out_t>(get_lane<a_t>(word_a, lane));
      const out_t b = widened<Cfg::kBipolarB, b_t, out_t>(get_lane<b_t>(word_b, lane));
      set_lane(word, lane, first ? a : b);
    }
    out.write(word);
    at.step();
  }
}

}  // namespace hwgen
