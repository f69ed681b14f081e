// SPDX-License-Identifier: Apache-2.0
// Pooling behind a window of order "taps": maximum or sum over the taps of each channel.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>
#include <hwgen/lanes.hpp>
#include <hwgen/settings.hpp>

namespace hwgen {

/// The larger of two numbers of one type.
template <class T>
T larger(const T& a, const T& b) {
#pragma HLS INLINE
  return a < b ? b : a;
}

/// The maximum or the sum of some numbers: lane `first` of a word, and every kStep-th one behind it.
template <class Cfg, unsigned kCount, unsigned kStep, int kBits>
typename Cfg::out_t pooled(const ap_uint<kBits>& word, unsigned first) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  out_t result = get_lane<in_t>(word, first);
  for (unsigned tap = 1; tap < kCount; ++tap) {
#pragma HLS UNROLL
    const out_t x = get_lane<in_t>(word, first + tap * kStep);
    result = Cfg::kMax ? larger(result, x) : out_t(result + x);
  }
  return result;
}

/// Pooling without a multiplier: out = max or sum over the taps.
///
/// Cfg: kLanes kChannels kTaps kPixels kMax in_t out_t. Words hold kLanes channels; for each pixel and each fold of
/// channels the taps arrive one after the other; with kBeside, which may be left out and is kTaps, all in one word, tap
/// after tap. Bipolar inputs (in_t = ap_uint<1>) can be compared, not summed.
template <class Cfg, int kInBits, int kOutBits>
void pool(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  constexpr unsigned kBeside = BesideOf<Cfg>::value;
  constexpr unsigned kBeats = Cfg::kTaps / kBeside;
  constexpr unsigned kIterations = Cfg::kPixels * (Cfg::kChannels / Cfg::kLanes) * kBeats;
  static_assert(kBeside == 1 || kBeats == 1, "kBeside must be 1 or kTaps");
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == kBeside * Cfg::kLanes * bits_of<in_t>(),
                "an input word must hold kLanes elements of in_t for each of its taps");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");

  Counter<kBeats> tap;
  out_t acc[Cfg::kLanes];
#pragma HLS ARRAY_PARTITION variable = acc type = complete

  // Invariant: acc holds the result over the taps before `tap`.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const out_t x = pooled<Cfg, kBeside, Cfg::kLanes>(word, lane);
      if constexpr (Cfg::kMax) {
        acc[lane] = tap.first() ? x : larger(acc[lane], x);
      } else {
        const out_t start = tap.first() ? out_t(0) : acc[lane];
        acc[lane] = start + x;
      }
      set_lane(results, lane, acc[lane]);
    }
    if (tap.last()) {
      out.write(results);
    }
    tap.step();
  }
}

/// Sum pooling with an integer factor for each pixel, multiplier[pixel][0]: averages whose divisor depends on the
/// place.
///
/// Cfg: as above with kMax = false.
template <class Cfg, int kInBits, int kOutBits, class Factor, int kDepth>
void pool(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out,
          const Factor (&multiplier)[kDepth][1]) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  using sum_t = typename Integer<TypeInfo<in_t>::kSigned, bits_of<in_t>() + clog2(Cfg::kTaps)>::type;
  constexpr unsigned kFolds = Cfg::kChannels / Cfg::kLanes;
  constexpr unsigned kIterations = Cfg::kPixels * kFolds * Cfg::kTaps;
  static_assert(!Cfg::kMax, "only sums can have a multiplier");
  static_assert(Cfg::kChannels % Cfg::kLanes == 0, "kLanes must divide kChannels");
  static_assert(kInBits == Cfg::kLanes * bits_of<in_t>(), "an input word must hold kLanes elements of in_t");
  static_assert(kOutBits == Cfg::kLanes * bits_of<out_t>(), "an output word must hold kLanes elements of out_t");
  static_assert(kDepth == Cfg::kPixels, "multiplier must have one row for each pixel");

  Counter<Cfg::kTaps> tap;
  Counter<kFolds> fold;
  Counter<Cfg::kPixels> pixel;
  sum_t acc[Cfg::kLanes];
#pragma HLS ARRAY_PARTITION variable = acc type = complete

  // Invariant: acc holds the sum over the taps before `tap` of this pixel and fold.
  for (unsigned i = 0; i < kIterations; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> word = in.read();
    const Factor factor = multiplier[pixel.index()][0];
    ap_uint<kOutBits> results = 0;
    for (unsigned lane = 0; lane < Cfg::kLanes; ++lane) {
#pragma HLS UNROLL
      const sum_t start = tap.first() ? sum_t(0) : acc[lane];
      acc[lane] = start + get_lane<in_t>(word, lane);
      set_lane(results, lane, out_t(acc[lane] * factor));
    }
    if (tap.last()) {
      out.write(results);
    }

    const bool fold_done = tap.last();
    const bool pixel_done = fold_done && fold.last();
    tap.step();
    fold.step(fold_done);
    pixel.step(pixel_done);
  }
}

/// Pooling with whole frames as words: in `in` each pixel has its taps, each tap its channels.
///
/// Cfg: as above; kLanes is not used.
template <class Cfg, int kInBits, int kOutBits>
void pool_frame(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  using in_t = typename Cfg::in_t;
  using out_t = typename Cfg::out_t;
  constexpr unsigned kElements = Cfg::kPixels * Cfg::kChannels;
  static_assert(kInBits == kElements * Cfg::kTaps * bits_of<in_t>(), "an input word must hold all taps");
  static_assert(kOutBits == kElements * bits_of<out_t>(), "an output word must hold a frame");

  for (unsigned i = 0; i < 1; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kInBits> frame = in.read();
    ap_uint<kOutBits> results = 0;
    for (unsigned element = 0; element < kElements; ++element) {
#pragma HLS UNROLL
      const unsigned first = element / Cfg::kChannels * Cfg::kTaps * Cfg::kChannels + element % Cfg::kChannels;
      set_lane(results, element, pooled<Cfg, Cfg::kTaps, Cfg::kChannels>(frame, first));
    }
    out.write(results);
  }
}

}  // namespace hwgen
