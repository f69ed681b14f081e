// SPDX-License-Identifier: Apache-2.0
// Requantisation by comparison: exact for every monotone function of an integer.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// out = kYMin + kStep * #{t : in >= thresholds[t]}; where flip is set, in < thresholds[t] is counted instead.
///
/// Cfg: kLanes kChannels kBeats kSteps kYMin kStep kFlip in_t out_t. thresholds[fold][lane * kSteps + t], ascending in
/// t; a table of one row serves all folds, a table of kSteps lanes serves all lanes. flip[fold][lane], read only if
/// kFlip. A bipolar output has kSteps = 1, kYMin = 0, kStep = 1: the bit itself.
template <class Cfg, int kInBits, int kOutBits, class Threshold, int kDepth, int kTableLanes, int kFlipDepth,
          int kFlipLanes>
void thresholds(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
                const Threshold (&thresholds)[kDepth][kTableLanes], const ap_uint<1> (&flip)[kFlipDepth][kFlipLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = thresholds type = complete dim = 2
#pragma HLS ARRAY_RESHAPE variable = flip type = complete dim = 2
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr bool kShared = kTableLanes == Cfg::kSteps;
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(kDepth == kFolds || kDepth == 1, "thresholds must have one row for each fold, or one for all");
  static_assert(kShared || kTableLanes == Cfg::kLanes * Cfg::kSteps,
                "thresholds must have kSteps lanes for each lane, or kSteps for all");
  static_assert(kFlipDepth == kFolds || kFlipDepth == 1, "flip must have one row for each fold, or one for all");
  static_assert(kFlipLanes == Cfg::kLanes || kFlipLanes == 1, "flip must have kLanes lanes, or one for all");
  using count_t = ap_uint<clog2(Cfg::kSteps + 1)>;
  using common_t = ap_int<(bits_of<in_t>() > bits_of<Threshold>() ? bits_of<in_t>() : bits_of<Threshold>()) + 1>;

  Counter<kFolds> fold;

  // Invariant: fold is the fold of channels that the next word carries.
  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    const unsigned row = kDepth == 1 ? 0U : fold.index();
    const unsigned flip_row = kFlipDepth == 1 ? 0U : fold.index();
    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const common_t x = get_lane<in_t>(word, lane);
      count_t count = 0;
      for (unsigned t = 0; t < Cfg::kSteps; ++t) {
#pragma HLS UNROLL
        const common_t threshold = thresholds[row][(kShared ? 0U : lane * Cfg::kSteps) + t];
        const bool reached = x >= threshold;
        count += ap_uint<1>(reached);
      }
      if constexpr (Cfg::kFlip) {
        const bool flipped = flip[flip_row][kFlipLanes == 1 ? 0U : lane] != 0;
        count = flipped ? count_t(Cfg::kSteps - count) : count;
      }
      set_lane(results, lane, out_t(Cfg::kYMin + Cfg::kStep * count));
    }
    out.write(results);
    fold.step();
  }
}

}  // namespace hwgen
