// SPDX-License-Identifier: Apache-2.0
// A constant of its own for every element: position embeddings.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// out = (in << kShift) + table, element by element. Cfg: kLanes kBeats kShift in_t out_t. table[beat][lane].
template <class Cfg, int kInBits, int kOutBits, class Entry>
void add_table(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
               const Entry (&table)[Cfg::kBeats][Cfg::kLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = table type = complete dim = 2
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");

  Counter<Cfg::kBeats> beat;
  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const out_t x = get_lane<in_t>(word, lane);
      set_lane(results, lane, out_t((x << Cfg::kShift) + table[beat.index()][lane]));
    }
    out.write(results);
    beat.step();
  }
}

}  // namespace hwgen
