// SPDX-License-Identifier: Apache-2.0
// Structs in streams: copied, compared, kept, passed by value and by reference.
#include "structs.hpp"

static bool same(const Pixel& a, const Pixel& b) {
#pragma HLS INLINE
  return a.r == b.r && a.g == b.g && a.b == b.b && a.lanes[0] == b.lanes[0];
}

static Pixel turned(Pixel p) {
#pragma HLS INLINE
  const ap_uint<4> first = p.lanes[0];
  for (int lane = 0; lane < 2; ++lane) {
#pragma HLS UNROLL
    p.lanes[lane] = p.lanes[lane + 1];
  }
  p.lanes[2] = first;
  return p;
}

static void darken(Pixel& p) {
#pragma HLS INLINE
  p.r = p.r >> 1;
  p.b = p.b - 1;
}

/// Pixels to blocks of the pixel before and the pixel now.
void structs(hls::stream<Pixel>& in0, hls::stream<Block>& out0) {
  Pixel before = {0, 0, -3, false, {1, 2, 3}};
  ap_int<150> sum = -1;
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE II = 1
    const Pixel p = in0.read();
    Block block;
    block.pixel[0] = before;
    block.pixel[1] = turned(p);
    sum = (sum << 9) + p.r * p.b;
    block.sum = sum;
    block.offset = short(p.b) - 7;
    block.kind = same(before, p) ? Kind::kSmall : Kind::kLarge;
    for (int row = 0; row < 2; ++row) {
#pragma HLS UNROLL
      for (int column = 0; column < 3; ++column) {
#pragma HLS UNROLL
        block.grid[row][column] = p.lanes[column] >> row;
      }
    }
    before = p;
    darken(before);
    out0.write(block);
  }
}

/// Blocks back to pixels; the state is a struct.
void split(hls::stream<Block>& in0, hls::stream<Pixel>& out0) {
  static Pixel kept = {1, 2, 3, true, {4, 5, 6}};
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE II = 1
    Block block;
    in0 >> block;
    Pixel p = i & 1 ? block.pixel[1] : block.pixel[0];
    p.last = i == 7 || kept.last;
    p.g = ap_uint<10>(block.sum.range(149, 140)) ^ block.grid[1][2];
    if (block.kind == Kind::kLarge) {
      kept = p;
      kept.r += ap_uint<10>(block.offset);
    }
    out0 << kept;
  }
}

/// Plain integers are words as well.
void plain(hls::stream<int>& in0, hls::stream<bool>& out0) {
  for (int i = 0; i < 8; ++i) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() < 0);
  }
}
