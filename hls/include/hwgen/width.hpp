// SPDX-License-Identifier: Apache-2.0
// Converter between streams of different lanes, one number of lanes dividing the other.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/counter.hpp>

namespace hwgen {

/// Cfg: kBits (of an element) kInLanes kOutLanes kInBeats. The order of the elements is kept; kInLanes * kInBeats must
/// be a multiple of kOutLanes. One iteration moves one word of the narrower side.
template <class Cfg, int kInBits, int kOutBits>
void width(hls::stream<ap_uint<kInBits>>& in, hls::stream<ap_uint<kOutBits>>& out) {
#pragma HLS INLINE
  static_assert(kInBits == Cfg::kBits * Cfg::kInLanes, "an input word must hold kInLanes elements");
  static_assert(kOutBits == Cfg::kBits * Cfg::kOutLanes, "an output word must hold kOutLanes elements");
  static_assert(kInBits % kOutBits == 0 || kOutBits % kInBits == 0, "one number of lanes must divide the other");
  static_assert((Cfg::kInBeats * Cfg::kInLanes) % Cfg::kOutLanes == 0, "a frame must fill its last output word");

  if constexpr (kInBits >= kOutBits) {
    constexpr unsigned kParts = kInBits / kOutBits;
    Counter<kParts> part;
    ap_uint<kInBits> rest;
    // Invariant: the lowest bits of rest are the parts of the last word from `part` on.
    for (unsigned i = 0; i < Cfg::kInBeats * kParts; ++i) {
#pragma HLS PIPELINE II = 1
      if (part.first()) {
        rest = in.read();
      }
      out.write(ap_uint<kOutBits>(rest));
      rest >>= kOutBits % kInBits;
      part.step();
    }
  } else {
    constexpr unsigned kParts = kOutBits / kInBits;
    Counter<kParts> part;
    ap_uint<kOutBits> word;
    // Invariant: the highest bits of word are the parts before `part`.
    for (unsigned i = 0; i < Cfg::kInBeats; ++i) {
#pragma HLS PIPELINE II = 1
      word >>= kInBits;
      word.range(kOutBits - 1, kOutBits - kInBits) = in.read();
      if (part.last()) {
        out.write(word);
      }
      part.step();
    }
  }
}

}  // namespace hwgen
