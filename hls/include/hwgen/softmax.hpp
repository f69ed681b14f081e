// SPDX-License-Identifier: Apache-2.0
// Softmax over groups of channels, with the exponential from a table and one reciprocal for each group.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/interpolate.hpp>

namespace hwgen {

/// The largest of the lanes kFrom .. kFrom + kCount - 1 by a balanced tree.
template <class T, unsigned kFrom, unsigned kCount, int kBits>
T largest_lane(const ap_uint<kBits>& word) {
#pragma HLS INLINE
  if constexpr (kCount == 1) {
    return get_lane<T>(word, kFrom);
  } else {
    const T left = largest_lane<T, kFrom, kCount / 2>(word);
    const T right = largest_lane<T, kFrom + kCount / 2, kCount - kCount / 2>(word);
    return left < right ? right : left;
  }
}

/// For each of kGroups groups of kChannels elements: e = exps[largest - x], of which the last stands for all that are
/// further away, and y = e * reciprocal >> shift, rounded to the nearest, halves up, at most what out_t holds. The sum
/// of all e has the exponent k, its reciprocal the mantissa of the tables, and shift = kShift + k.
///
/// Cfg: kLanes kChannels kGroups kShift kIndexBits kFractionBits kWideBits in_t exp_t sum_t reciprocal_t out_t. Words
/// hold kLanes channels. While a group is read, the exponentials of the one before it are added up, and the one before
/// that is put out; each waits in a memory of one group. kWideBits is the width that the sum is shifted in.
template <class Cfg, int kInBits, int kOutBits, class Exp, int kExpDepth, class Base, class Slope, int kDepth>
void softmax(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out, const Exp (&exps)[kExpDepth][1],
             const Base (&base)[kDepth][1], const Slope (&slope)[kDepth][1]) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using exp_t = typename Cfg::exp_t;
  using sum_t = typename Cfg::sum_t;
  using reciprocal_t = typename Cfg::reciprocal_t;
  using out_t = typename Cfg::out_t;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr unsigned kIterations = (Cfg::kGroups + 2) * kFolds;
  constexpr unsigned kMostShift = Cfg::kShift - 1 + Cfg::kWideBits - 1;
  constexpr int kExpBits = int(Cfg::kLanes) * bits_of<exp_t>();
  using far_t = ap_uint<bits_of<in_t>()>;
  using prod_t = ap_uint<bits_of<exp_t>() + bits_of<reciprocal_t>()>;
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(Cfg::kShift >= 1, "kShift must be at least 1");

  Counter<kFolds> fold;
  Counter<Cfg::kGroups + 2> group;
  ap_uint<kInBits> words[kFolds];
  ap_uint<kExpBits> kept[kFolds];
  in_t best = 0;
  in_t top = 0;
  sum_t sum = 0;
  reciprocal_t reciprocal = 0;
  ap_uint<index_bits(kMostShift + 1)> shift = 0;

  // Invariant: words holds the folds of `group` before `fold`, then those of the group before it, and kept the
  // exponentials of the groups one and two before; best is the largest of the former group, top that of the one
  // before it, sum that group's sum before `fold`; reciprocal and shift are of the group before that.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    ap_uint<kInBits> before = 0;
    if (!group.first()) {
      before = words[fold.index()];
    }
    ap_uint<kInBits> word = 0;
    if (group.index() < Cfg::kGroups) {
      word = in.read();
      words[fold.index()] = word;
    }
    const in_t here = largest_lane<in_t, 0, Cfg::kLanes>(word);
    const in_t new_best = fold.first() || best < here ? here : best;
    best = new_best;

    ap_uint<kExpBits> oldest = 0;
    if (group.index() > 1) {
      oldest = kept[fold.index()];
    }
    ap_uint<kExpBits> powers = 0;
    sum_t part = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const far_t away = top - get_lane<in_t>(before, lane);
      const exp_t power = exps[away < kExpDepth ? away.to_uint() : unsigned(kExpDepth - 1)][0];
      set_lane(powers, lane, power);
      part += power;
    }
    kept[fold.index()] = powers;
    const sum_t new_sum = (fold.first() ? sum_t(0) : sum) + part;
    sum = new_sum;

    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const prod_t scaled = (get_lane<exp_t>(oldest, lane) * reciprocal) >> shift;
      const prod_t rounded = (scaled + 1) >> 1;
      set_lane(results, lane, (rounded >> bits_of<out_t>()) != 0 ? out_t(-1) : out_t(rounded));
    }
    if (group.index() > 1) {
      out.write(results);
    }

    if (fold.last()) {
      const Shifted<int(Cfg::kWideBits)> mantissa = leading_one_first<1>(ap_uint<int(Cfg::kWideBits)>(new_sum));
      top = new_best;
      reciprocal =
          interpolate<reciprocal_t, 1, int(Cfg::kIndexBits), int(Cfg::kFractionBits)>(mantissa.value, base, slope);
      shift = kMostShift - mantissa.zeros;
    }

    const bool group_done = fold.last();
    fold.step();
    group.step(group_done);
  }
}

}  // namespace hwgen
