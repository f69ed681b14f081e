// SPDX-License-Identifier: Apache-2.0
// Product of two streams, the second of which may hold one number for each channel: gates.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// out = (a - kZeroA) * (b - kZeroB), element by element; where kGate, a pixel of b serves all kPixels pixels of a.
///
/// Cfg: kLanes kChannels kPixels kGate kZeroA kZeroB kBipolarA kBipolarB a_t b_t out_t. A bipolar input (carried as one
/// bit) counts as -1 or +1.
template <class Cfg, int kABits, int kBBits, int kOutBits>
void multiply(hls::stream<ap_uint<kABits>>& in_a, hls::stream<ap_uint<kBBits>>& in_b,
              hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using a_t = typename Cfg::a_t;
  using b_t = typename Cfg::b_t;
  using out_t = typename Cfg::out_t;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kABits == Cfg::kLanes * bits_of<a_t>(), "a word of the first input must hold kLanes elements of a_t");
  static_assert(kBBits == Cfg::kLanes * bits_of<b_t>(), "a word of the second input must hold kLanes elements of b_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  // A bipolar input with bit b is 2 b - 1.
  constexpr int kZeroA = Cfg::kZeroA + (Cfg::kBipolarA ? 1 : 0);
  constexpr int kZeroB = Cfg::kZeroB + (Cfg::kBipolarB ? 1 : 0);
  using wide_a_t = ap_int<bits_of<a_t>() + 1 + clog2((kZeroA < 0 ? -kZeroA : kZeroA) + 2)>;
  using wide_b_t = ap_int<bits_of<b_t>() + 1 + clog2((kZeroB < 0 ? -kZeroB : kZeroB) + 2)>;

  Counter<kFolds> fold;
  Counter<Cfg::kPixels> pixel;
  ap_uint<kBBits> gates[kFolds];

  // Invariant: where kGate, gates holds the first pixel's words of b, those before `fold` while pixel is the first.
  for (unsigned i = 0; i < kFolds * Cfg::kPixels; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kABits> word_a = in_a.read();
    ap_uint<kBBits> word_b;
    if constexpr (Cfg::kGate) {
      if (pixel.first()) {
        word_b = in_b.read();
        gates[fold.index()] = word_b;
      } else {
        word_b = gates[fold.index()];
      }
    } else {
      word_b = in_b.read();
    }
    ap_uint<kOutBits> word = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const wide_a_t raw_a = get_lane<a_t>(word_a, lane);
      const wide_b_t raw_b = get_lane<b_t>(word_b, lane);
      const wide_a_t a = (Cfg::kBipolarA ? wide_a_t(2 * raw_a) : raw_a) - kZeroA;
      const wide_b_t b = (Cfg::kBipolarB ? wide_b_t(2 * raw_b) : raw_b) - kZeroB;
      set_lane(word, lane, out_t(a * b));
    }
    out.write(word);

    const bool pixel_done = fold.last();
    fold.step();
    pixel.step(pixel_done);
  }
}

}  // namespace hwgen
