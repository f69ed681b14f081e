// SPDX-License-Identifier: Apache-2.0
// Index of the largest element of a frame, the lowest one where several are equal.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// A candidate: an element and its lane.
template <class T, unsigned kLanes>
struct Candidate {
  T value;
  ap_uint<index_bits(kLanes)> lane;
};

/// Best of the lanes kFrom .. kFrom + kCount - 1 by a balanced tree; the left one wins a tie.
template <class T, unsigned kLanes, unsigned kFrom, unsigned kCount, int kBits>
Candidate<T, kLanes> best_lane(const ap_uint<kBits>& word) {
#pragma HLS INLINE
  if constexpr (kCount == 1) {
    Candidate<T, kLanes> only;
    only.value = get_lane<T>(word, kFrom);
    only.lane = kFrom;
    return only;
  } else {
    const Candidate<T, kLanes> left = best_lane<T, kLanes, kFrom, kCount / 2>(word);
    const Candidate<T, kLanes> right = best_lane<T, kLanes, kFrom + kCount / 2, kCount - kCount / 2>(word);
    return right.value > left.value ? right : left;
  }
}

/// Cfg: kLanes kBeats in_t out_t. out_t = ap_uint holds kLanes * kBeats - 1.
template <class Cfg, int kInBits, int kOutBits>
void argmax(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == bits_of<out_t>(), "an output word must hold one index of out_t");
  static_assert(kOutBits >= clog2(Cfg::kLanes * Cfg::kBeats), "out_t must hold the highest index");

  Counter<Cfg::kBeats> beat;
  out_t base = 0;
  in_t best = 0;
  out_t index = 0;

  // Invariant: base = beat * kLanes; best is the maximum of the beats before `beat`, and index where it came first.
  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    const Candidate<in_t, Cfg::kLanes> here = best_lane<in_t, Cfg::kLanes, 0, Cfg::kLanes>(word);
    const bool replace = beat.first() || here.value > best;
    const out_t place = base + here.lane;
    best = replace ? here.value : best;
    index = replace ? place : index;
    if (beat.last()) {
      out.write(index);
    }
    base = beat.last() ? out_t(0) : out_t(base + Cfg::kLanes);
    beat.step();
  }
}

}  // namespace hwgen
