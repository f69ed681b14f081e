// SPDX-License-Identifier: Apache-2.0
#include <ap_int.h>
#include <hls_stream.h>

// Exclusive reads and writes, a switch, a join of two inputs, shifts by variables, minimum and maximum.
void paths(hls::stream<ap_uint<8>>& in0, hls::stream<ap_int<12>>& in1, hls::stream<ap_uint<20>>& out0,
           hls::stream<ap_uint<1>>& out1) {
  ap_uint<3> phase = 0;
  for (int i = 0; i < 16; ++i) {
#pragma HLS PIPELINE II = 1
    ap_int<20> y = 0;
    if (phase < 3) {
      const ap_uint<8> a = in0.read();
      const ap_int<12> b = in1.read();
      const int ai = a, bi = b;
      y = ai < bi ? ai : bi;
      if (a > 100) {
        out1.write(a[0]);
      }
      y = y - (y >> (a & 7));
    } else if (phase == 5) {
      const ap_uint<8> a = in0.read();
      switch ((unsigned)(a & 7)) {
        case 0: y = 17; break;
        case 1: y = -a; break;
        case 4: y = a << 3; break;
        case 6: y = a * a; break;
        default: y = 1;
      }
    } else {
      const int b = in1.read();
      y = (b < 0 ? -b : b) / 8 + b % 4;
    }
    ap_uint<20> word = 0;
    word.range(19, 0) = y;
    out0.write(word);
    phase = phase == 7 ? ap_uint<3>(0) : ap_uint<3>(phase + 1);
  }
}
