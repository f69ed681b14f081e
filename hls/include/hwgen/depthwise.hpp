// SPDX-License-Identifier: Apache-2.0
// Depthwise convolution behind a window of order "taps": each channel has its own filter.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/product.hpp>

namespace hwgen {

/// For each pixel and channel: acc = bias[channel] + sum over taps of in[tap] * weights[channel][tap].
///
/// Cfg: kLanes kChannels kTaps kPixels kBipolarInput kBipolarWeight in_t weight_t acc_t, kDsp if products shall be
/// multiplier blocks, and kStorage for where the weights live. Words hold kLanes channels; for each pixel and each fold
/// of channels the taps arrive one after the other. weights[fold * kTaps + tap][lane], bias[fold][lane] as product.hpp
/// says (a row is one channel's filter). With kMultiplier, which may be left out, each channel has that many filters:
/// lanes of `out`, weights and bias count on over the filters of a channel. With kBeside, which may be left out, words
/// of `in` hold that many taps of their channels, tap after tap, and so do rows of weights.
template <class Cfg, int kInBits, int kOutBits, int kWeightDepth, int kWeightLanes, class Bias, int kBiasDepth,
          int kBiasLanes>
void depthwise(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
               const typename Cfg::weight_t (&weights)[kWeightDepth][kWeightLanes],
               const Bias (&bias)[kBiasDepth][kBiasLanes]) {
#pragma HLS INLINE
#pragma HLS ARRAY_RESHAPE variable = weights type = complete dim = 2
#pragma HLS ARRAY_RESHAPE variable = bias type = complete dim = 2
  if constexpr (StorageOf<Cfg>::value == kKeptInLuts) {
#pragma HLS BIND_STORAGE variable = weights type = rom_np impl = lutram
  } else if constexpr (StorageOf<Cfg>::value == kKeptInBlocks) {
#pragma HLS BIND_STORAGE variable = weights type = rom_np impl = bram
  }
  using in_t = typename Cfg::in_t;
  using acc_t = typename Cfg::acc_t;
  using P = Product<Cfg>;
  constexpr unsigned kFilters = MultiplierOf<Cfg>::value;
  constexpr unsigned kSums = Cfg::kLanes * kFilters;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr unsigned kBeside = BesideOf<Cfg>::value;
  constexpr unsigned kBeats = Cfg::kTaps / kBeside;
  constexpr unsigned kIterations = Cfg::kPixels * kFolds * kBeats;
  static_assert(kBeats * kBeside == Cfg::kTaps && (kBeside == 1 || kFolds == 1 || kBeats == 1),
                "kBeside must divide kTaps, and be 1 or kTaps unless kLanes are all channels");
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == kBeside * Cfg::kLanes * bits_of<in_t>(),
                "an input word must hold kLanes elements of in_t for each of its taps");
  static_assert(kOutBits == kSums * bits_of<acc_t>(),
                "an output word must hold a sum of acc_t for each filter of kLanes");
  static_assert(kWeightDepth == kFolds * kBeats && kWeightLanes == kBeside * kSums,
                "weights must have one row for each fold and tap, one lane for each filter of kLanes");
  static_assert(kBiasDepth == kFolds && kBiasLanes == kSums,
                "bias must have one row for each fold, one lane for each filter of kLanes");

  Counter<kBeats> tap;
  Counter<kFolds> fold;
  Counter<kFolds * kBeats> address;
  acc_t acc[kSums];
#pragma HLS ARRAY_PARTITION variable = acc type = complete

  // Invariant: address = fold * kBeats + tap; acc holds the sums of this fold over the taps before `tap`.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    ap_uint<kOutBits> sums = 0;
    for (unsigned lane = 0; lane < kSums; ++lane) {
#pragma HLS UNROLL
      acc_t next = tap.first() ? acc_t(bias[fold.index()][lane]) : acc[lane];
      for (unsigned beside = 0; beside < kBeside; ++beside) {
#pragma HLS UNROLL
        const in_t x = get_lane<in_t>(word, beside * Cfg::kLanes + lane / kFilters);
        const auto term = P::term(x, weights[address.index()][beside * kSums + lane]);
        next = next + (acc_t(term) << P::kShift);
      }
      acc[lane] = next;
      set_lane(sums, lane, next);
    }
    if (tap.last()) {
      out.write(sums);
    }

    const bool fold_done = tap.last();
    tap.step();
    fold.step(fold_done);
    address.step();
  }
}

}  // namespace hwgen
