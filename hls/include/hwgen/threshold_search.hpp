// SPDX-License-Identifier: Apache-2.0
// Requantisation by binary search among thresholds: n comparisons instead of 2**n - 1, one after the other.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// The number of thresholds that `x` reaches: `found` holds its highest kLevel bits, and each table gives one more.
template <int kLevel, unsigned kLanes, class T, class Threshold, int kDepth, int kTableLanes, class... Deeper>
ap_uint<kLevel + 1 + sizeof...(Deeper)> search(const ap_uint<(kLevel > 0 ? kLevel : 1)>& found, const T& x,
                                               unsigned fold, unsigned lane,
                                               const Threshold (&table)[kDepth][kTableLanes], const Deeper&... deeper) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = table type = complete dim = 2
  constexpr unsigned kRows = 1U << kLevel;
  static_assert(kDepth % kRows == 0, "table n must have 2**n rows for each fold, or 2**n for all");
  static_assert(kTableLanes == kLanes || kTableLanes == 1, "a table must have kLanes lanes, or one for all");
  const unsigned row = (kDepth == kRows ? 0U : fold * kRows) + found.to_uint();
  const T threshold = table[row][kTableLanes == 1 ? 0U : lane];
  const ap_uint<1> reached = x >= threshold;
  const ap_uint<kLevel + 1> more = (ap_uint<kLevel + 1>(found) << 1) | reached;
  if constexpr (sizeof...(Deeper) > 0) {
    return search<kLevel + 1, kLanes>(more, x, fold, lane, deeper...);
  } else {
    return more;
  }
}

/// out = kYMin + kStep * #{t : in >= thresholds[t]}; where flip is set, in < thresholds[t] is counted instead.
///
/// Cfg: kLanes kChannels kBeats kSteps kYMin kStep kFlip in_t out_t. With n tables there are 2**n - 1 thresholds:
/// kSteps, ascending, and after them some that no input reaches. Table l holds for each fold 2**l rows, row p being the
/// threshold number (2 p + 1) * 2**(n - l - 1) - 1, counted from 0: tables[l][fold * 2**l + p][lane]. A table of 2**l
/// rows serves all folds, a table of one lane all lanes. flip[fold][lane] is read only if kFlip.
template <class Cfg, int kInBits, int kOutBits, int kFlipDepth, int kFlipLanes, class... Tables>
void threshold_search(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
                      const ap_uint<1> (&flip)[kFlipDepth][kFlipLanes], const Tables&... tables) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = flip type = complete dim = 2
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  using common_t = ap_int<bits_of<in_t>() + 2>;
  using count_t = ap_uint<sizeof...(Tables)>;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(Cfg::kSteps < (1U << sizeof...(Tables)), "n tables tell at most 2**n - 1 thresholds apart");
  static_assert(kFlipDepth == kFolds || kFlipDepth == 1, "flip must have one row for each fold, or one for all");
  static_assert(kFlipLanes == Cfg::kLanes || kFlipLanes == 1, "flip must have kLanes lanes, or one for all");

  Counter<kFolds> fold;

  // Invariant: fold is the fold of channels that the next word carries.
  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const common_t x = get_lane<in_t>(word, lane);
      count_t count = search<0, Cfg::kLanes>(ap_uint<1>(0), x, fold.index(), lane, tables...);
      if constexpr (Cfg::kFlip) {
        const bool flipped = flip[kFlipDepth == 1 ? 0U : fold.index()][kFlipLanes == 1 ? 0U : lane] != 0;
        count = flipped ? count_t(Cfg::kSteps - count) : count;
      }
      set_lane(results, lane, out_t(Cfg::kYMin + Cfg::kStep * count));
    }
    out.write(results);
    fold.step();
  }
}

}  // namespace hwgen
