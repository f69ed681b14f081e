// SPDX-License-Identifier: Apache-2.0
// Models of hls/rtl/hwgen_axi_write.sv: bytes from a stream to a memory of wide words, at any address and length.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

#include <hwgen/axi_bytes.hpp>

namespace hwgen {

/// Writes `bytes` bytes to byte address `address` of `memory` on, the first word's lowest byte first. Takes
/// ceil(bytes / (kBits / 8)) words; bytes of the last one behind the length are not written.
template <int kBits>
void axi_write_bytes(hls::stream<ap_uint<kBits>>& in0, ap_uint<kBits>* memory, ap_uint<64> address, ap_uint<32> bytes) {
#pragma HLS INLINE
  constexpr unsigned kBytes = kBits / 8;
  const unsigned offset = axi_offset<kBits>(address);
  const unsigned long long first = axi_word<kBits>(address);
  unsigned left = bytes.to_uint();
  for (unsigned long long done = 0; left != 0; ++done) {
#pragma HLS PIPELINE
    const unsigned count = left < kBytes ? left : kBytes;
    const ap_uint<kBits> mask = axi_mask<kBits>(count);
    const ap_uint<kBits> word = in0.read() & mask;
    ap_uint<kBits>& low = memory[first + done];
    low = (low & ~(mask << (8 * offset))) | (word << (8 * offset));
    if (count > kBytes - offset) {
      ap_uint<kBits>& high = memory[first + done + 1];
      high = (high & ~(mask >> (kBits - 8 * offset))) | (word >> (kBits - 8 * offset));
    }
    left -= count;
  }
}

/// One call serves one descriptor {length, address}: address in the lowest 64 bits, length in bytes above it. in1 has
/// the data, out0 gets the response.
template <int kBits>
void axi_write(hls::stream<ap_uint<96>>& in0, hls::stream<ap_uint<kBits>>& in1, ap_uint<kBits>* memory,
               hls::stream<ap_uint<2>>& out0) {
#pragma HLS INLINE
  const ap_uint<96> descriptor = in0.read();
  axi_write_bytes<kBits>(in1, memory, descriptor.range(63, 0), descriptor.range(95, 64));
  out0.write(0);
}

/// One call writes the first `bytes` bytes of `memory`.
template <int kBits>
void axi_store(hls::stream<ap_uint<kBits>>& in0, ap_uint<kBits>* memory, ap_uint<32> bytes) {
#pragma HLS INLINE
  axi_write_bytes<kBits>(in0, memory, 0, bytes);
}

}  // namespace hwgen
