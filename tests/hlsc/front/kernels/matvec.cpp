// SPDX-License-Identifier: Apache-2.0
#include <ap_int.h>
#include <hls_stream.h>

static const ap_int<4> weights[8][8] = {
    {1, -2, 3, -4, 5, -6, 7, -7}, {0, 0, 0, 0, 0, 0, 0, 1}, {7, 7, 7, 7, 7, 7, 7, 7},  {-7, 6, -5, 4, -3, 2, -1, 0},
    {2, 2, -2, -2, 3, 3, -3, -3}, {1, 1, 1, 1, 1, 1, 1, 1}, {-1, 0, 1, 0, -1, 0, 1, 0}, {4, -4, 4, -4, 4, -4, 4, -4}};

// Two rows and four columns at a time; the vector is read once and kept for the second fold of rows.
void matvec(hls::stream<ap_uint<16>>& in0, hls::stream<ap_uint<26>>& out0) {
  ap_uint<16> kept[2];
  ap_int<13> acc[2];
#pragma HLS ARRAY_PARTITION variable = acc type = complete
  unsigned row = 0, column = 0;
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE II = 1
    ap_uint<16> word;
    if (row == 0) {
      word = in0.read();
      kept[column] = word;
    } else {
      word = kept[column];
    }
    ap_uint<26> sums = 0;
    for (int pe = 0; pe < 2; ++pe) {
#pragma HLS UNROLL
      ap_int<13> sum = 0;
      if (column != 0) sum = acc[pe];
      for (int lane = 0; lane < 4; ++lane) {
#pragma HLS UNROLL
        const ap_uint<4> x = word.range(4 * lane + 3, 4 * lane);
        sum += x * weights[i][pe * 4 + lane];
      }
      acc[pe] = sum;
      sums.range(13 * pe + 12, 13 * pe) = sum;
    }
    if (column == 1) {
      out0.write(sums);
      column = 0;
      row = row + 1;
    } else {
      column = 1;
    }
  }
}
