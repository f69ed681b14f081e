// SPDX-License-Identifier: Apache-2.0
#include <ap_int.h>
#include <hls_stream.h>

// One iteration: LLVM dissolves the loop.
void once(hls::stream<ap_uint<70>>& in0, hls::stream<ap_uint<7>>& out0) {
  static ap_uint<7> calls = 0;
  for (int i = 0; i < 1; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<70> x = in0.read();
    ap_uint<7> ones = 0;
    for (int k = 0; k < 70; ++k) {
#pragma HLS UNROLL
      ones += x[k];
    }
    calls += 1;
    out0.write(ones ^ calls);
  }
}
