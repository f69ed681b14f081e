// SPDX-License-Identifier: Apache-2.0
// A dataflow function whose streams carry structs.
#include "../structs.hpp"

void structs(hls::stream<Pixel>& in0, hls::stream<Block>& out0);
void split(hls::stream<Block>& in0, hls::stream<Pixel>& out0);

void pixels(hls::stream<Pixel>& in0, hls::stream<Pixel>& out0) {
#pragma HLS DATAFLOW
  hls::stream<Block> blocks("blocks");
#pragma HLS STREAM variable = blocks depth = 4
  structs(in0, blocks);
  split(blocks, out0);
}
