// SPDX-License-Identifier: Apache-2.0
// Maximum or sum of each channel over all pixels of a frame.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// Cfg: kLanes kChannels kPixels kMax in_t out_t. Words hold kLanes channels, pixels outermost.
template <class Cfg, int kInBits, int kOutBits>
void global_pool(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr unsigned kIterations = Cfg::kPixels * kFolds;
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");

  Counter<kFolds> fold;
  Counter<Cfg::kPixels> pixel;
  ap_uint<kOutBits> acc[kFolds];
#pragma HLS ARRAY_PARTITION variable = acc type = complete

  // Invariant: acc is a shift register; acc[0] is the result of this fold over the pixels before `pixel`.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    const ap_uint<kOutBits> before = acc[0];
    ap_uint<kOutBits> after = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const out_t x = get_lane<in_t>(word, lane);
      const out_t old = get_lane<out_t>(before, lane);
      if constexpr (Cfg::kMax) {
        set_lane(after, lane, out_t(pixel.first() || old < x ? x : old));
      } else {
        const out_t start = pixel.first() ? out_t(0) : old;
        set_lane(after, lane, out_t(start + x));
      }
    }
    for (unsigned k = 0; k + 1 < kFolds; ++k) {
#pragma HLS UNROLL
      acc[k] = acc[k + 1];
    }
    acc[kFolds - 1] = after;
    if (pixel.last()) {
      out.write(after);
    }

    const bool pixel_done = fold.last();
    fold.step();
    pixel.step(pixel_done);
  }
}

}  // namespace hwgen
