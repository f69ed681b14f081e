// SPDX-License-Identifier: Apache-2.0
// Product of two activations, head by head: attention's queries times keys, and its weights times values.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>

namespace hwgen {

/// For each of kTokens tokens of `a` and each of kHeads heads: out[o] = sum over r of a[r] * matrix[r][o], with kReduce
/// elements r and kOutputs elements o. The matrix of a head is in `b`, whose tokens have the channels of all heads:
/// kTransposed: r are channels and o tokens (keys); else r are tokens and o channels (values).
///
/// Cfg: kSimd kPe kTokens kHeads kReduce kOutputs kTransposed kZeroA kZeroB a_t b_t x_t y_t acc_t. x_t holds an element
/// of `a` less kZeroA, y_t one of `b` less kZeroB. A word of `a` holds kSimd elements, one of `out` kPe sums, one of
/// `b` as many channels as an iteration needs of a token. All of `b` is kept first, in a bank for each token that is
/// needed at once; then one iteration does kPe * kSimd products. What is read of `a` in output fold 0 is kept for the
/// others.
template <class Cfg, int kABits, int kBBits, int kOutBits>
void matmul_dynamic(hls::stream<ap_uint<kABits>>& a, hls::stream<ap_uint<kBBits>>& b,
                    hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using a_t = typename Cfg::a_t;
  using b_t = typename Cfg::b_t;
  using x_t = typename Cfg::x_t;
  using y_t = typename Cfg::y_t;
  using acc_t = typename Cfg::acc_t;
  using sum_t = typename SumOf<ap_int<bits_of<x_t>() + bits_of<y_t>()>, Cfg::kSimd>::type;
  constexpr unsigned kReduceFolds = Cfg::kReduce / Cfg::kSimd;
  constexpr unsigned kOutputFolds = Cfg::kOutputs / Cfg::kPe;
  constexpr unsigned kLanes = Cfg::kTransposed ? Cfg::kSimd : Cfg::kPe;
  constexpr unsigned kBanks = Cfg::kTransposed ? Cfg::kPe : Cfg::kSimd;
  constexpr unsigned kHeadWords = Cfg::kTransposed ? kReduceFolds : kOutputFolds;
  constexpr unsigned kRows = Cfg::kTransposed ? kOutputFolds : kReduceFolds;
  constexpr unsigned kWords = Cfg::kHeads * kHeadWords;
  constexpr unsigned kLoads = kRows * kBanks * kWords;
  constexpr unsigned kIterations = kLoads + Cfg::kTokens * Cfg::kHeads * kOutputFolds * kReduceFolds;
  static_assert(Cfg::kReduce % Cfg::kSimd == 0, "kSimd must divide kReduce");
  static_assert(Cfg::kOutputs % Cfg::kPe == 0, "kPe must divide kOutputs");
  static_assert(kABits == Cfg::kSimd * bits_of<a_t>(), "a word of a must hold kSimd elements of a_t");
  static_assert(kBBits == kLanes * bits_of<b_t>(), "a word of b must hold the channels that an iteration needs");
  static_assert(kOutBits == Cfg::kPe * bits_of<acc_t>(), "an output word must hold kPe sums of acc_t");

  Counter<kWords> load_word;
  Counter<kBanks> load_bank;
  Counter<kRows> load_row;
  Counter<kReduceFolds> reduce;
  Counter<kOutputFolds> output;
  Counter<Cfg::kHeads> head;
  acc_t acc[Cfg::kPe];
#pragma HLS ARRAY_PARTITION variable = acc type = complete
  ap_uint<kABits> vector[kReduceFolds];
  ap_uint<kBBits> kept[kRows * kWords][kBanks];
#pragma HLS ARRAY_PARTITION variable = kept type = complete dim = 2

  // Invariant: word w of token row * kBanks + bank of b is kept[row * kWords + w][bank]; acc holds the sums of this
  // output fold over the elements of a before `reduce`.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    if (i < kLoads) {
      const ap_uint<kBBits> word = b.read();
      for (unsigned bank = 0; bank < kBanks; ++bank) {
#pragma HLS UNROLL
        if (load_bank.index() == bank) {
          kept[load_row.index() * kWords + load_word.index()][bank] = word;
        }
      }
      const bool token_done = load_word.last();
      const bool row_done = token_done && load_bank.last();
      load_word.step();
      load_bank.step(token_done);
      load_row.step(row_done);
    } else {
      ap_uint<kABits> word;
      if constexpr (kOutputFolds == 1) {
        word = a.read();
      } else if (output.first()) {
        word = a.read();
        vector[reduce.index()] = word;
      } else {
        word = vector[reduce.index()];
      }
      const unsigned row = Cfg::kTransposed ? output.index() : reduce.index();
      const unsigned place = Cfg::kTransposed ? reduce.index() : output.index();
      const unsigned address = row * kWords + head.index() * kHeadWords + place;
      ap_uint<kBBits> tokens[kBanks];
#pragma HLS ARRAY_PARTITION variable = tokens type = complete
      for (unsigned bank = 0; bank < kBanks; ++bank) {
#pragma HLS UNROLL
        tokens[bank] = kept[address][bank];
      }

      ap_uint<kOutBits> sums = 0;
      for (unsigned pe = 0; pe < Cfg::kPe; ++pe) {
#pragma HLS UNROLL
        sum_t sum = 0;
        for (unsigned simd = 0; simd < Cfg::kSimd; ++simd) {
#pragma HLS UNROLL
          const x_t x = get_lane<a_t>(word, simd) - Cfg::kZeroA;
          const y_t y = get_lane<b_t>(tokens[Cfg::kTransposed ? pe : simd], Cfg::kTransposed ? simd : pe) - Cfg::kZeroB;
          sum += x * y;
        }
        const acc_t next = (reduce.first() ? acc_t(0) : acc[pe]) + sum;
        acc[pe] = next;
        set_lane(sums, pe, next);
      }
      if (reduce.last()) {
        out.write(sums);
      }
      const bool fold_done = reduce.last();
      const bool head_done = fold_done && output.last();
      reduce.step();
      output.step(fold_done);
      head.step(head_done);
    }
  }
}

}  // namespace hwgen
