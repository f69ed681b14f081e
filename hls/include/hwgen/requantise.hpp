// SPDX-License-Identifier: Apache-2.0
// Requantisation by multiplication: an affine function of an integer, rounded by an arithmetic shift.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// out = clip((in * mul + add) >> kShift, kLo, kHi); the shift rounds towards minus infinity. Where add holds one half,
/// kTies corrects exact ties, those with no fraction left: 1 puts them on the even neighbour below, 2 on the odd one.
///
/// Cfg: kLanes kChannels kBeats kShift kTies kLo kHi in_t mul_t add_t prod_t out_t. prod_t holds in * mul + add
/// exactly. mul[fold][lane], add[fold][lane]; a table of one row serves all folds, a table of one lane all lanes.
template <class Cfg, int kInBits, int kOutBits, int kMulDepth, int kMulLanes, int kAddDepth, int kAddLanes>
void requantise(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
                const typename Cfg::mul_t (&mul)[kMulDepth][kMulLanes],
                const typename Cfg::add_t (&add)[kAddDepth][kAddLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = mul type = complete dim = 2
#pragma HLS ARRAY_RESHAPE variable = add type = complete dim = 2
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  using prod_t = typename Cfg::prod_t;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr int kKept = bits_of<prod_t>() > Cfg::kShift ? bits_of<prod_t>() - int(Cfg::kShift) : 1;
  constexpr int kFraction = Cfg::kShift > 0 ? int(Cfg::kShift) : 1;
  using kept_t = ap_int<kKept + 1>;
  using clip_t = ap_int<(kKept + 1 > 33 ? kKept + 1 : 33)>;
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(kMulDepth == kFolds || kMulDepth == 1, "mul must have one row for each fold, or one for all");
  static_assert(kAddDepth == kFolds || kAddDepth == 1, "add must have one row for each fold, or one for all");
  static_assert(kMulLanes == Cfg::kLanes || kMulLanes == 1, "mul must have kLanes lanes, or one for all");
  static_assert(kAddLanes == Cfg::kLanes || kAddLanes == 1, "add must have kLanes lanes, or one for all");
  static_assert(Cfg::kTies <= 2 && (Cfg::kTies == 0 || Cfg::kShift > 0), "kTies must be 0, 1 or 2, and need a shift");
  static_assert(int(Cfg::kLo) <= int(Cfg::kHi), "kLo must not exceed kHi");

  Counter<kFolds> fold;

  // Invariant: fold is the fold of channels that the next word carries.
  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const in_t x = get_lane<in_t>(word, lane);
      const typename Cfg::mul_t factor = mul[kMulDepth == 1 ? 0U : fold.index()][kMulLanes == 1 ? 0U : lane];
      const typename Cfg::add_t offset = add[kAddDepth == 1 ? 0U : fold.index()][kAddLanes == 1 ? 0U : lane];
      const prod_t exact = x * factor + offset;
      const kept_t floored = exact >> Cfg::kShift;
      const ap_uint<kFraction> fraction = exact;
      const bool tie = Cfg::kTies != 0 && fraction == 0;
      const bool down = tie && floored[0] == (Cfg::kTies == 1);
      const kept_t kept = down ? kept_t(floored - 1) : floored;
      const bool low = clip_t(kept) < clip_t(int(Cfg::kLo));
      const bool high = clip_t(kept) > clip_t(int(Cfg::kHi));
      set_lane(results, lane, low ? out_t(int(Cfg::kLo)) : high ? out_t(int(Cfg::kHi)) : out_t(kept));
    }
    out.write(results);
    fold.step();
  }
}

}  // namespace hwgen
