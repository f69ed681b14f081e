// SPDX-License-Identifier: Apache-2.0
// Copies of one stream for several readers.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

namespace hwgen {

/// Every word of `in` goes to each of `outs`. Cfg: kBits (of a word) kBeats kCopies.
template <class Cfg, int kWordBits, class... Outs>
void fork(hls::stream<ap_uint<kWordBits>>& in, Outs&... outs) {
#pragma HLS INLINE
  static_assert(sizeof...(Outs) == Cfg::kCopies, "fork must have kCopies outputs");
  static_assert(kWordBits == Cfg::kBits, "a word must have kBits bits");

  for (unsigned i = 0; i < Cfg::kBeats; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<kWordBits> word = in.read();
    (outs.write(word), ...);
  }
}

}  // namespace hwgen
