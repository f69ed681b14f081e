// SPDX-License-Identifier: Apache-2.0
// Layer normalisation: each token minus its mean, divided by its standard deviation.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/interpolate.hpp>

namespace hwgen {

/// For each of kTokens tokens of kChannels elements, with sum s and sum of squares q:
///   y = (x * kChannels - s) * root >> shift, rounded to the nearest, halves up,
/// where w = (kChannels * q - s * s) << kScaleBits, plus kEpsilon, has the exponent e and 1 / sqrt(w) the mantissa
/// `root` of the tables, and shift = kShift + e.
///
/// Cfg: kLanes kChannels kTokens kScaleBits kEpsilon kShift kIndexBits kFractionBits kWideBits in_t sum_t square_t
/// centred_t root_t prod_t out_t. Words hold kLanes channels. While a token is read, the one before it is put out: it
/// waits in a memory of one token. kWideBits, even, is the width that w is shifted in.
template <class Cfg, int kInBits, int kOutBits, class Base, class Slope, int kDepth>
void layernorm(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out, const Base (&base)[kDepth][1],
               const Slope (&slope)[kDepth][1]) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  using sum_t = typename Cfg::sum_t;
  using square_t = typename Cfg::square_t;
  using centred_t = typename Cfg::centred_t;
  using root_t = typename Cfg::root_t;
  using prod_t = typename Cfg::prod_t;
  using wide_t = ap_uint<int(Cfg::kWideBits)>;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr unsigned kIterations = (Cfg::kTokens + 1) * kFolds;
  constexpr unsigned kMostShift = Cfg::kShift - 1 + Cfg::kWideBits / 2 - 1;
  using gain_t = ap_uint<clog2(Cfg::kChannels + 1)>;
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(Cfg::kWideBits % 2 == 0 && Cfg::kShift >= 1, "kWideBits must be even, kShift at least 1");

  Counter<kFolds> fold;
  Counter<Cfg::kTokens + 1> token;
  ap_uint<kInBits> words[kFolds];
  sum_t sum = 0;
  square_t squares = 0;
  sum_t total = 0;
  root_t root = 0;
  ap_uint<index_bits(kMostShift + 1)> shift = 0;

  // Invariant: words holds the folds of `token` before `fold`, then those of the token before it from `fold` on; sum
  // and squares are of the former, total, root and shift of the latter.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    ap_uint<kInBits> before = 0;
    if (!token.first()) {
      before = words[fold.index()];
    }
    ap_uint<kInBits> word = 0;
    if (!token.last()) {
      word = in.read();
      words[fold.index()] = word;
    }

    ap_uint<kOutBits> results = 0;
    sum_t new_sum = fold.first() ? sum_t(0) : sum;
    square_t new_squares = fold.first() ? square_t(0) : squares;
    sum_t part = 0;
    square_t square_part = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const in_t x = get_lane<in_t>(word, lane);
      part += x;
      square_part += x * x;
      const centred_t centred = get_lane<in_t>(before, lane) * gain_t(Cfg::kChannels) - total;
      const prod_t scaled = (centred * root) >> shift;
      set_lane(results, lane, out_t((scaled + 1) >> 1));
    }
    new_sum += part;
    new_squares += square_part;
    sum = new_sum;
    squares = new_squares;
    if (!token.first()) {
      out.write(results);
    }

    if (fold.last()) {
      const wide_t spread = gain_t(Cfg::kChannels) * new_squares - new_sum * new_sum;
      const wide_t variance = (spread << Cfg::kScaleBits) + wide_t(Cfg::kEpsilon);
      const Shifted<int(Cfg::kWideBits)> mantissa = leading_one_first<2>(variance);
      total = new_sum;
      root = interpolate<root_t, 2, int(Cfg::kIndexBits), int(Cfg::kFractionBits)>(mantissa.value, base, slope);
      shift = kMostShift - (mantissa.zeros >> 1);
    }

    const bool token_done = fold.last();
    fold.step();
    token.step(token_done);
  }
}

}  // namespace hwgen
