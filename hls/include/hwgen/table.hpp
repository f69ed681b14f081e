// SPDX-License-Identifier: Apache-2.0
// Any function of a small integer, looked up in a table.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// out = values[bits of in], element by element.
///
/// Cfg: kLanes kChannels kBeats in_t out_t. values[fold * 2**n + p][lane] belongs to the input whose n bits read as the
/// unsigned number p; a table of 2**n rows serves all folds, a table of one lane all lanes.
template <class Cfg, int kInBits, int kOutBits, int kDepth, int kTableLanes>
void table(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
           const typename Cfg::out_t (&values)[kDepth][kTableLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_PARTITION variable = values type = complete dim = 2
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  using place_t = ap_uint<bits_of<in_t>()>;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr unsigned kSize = 1U << bits_of<in_t>();
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(kDepth == kFolds * kSize || kDepth == kSize, "values must have 2**n rows for each fold, or for all");
  static_assert(kTableLanes == Cfg::kLanes || kTableLanes == 1, "values must have kLanes lanes, or one for all");

  Counter<kFolds> fold;

  // Invariant: fold is the fold of channels that the next word carries.
  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    const unsigned base = kDepth == kSize ? 0U : fold.index() * kSize;
    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const place_t place = get_lane<place_t>(word, lane);
      set_lane(results, lane, values[base + place.to_uint()][kTableLanes == 1 ? 0U : lane]);
    }
    out.write(results);
    fold.step();
  }
}

}  // namespace hwgen
