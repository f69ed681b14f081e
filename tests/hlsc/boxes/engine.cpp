// SPDX-License-Identifier: Apache-2.0
// Every model of the library as a process: a descriptor each call.
#include <hwgen/axi_read.hpp>
#include <hwgen/axi_write.hpp>
#include <hwgen/fifo.hpp>

void reader(hls::stream<ap_uint<96>>& in0, const ap_uint<128>* memory, hls::stream<ap_uint<128>>& out0,
            hls::stream<ap_uint<2>>& out1) {
  hwgen::axi_read<128>(in0, memory, out0, out1);
}

void writer(hls::stream<ap_uint<96>>& in0, hls::stream<ap_uint<128>>& in1, ap_uint<128>* memory,
            hls::stream<ap_uint<2>>& out0) {
  hwgen::axi_write<128>(in0, in1, memory, out0);
}

void channel(hls::stream<ap_uint<128>>& in0, hls::stream<ap_uint<128>>& out0) { hwgen::fifo<128>(in0, out0); }

void engine(hls::stream<ap_uint<96>>& in_from, hls::stream<ap_uint<96>>& in_to, ap_uint<128>* memory,
            const ap_uint<128>* weights, hls::stream<ap_uint<2>>& out_read, hls::stream<ap_uint<2>>& out_written) {
#pragma HLS INTERFACE mode = m_axi port = memory offset = off bundle = gmem0 num_write_outstanding = 8
#pragma HLS INTERFACE mode = m_axi port = weights offset = off bundle = gmem1 max_read_burst_length = 64
#pragma HLS DATAFLOW
  hls::stream<ap_uint<128>> raw;
  hls::stream<ap_uint<128>> late;
  reader(in_from, weights, raw, out_read);
  channel(raw, late);
  writer(in_to, late, memory, out_written);
}
