// SPDX-License-Identifier: Apache-2.0
// Several accesses to one stream in an iteration.
#include <ap_int.h>
#include <hls_stream.h>

using Word = ap_uint<8>;
using In = hls::stream<Word>&;
using Out = hls::stream<ap_uint<12>>&;

void pairs(In in0, Out out0) {
  for (int i = 0; i < 16; ++i) {
#pragma HLS PIPELINE II = 2
    const Word a = in0.read();
    const Word b = in0.read();
    out0.write(ap_uint<12>(a) * 3 + b);
  }
}

void twice(In in0, Out out0) {
  for (int i = 0; i < 16; ++i) {
#pragma HLS PIPELINE II = 2
    const Word x = in0.read();
    out0.write(x);
    out0.write(x * ap_uint<12>(5) + i);
  }
}

// Three reads and three writes, each stream by turns, with more clocks than accesses.
void triples(In in0, Out out0) {
  ap_uint<12> sum = 0;
  for (int i = 0; i < 5; ++i) {
#pragma HLS PIPELINE II = 4
    for (int k = 0; k < 3; ++k) {
#pragma HLS UNROLL
      sum = sum * 3 + in0.read();
      out0.write(sum + k);
    }
  }
}

// The first word says whether there is a second, that one whether there is a third.
void escaped(In in0, Out out0) {
  while (1) {
#pragma HLS PIPELINE II = 3
    ap_uint<12> word = in0.read();
    if (word & 1) {
      const Word second = in0.read();
      word = word * 2 + second;
      if (second & 1) {
        word ^= in0.read();
      }
    }
    out0.write(word);
  }
}

// No access need happen; one in a later turn may be the first.
void sometimes(In in0, hls::stream<Word>& in1, Out out0) {
  while (1) {
#pragma HLS PIPELINE II = 4
    const Word what = in1.read();
    ap_uint<12> sum = what & 15;
    if (what & 1) {
      sum += in0.read();
    }
    if (what & 2) {
      sum = sum * 3 - in0.read();
    }
    if (what & 4) {
      out0.write(sum);
      sum ^= 0xfff;
    } else if (what & 8) {
      out0.write(sum + in0.read());
    }
    if (what & 16) {
      out0.write(sum + 1);
    }
    if (what & 32) {
      out0.write(in0.read());
    }
  }
}

// A RAM is read between the accesses, and written after them.
void counts(In in0, Out out0) {
  static ap_uint<12> seen[32];
  for (int i = 0; i < 24; ++i) {
#pragma HLS PIPELINE II = 2
    const ap_uint<5> key = in0.read();
    const ap_uint<12> old = seen[key];
    ap_uint<12> more = 1;
    if (old & 1) {
      more = in0.read();
    }
    out0.write(old);
    if (old > 6) {
      out0.write(key);
    }
    seen[key] = old + more;
  }
}

// The compiler chooses the II.
void chosen(In in0, Out out0) {
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE
    const ap_uint<12> a = in0.read();
    const ap_uint<12> b = in0.read();
    out0.write(a - b);
    out0.write(in0.read() + a);
  }
}

// A header of two words and a trailer, around words that come one by one.
void packet(In in0, Out out0) {
  const Word low = in0.read();
  const ap_uint<2> high = in0.read();
  ap_uint<12> sum = low;
  for (ap_uint<4> i = 0; i < (ap_uint<4>(low & 3) + high); ++i) {
#pragma HLS PIPELINE II = 2
    const Word x = in0.read();
    sum += x;
    out0.write(x);
  }
  out0.write(sum);
}

// The last iteration writes once more, after the loop.
void total(In in0, Out out0) {
  ap_uint<12> sum = 0;
  for (int i = 0; i < 6; ++i) {
#pragma HLS PIPELINE II = 2
    sum += in0.read();
    out0.write(sum);
  }
  out0.write(~sum);
}

// Each word comes from one of two streams; the other is left alone.
void either(In in0, hls::stream<Word>& in1, Out out0) {
  for (int i = 0; i < 12; ++i) {
#pragma HLS PIPELINE II = 2
    const Word a = i & 1 ? in0.read() : in1.read();
    const Word b = a & 1 ? in0.read() : in1.read();
    out0.write(a * ap_uint<12>(7) + b);
  }
}

// Turns of two streams in each other: a third clock.
void crossed(In in0, hls::stream<Word>& in1, hls::stream<Word>& in2, Out out0) {
  while (1) {
#pragma HLS PIPELINE
    ap_uint<12> sum = in0.read();
    if (sum & 1) {
      sum += in1.read();
      if (sum & 2) {
        sum += in1.read();
        if (sum & 1) {
          sum += in2.read();
          if (sum & 4) {
            sum += in2.read();
            if (sum & 1) {
              sum += in0.read();
            }
          }
        }
      }
    }
    out0.write(sum);
  }
}
