// SPDX-License-Identifier: Apache-2.0
// Two processes that are modules of hls/rtl between two compiled ones: 12 bits to 36 and back to 12, in any case.
#include <hwgen/width.hpp>

struct Widen {
  static constexpr unsigned kBits = 12, kInLanes = 1, kOutLanes = 3, kInBeats = 6;
};
struct Narrow {
  static constexpr unsigned kBits = 12, kInLanes = 3, kOutLanes = 1, kInBeats = 2;
};

void widen(hls::stream<ap_uint<12>>& in0, hls::stream<ap_uint<36>>& out0) { hwgen::width<Widen>(in0, out0); }

void invert(hls::stream<ap_uint<36>>& in0, hls::stream<ap_uint<36>>& out0) {
  for (int i = 0; i < 2; ++i) {
#pragma HLS PIPELINE II = 1
    out0.write(~in0.read());
  }
}

void narrow(hls::stream<ap_uint<36>>& in0, hls::stream<ap_uint<12>>& out0) { hwgen::width<Narrow>(in0, out0); }

void widths(hls::stream<ap_uint<12>>& in0, hls::stream<ap_uint<12>>& out0) {
#pragma HLS INTERFACE mode = axis port = in0
#pragma HLS INTERFACE axis port = out0
#pragma HLS INTERFACE ap_ctrl_none port = return
#pragma HLS DATAFLOW
  hls::stream<ap_uint<36>> wide;
  hls::stream<ap_uint<36>> inverted;
  widen(in0, wide);
  invert(wide, inverted);
  narrow(inverted, out0);
}
