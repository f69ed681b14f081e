// SPDX-License-Identifier: Apache-2.0
// Models of hls/rtl/hwgen_fifo.sv and hwgen_cdc_fifo.sv: a channel changes nothing but the time.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

namespace hwgen {

/// Passes every word on, for ever.
template <int kBits>
void fifo(hls::stream<ap_uint<kBits>>& in0, hls::stream<ap_uint<kBits>>& out0) {
#pragma HLS INLINE
  while (1) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read());
  }
}

}  // namespace hwgen
