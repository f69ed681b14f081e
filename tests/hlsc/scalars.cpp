// SPDX-License-Identifier: Apache-2.0
// Processes with scalar parameters, and a top that gives them from registers.
#include <ap_int.h>
#include <hls_stream.h>

void scale(hls::stream<ap_int<8>>& in0, hls::stream<ap_int<16>>& out0, ap_int<8> gain, ap_uint<12> length) {
  for (ap_uint<12> i = 0; i < length; ++i) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() * gain);
  }
}

void shift(hls::stream<ap_int<16>>& in0, hls::stream<ap_int<18>>& out0, const ap_int<12>& offset, const bool& negate,
           ap_uint<12> length) {
  static ap_uint<3> frame = 0;
  ap_uint<12> left = length;
  while (left != 0) {
#pragma HLS PIPELINE II = 1
    const ap_int<18> sum = in0.read() + offset + frame;
    out0.write(negate ? ap_int<18>(-sum) : sum);
    left = left - 1;
  }
  frame = frame + 1;
}

void widths(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<64>>& out0, ap_uint<64> seed, const short& step,
            unsigned char mask, ap_int<1> sign, const long long& far, ap_uint<33> odd, bool inverted, int count) {
  ap_uint<64> sum = seed;
  for (int i = 0; i < 7; ++i) {
#pragma HLS PIPELINE II = 1
    sum += ap_uint<64>(in0.read() & mask) * odd + step + (sign < 0 ? far : 1);
    out0.write(inverted ? ap_uint<64>(~sum) : ap_uint<64>(sum + count));
  }
}

void once(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<9>>& out0, ap_uint<8> addend) {
  for (int i = 0; i < 1; ++i) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() + addend);
  }
}

// Two words for one, without waiting for the second half; the first of a frame is `marker`.
void doubled(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0, ap_uint<8> marker, ap_uint<4> words) {
  out0.write(marker);
  ap_uint<4> taken = 0;
  bool again = false;
  ap_uint<8> last = 0;
  while (taken != words || again) {
#pragma HLS PIPELINE II = 1
    ap_uint<8> x;
    if (again) {
      out0.write(last + marker);
      again = false;
    } else if (in0.read_nb(x)) {
      out0.write(x);
      last = x;
      taken = taken + 1;
      again = true;
    }
  }
}

void pass(hls::stream<ap_int<18>>& in0, hls::stream<ap_int<18>>& out0) {
  while (1) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() ^ 1);
  }
}

void scaler(hls::stream<ap_int<8>>& in0, hls::stream<ap_int<18>>& out0, ap_int<8> gain, ap_int<12> offset,
            const bool& negate, const ap_uint<12>& length) {
#pragma HLS INTERFACE mode = s_axilite port = gain bundle = control
#pragma HLS INTERFACE mode = s_axilite port = offset bundle = control
#pragma HLS INTERFACE mode = s_axilite port = negate bundle = control
#pragma HLS INTERFACE mode = s_axilite port = length bundle = control
#pragma HLS INTERFACE mode = s_axilite port = return bundle = control
#pragma HLS DATAFLOW
  hls::stream<ap_int<16>> scaled;
  hls::stream<ap_int<18>> shifted;
  scale(in0, scaled, gain, length);
  shift(scaled, shifted, offset, negate, length);
  pass(shifted, out0);
}
