// SPDX-License-Identifier: Apache-2.0
// Structs that streams carry: every kind of member, nested, in arrays, templated, wider than 128 bits.
#pragma once

#include <ap_int.h>
#include <hls_stream.h>

enum class Kind : unsigned char { kSmall, kLarge };

struct Pixel {
  ap_uint<10> r;
  ap_uint<10> g;
  ap_int<5> b;
  bool last;
  ap_uint<4> lanes[3];
};

namespace wide {
template <int W, bool kSigned>
struct Block {
  Pixel pixel[2];
  short offset;
  ap_int<W> sum;
  Kind kind;
  ap_uint<2> grid[2][3];
};
}  // namespace wide
using Block = wide::Block<150, true>;
