// SPDX-License-Identifier: Apache-2.0
// Byte addresses of a memory of wide words.
#pragma once

#include <ap_int.h>

namespace hwgen {

/// Byte within its word.
template <int kBits>
unsigned axi_offset(ap_uint<64> address) {
#pragma HLS INLINE
  static_assert(kBits >= 32 && (kBits & (kBits - 1)) == 0, "a memory's word must have 32, 64, 128, ... bits");
  return unsigned(address.to_uint64() % (kBits / 8));
}

/// Number of the word.
template <int kBits>
unsigned long long axi_word(ap_uint<64> address) {
#pragma HLS INLINE
  return address.to_uint64() / (kBits / 8);
}

/// Ones in the lowest `count` bytes, count <= kBits / 8.
template <int kBits>
ap_uint<kBits> axi_mask(unsigned count) {
#pragma HLS INLINE
  const ap_uint<kBits> ones = ~ap_uint<kBits>(0);
  return count == 0 ? ap_uint<kBits>(0) : ap_uint<kBits>(ones >> (kBits - 8 * count));
}

}  // namespace hwgen
