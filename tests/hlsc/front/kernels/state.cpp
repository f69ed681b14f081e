// SPDX-License-Identifier: Apache-2.0
#include <ap_int.h>
#include <hls_stream.h>

// static state survives the frame, locals do not; a shift register of accumulators.
void state(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<32>>& out0) {
  static ap_uint<16> total = 5;
  static ap_int<3> wave = -3;
  ap_uint<8> taps[4] = {1, 2, 3, 4};
#pragma HLS ARRAY_PARTITION variable = taps type = complete
  for (int i = 0; i < 7; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    if (x[0] == 1) total += x;
    if (x > 200) wave += 1;
    ap_uint<10> sum = 0;
    for (int k = 3; k > 0; --k) {
#pragma HLS UNROLL
      taps[k] = taps[k - 1];
      sum += taps[k];
    }
    taps[0] = x;
    ap_uint<32> y = 0;
    y.range(15, 0) = total;
    y.range(25, 16) = sum;
    y.range(28, 26) = wave;
    out0.write(y);
  }
}
