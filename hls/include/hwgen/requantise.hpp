// SPDX-License-Identifier: Apache-2.0
// Requantisation by multiplication: an affine function of an integer, rounded by an arithmetic shift.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// min(max(value, least), most), of which both fit Out and 33 bits.
template <class Out, int kBits, class Limit>
Out clipped(const ap_int<kBits>& value, const Limit& least, const Limit& most) {
#pragma HLS INLINE
  using clip_t = ap_int<(kBits > 33 ? kBits : 33)>;
  const bool low = clip_t(value) < clip_t(least);
  const bool high = clip_t(value) > clip_t(most);
  return low ? Out(least) : high ? Out(most) : Out(value);
}

/// A result within the limits that all channels share.
template <class Cfg, int kBits>
typename Cfg::out_t within_limits(const ap_int<kBits>& value, unsigned, unsigned) {
#pragma HLS INLINE
  return clipped<typename Cfg::out_t>(value, int(Cfg::kLo), int(Cfg::kHi));
}

/// A result within the limits of its channel.
template <class Cfg, int kBits, class Limit, int kLeastDepth, int kLeastLanes, int kMostDepth, int kMostLanes>
typename Cfg::out_t within_limits(const ap_int<kBits>& value, unsigned fold, unsigned lane,
                                  const Limit (&least)[kLeastDepth][kLeastLanes],
                                  const Limit (&most)[kMostDepth][kMostLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = least type = complete dim = 2
#pragma HLS ARRAY_RESHAPE variable = most type = complete dim = 2
  const Limit low = least[kLeastDepth == 1 ? 0U : fold][kLeastLanes == 1 ? 0U : lane];
  const Limit high = most[kMostDepth == 1 ? 0U : fold][kMostLanes == 1 ? 0U : lane];
  return clipped<typename Cfg::out_t>(value, low, high);
}

/// out = clip((in * mul + add) >> kShift, kLo, kHi); the shift rounds towards minus infinity. Where add holds one half,
/// kTies corrects exact ties, those with no fraction left: 1 puts them on the even neighbour below, 2 on the odd one.
///
/// Cfg: kLanes kChannels kBeats kShift kTies kLo kHi in_t mul_t add_t prod_t out_t. prod_t holds in * mul + add
/// exactly. mul[fold][lane], add[fold][lane]; a table of one row serves all folds, a table of one lane all lanes. Two
/// more such tables, of out_t, may take the place of kLo and kHi.
template <class Cfg, int kInBits, int kOutBits, int kMulDepth, int kMulLanes, int kAddDepth, int kAddLanes,
          class... Limits>
void requantise(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
                const typename Cfg::mul_t (&mul)[kMulDepth][kMulLanes],
                const typename Cfg::add_t (&add)[kAddDepth][kAddLanes], const Limits&... limits) {
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
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(kMulDepth == kFolds || kMulDepth == 1, "mul must have one row for each fold, or one for all");
  static_assert(kAddDepth == kFolds || kAddDepth == 1, "add must have one row for each fold, or one for all");
  static_assert(kMulLanes == Cfg::kLanes || kMulLanes == 1, "mul must have kLanes lanes, or one for all");
  static_assert(kAddLanes == Cfg::kLanes || kAddLanes == 1, "add must have kLanes lanes, or one for all");
  static_assert(Cfg::kTies <= 2 && (Cfg::kTies == 0 || Cfg::kShift > 0), "kTies must be 0, 1 or 2, and need a shift");
  static_assert(int(Cfg::kLo) <= int(Cfg::kHi), "kLo must not exceed kHi");
  static_assert(sizeof...(Limits) == 0 || sizeof...(Limits) == 2, "limits must be none, or the least and the greatest");

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
      set_lane(results, lane, within_limits<Cfg>(kept, fold.index(), lane, limits...));
    }
    out.write(results);
    fold.step();
  }
}

}  // namespace hwgen
