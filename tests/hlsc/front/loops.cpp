// SPDX-License-Identifier: Apache-2.0
// Loops that end when run-time values say so.
#include <ap_int.h>
#include <hls_stream.h>

// The exit counts what was written, which depends on the data.
void odd_words(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> written = 0;
  while (written < 10) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    if (x[0]) {
      out0.write(x + written);
      written = written + 1;
    }
  }
}

// The exit came with the data; the sum is written after the loop.
void packet_sum(hls::stream<ap_uint<9>>& in0, hls::stream<ap_uint<16>>& out0) {
  ap_uint<16> sum = 0;
  bool last = false;
  while (!last) {
#pragma HLS PIPELINE II = 1
    const ap_uint<9> x = in0.read();
    sum += x.range(7, 0);
    last = x[8];
  }
  out0.write(sum);
}

void packet_sums(hls::stream<ap_uint<9>>& in0, hls::stream<ap_uint<16>>& out0) {
  ap_uint<16> sum = 100;
  ap_uint<9> x;
  do {
#pragma HLS PIPELINE II = 1
    x = in0.read();
    sum += x.range(7, 0);
    out0.write(sum);
  } while (!x[8]);
}

// Two exits, one of them in the middle and in a branch.
void stops(hls::stream<ap_uint<9>>& in0, hls::stream<ap_uint<16>>& out0) {
  ap_uint<16> sum = 0;
  while (1) {
#pragma HLS PIPELINE II = 1
    const ap_uint<9> x = in0.read();
    if (x[8]) {
      if (x[0]) break;
      sum = sum + 1;
    }
    sum += x.range(7, 0);
    out0.write(sum);
    if (sum[9]) return;
  }
}

// A constant bound and an early exit.
void at_most(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  for (int i = 0; i < 7; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    if (x < 60) break;
    out0.write(x + i);
  }
}

// The trip count comes first, on a stream of its own; it may be 0.
void counted(hls::stream<ap_uint<3>>& ctrl, hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  const ap_uint<3> n = ctrl.read();
  for (int i = 0; i < n; ++i) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() + i);
  }
}

// The trip count comes first on the same stream, and the sum goes out last.
void framed(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<16>>& out0) {
  const ap_uint<8> head = in0.read();
  const ap_uint<3> n = head;
  ap_uint<16> sum = head >> 3;
  for (ap_uint<3> i = 0; i < n; ++i) {
#pragma HLS PIPELINE II = 1
    sum += in0.read();
  }
  out0.write(sum + head);
}

// Before the loop: a branch, a write, a table and a static; an array that lives on.
void session(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  static const ap_uint<4> lengths[4] = {3, 0, 7, 12};
  static ap_uint<8> frames = 5;
  static ap_uint<8> seen[4];
  const ap_uint<8> head = in0.read();
  ap_uint<4> n = lengths[head & 3];
  if (head[7]) {
    n = n + 2;
    frames = frames + 1;
  }
  out0.write(frames);
  while (n != 0) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    out0.write(seen[x & 3] + frames);
    seen[x & 3] = x;
    n = n - 1;
  }
  frames = frames + 1;
}

// The bound is a static that the loop itself changes.
void grows(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<8>>& out0) {
  static ap_uint<4> n = 3;
  for (ap_uint<4> i = 0; i < n; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<8> x = in0.read();
    out0.write(x + n);
    if (i == 2) n = x;
  }
}

// A constant number of iterations behind one that reads a gain.
void gain(hls::stream<ap_uint<4>>& ctrl, hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<12>>& out0) {
  const ap_uint<4> factor = ctrl.read();
  for (int i = 0; i < 5; ++i) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() * factor + i);
  }
}

// Never ends.
void accumulate(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<16>>& out0) {
  ap_uint<16> sum = 3;
  for (;;) {
#pragma HLS PIPELINE II = 1
    sum += in0.read();
    out0.write(sum);
  }
}

// Never ends, and every iteration uses what was read first.
void offset_by(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<9>>& out0) {
  const ap_uint<8> offset = in0.read();
  while (1) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() + offset);
  }
}

// What is wider than 64 bits goes through memory between calls, before the loop too.
void wide_start(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<70>>& out0) {
  ap_int<65> sum = -1;
  const ap_uint<8> head = in0.read();
  sum += (sum + sum) >> ap_uint<7>(head);
  for (int i = 0; i < 4; ++i) {
#pragma HLS PIPELINE II = 1
    sum += in0.read();
    out0.write(sum);
  }
}

// Never ends, behind an iteration that reads where to start.
void accumulate_from(hls::stream<ap_uint<8>>& in0, hls::stream<ap_uint<16>>& out0) {
  ap_uint<16> sum = in0.read();
  while (1) {
#pragma HLS PIPELINE II = 1
    sum += in0.read();
    out0.write(sum);
  }
}
