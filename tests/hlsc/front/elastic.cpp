// SPDX-License-Identifier: Apache-2.0
// Non-blocking reads: input and output go on without each other.
#include <ap_int.h>
#include <hls_stream.h>

// A ring buffer: takes a word whenever one waits and there is room, writes one whenever it holds one.
void ring(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  static ap_uint<8> words[16];
  static ap_uint<5> taken = 0;
  static ap_uint<5> given = 0;
  ap_uint<8> emitted = 0;
  while (emitted < 20) {
#pragma HLS PIPELINE II = 1
    const ap_uint<5> held = taken - given;
    if (held != 0) {
      out0.write(words[given & 15] + emitted);
      given = given + 1;
      emitted = emitted + 1;
    }
    ap_uint<8> x;
    if (held != 16 && in0.read_nb(x)) {
      words[taken & 15] = x;
      taken = taken + 1;
    }
  }
}

// Two words for each word read; while it writes the second, it reads ahead.
void twice(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> words[16];
  ap_uint<5> taken = 0;
  ap_uint<5> given = 0;
  bool second = false;
  while (1) {
#pragma HLS PIPELINE II = 1
    const ap_uint<5> held = taken - given;
    if (held != 0) {
      const ap_uint<8> word = words[given & 15];
      out0.write(second ? ap_uint<8>(~word) : word);
      if (second) given = given + 1;
      second = !second;
    }
    if (held != 16 && !in0.empty()) {
      words[taken & 15] = in0.read();
      taken = taken + 1;
    }
  }
}

// Two inputs taken whenever they come, added in pairs; each frame asks for how many pairs first.
void pairs(hls::stream<ap_uint<4>>& ctrl, hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<70>>& in1,
           hls::stream<ap_uint<70>>& out0) {
  const ap_uint<4> n = ctrl.read();
  ap_uint<4> done = 0;
  ap_uint<8> a = 0;
  ap_uint<70> b = 0;
  bool has_a = false;
  bool has_b = false;
  while (done < n) {
#pragma HLS PIPELINE II = 1
    if (!has_a) has_a = in0.read_nb(a);
    if (!has_b) has_b = in1.read_nb(b);
    if (has_a && has_b) {
      out0.write(b * a + done);
      done = done + 1;
      has_a = has_b = false;
    }
  }
}

// What is written is chosen by the word that was read, in several places.
void routed(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> sum = 7;
  for (int i = 0; i < 16;) {
#pragma HLS PIPELINE II = 1
    if (!in0.empty()) {
      const ap_uint<8> x = in0.read();
      switch ((unsigned)ap_uint<2>(sum - x)) {
        case 0: break;
        case 1: out0.write(x >> sum[0]); break;
        case 2: out0.write(sum | 3); break;
        default: sum ^= x; out0.write(x);
      }
      sum += x * 5;
      ++i;
    }
  }
}

// One iteration for each call, at an II of two, with the multiplication behind the read.
void scaled(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<16>>& out0) {
  static ap_uint<4> count = 0;
  for (int i = 0; i < 6; ++i) {
#pragma HLS PIPELINE II = 2
    ap_uint<8> x;
    if (in0.read_nb(x)) {
      out0.write(x * x + count);
      count = count + 1;
    }
  }
}
