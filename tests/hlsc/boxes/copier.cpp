// SPDX-License-Identifier: Apache-2.0
// Reads words from memory, adds a constant to each in a compiled process, and writes them elsewhere.
#include <hwgen/axi_read.hpp>
#include <hwgen/axi_write.hpp>

void load(const ap_uint<64>* memory, ap_uint<32> bytes, hls::stream<ap_uint<64>>& out0) {
  hwgen::axi_load<64>(memory, bytes, out0);
}

void raise(hls::stream<ap_uint<64>>& in0, hls::stream<ap_uint<64>>& out0) {
  while (1) {
#pragma HLS PIPELINE II = 1
    out0.write(in0.read() + 0x123456789);
  }
}

void store(hls::stream<ap_uint<64>>& in0, ap_uint<64>* memory, ap_uint<32> bytes) {
  hwgen::axi_store<64>(in0, memory, bytes);
}

void copier(const ap_uint<64>* source, ap_uint<64>* destination, ap_uint<32> bytes) {
#pragma HLS INTERFACE mode = m_axi port = source offset = slave bundle = gmem max_read_burst_length = 32
#pragma HLS INTERFACE m_axi port = destination offset = slave bundle = gmem
#pragma HLS INTERFACE mode = s_axilite port = bytes bundle = control
#pragma HLS INTERFACE s_axilite port = return bundle = control
#pragma HLS DATAFLOW
  hls::stream<ap_uint<64>> raw;
  hls::stream<ap_uint<64>> raised;
#pragma HLS STREAM variable = raised depth = 32
  load(source, bytes, raw);
  raise(raw, raised);
  store(raised, destination, bytes);
}
