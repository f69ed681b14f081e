// SPDX-License-Identifier: Apache-2.0
#include <ap_int.h>
#include <hls_stream.h>

// 3 x 1 window over rows of 5 pixels, two line buffers, first output after two rows.
void window(hls::stream<ap_uint<6>>& in0, hls::stream<ap_uint<18>>& out0) {
  ap_uint<6> older[5];
  ap_uint<6> newer[5];
#pragma HLS BIND_STORAGE variable = older type = ram_2p impl = lutram
  ap_uint<3> x = 0;
  ap_uint<3> y = 0;
  for (int i = 0; i < 4 * 5; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<6> pixel = in0.read();
    const ap_uint<6> up = newer[x];
    const ap_uint<6> top = older[x];
    older[x] = up;
    newer[x] = pixel;
    if (y >= 2) {
      ap_uint<18> taps;
      taps.range(5, 0) = top;
      taps.range(11, 6) = up;
      taps.range(17, 12) = pixel;
      out0.write(taps);
    }
    if (x == 4) {
      x = 0;
      y += 1;
    } else {
      x += 1;
    }
  }
}
