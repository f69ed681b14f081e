// SPDX-License-Identifier: Apache-2.0
#include <ap_int.h>
#include <hls_stream.h>

// Loops that count down, skip, and end by a test of another kind.
void down(hls::stream<ap_uint<5>>& in0, hls::stream<ap_uint<16>>& out0) {
  ap_int<9> slope = -20;
  for (int i = 30; i >= -9; i -= 3) {
#pragma HLS PIPELINE II = 1
    const ap_uint<5> x = in0.read();
    const int y = x * i + slope;
    slope += 5;
    out0.write(ap_uint<16>(y));
  }
}
