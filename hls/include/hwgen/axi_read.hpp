// SPDX-License-Identifier: Apache-2.0
// Models of hls/rtl/hwgen_axi_read.sv: bytes from a memory of wide words to a stream, from any address and length.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/axi_bytes.hpp>

namespace hwgen {

/// Sends `bytes` bytes from byte address `address` of `memory` on, the first in the first word's lowest byte; bits of
/// the last word behind them are 0.
template <int kBits>
void axi_read_bytes(const ap_uint<kBits>* memory, ap_uint<64> address, ap_uint<32> bytes,
                    hls::stream<ap_uint<kBits>>& out0) {
#pragma HLS INLINE
  constexpr unsigned kBytes = kBits / 8;
  const unsigned offset = axi_offset<kBits>(address);
  const unsigned long long first = axi_word<kBits>(address);
  unsigned left = bytes.to_uint();
  ap_uint<kBits> before = offset != 0 && left != 0 ? memory[first] : ap_uint<kBits>(0);
  // Invariant: before holds the word `done - 1` words behind the first one, unless the address is aligned.
  for (unsigned long long done = 0; left != 0; ++done) {
#pragma HLS PIPELINE
    ap_uint<kBits> word;
    if (offset == 0) {
      word = memory[first + done];
    } else {
      word = before >> (8 * offset);
      if (left > kBytes - offset) {
        before = memory[first + done + 1];
        word |= before << (kBits - 8 * offset);
      }
    }
    const unsigned count = left < kBytes ? left : kBytes;
    out0.write(word & axi_mask<kBits>(count));
    left -= count;
  }
}

/// One call serves one descriptor {length, address}: address in the lowest 64 bits, length in bytes above it. out0 gets
/// the data, out1 the response.
template <int kBits>
void axi_read(hls::stream<ap_uint<96>>& in0, const ap_uint<kBits>* memory, hls::stream<ap_uint<kBits>>& out0,
              hls::stream<ap_uint<2>>& out1) {
#pragma HLS INLINE
  const ap_uint<96> descriptor = in0.read();
  axi_read_bytes<kBits>(memory, descriptor.range(63, 0), descriptor.range(95, 64), out0);
  out1.write(0);
}

/// One call reads the first `bytes` bytes of `memory`.
template <int kBits>
void axi_load(const ap_uint<kBits>* memory, ap_uint<32> bytes, hls::stream<ap_uint<kBits>>& out0) {
#pragma HLS INLINE
  axi_read_bytes<kBits>(memory, 0, bytes, out0);
}

}  // namespace hwgen
