// SPDX-License-Identifier: Apache-2.0
// hwgen_frame_store: frames from a stream to memory, one descriptor each (see hwgen_frame_descriptors).
//
//   s_*       the stream: tdata, tlast on a frame's last beat, tvalid, tready; every byte counts
//   m_axi_*   AXI4 master, AW, W and B channels (see hwgen_axi_write)
// STREAM_BITS and MEMORY_BITS: one a whole multiple of the other. A frame is asked for when its first word is there. A
// soft reset completes the frame that is under way with zeros.
module hwgen_frame_store #(
    parameter int unsigned STREAM_BITS = 32,
    parameter int unsigned MEMORY_BITS = 32,
    parameter int unsigned BYTES = 4,
    parameter int unsigned MAX_BURST = 16,
    parameter int unsigned OUTSTANDING = 4
) (
    input  logic                     ap_clk,
    input  logic                     ap_rst_n,
    input  logic                     core_rst_n,
    input  logic                     begin_run,
    input  logic [31:0]              run_frames,
    input  logic [63:0]              base,
    input  logic [32:0]              credit,
    output logic                     moved,
    output logic                     failed,
    output logic                     busy,
    input  logic [STREAM_BITS-1:0]   s_tdata,
    input  logic                     s_tlast,
    input  logic                     s_tvalid,
    output logic                     s_tready,
    output logic                     m_axi_awid,
    output logic [63:0]              m_axi_awaddr,
    output logic [7:0]               m_axi_awlen,
    output logic [2:0]               m_axi_awsize,
    output logic [1:0]               m_axi_awburst,
    output logic [3:0]               m_axi_awcache,
    output logic [2:0]               m_axi_awprot,
    output logic                     m_axi_awvalid,
    input  logic                     m_axi_awready,
    output logic [MEMORY_BITS-1:0]   m_axi_wdata,
    output logic [MEMORY_BITS/8-1:0] m_axi_wstrb,
    output logic                     m_axi_wlast,
    output logic                     m_axi_wvalid,
    input  logic                     m_axi_wready,
    input  logic                     m_axi_bid,
    input  logic [1:0]               m_axi_bresp,
    input  logic                     m_axi_bvalid,
    output logic                     m_axi_bready
);
    logic [95:0] desc;
    logic desc_valid, desc_ready, status_valid, status_ready;
    logic [1:0] status;
    logic asked;  // the descriptor of the frame whose words are at the width converter has left
    logic [MEMORY_BITS-1:0] word;
    logic [MEMORY_BITS/8-1:0] unused_keep;
    logic word_last, word_valid, word_ready;
    hwgen_frame_descriptors #(.BYTES(BYTES)) descriptors (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n), .core_rst_n(core_rst_n),
        .begin_run(begin_run), .run_frames(run_frames), .base(base), .credit(credit), .moved(moved),
        .wanted(word_valid && !asked),
        .m_desc_tdata(desc), .m_desc_tvalid(desc_valid), .m_desc_tready(desc_ready),
        .s_status_tdata(status), .s_status_tvalid(status_valid), .s_status_tready(status_ready),
        .failed(failed), .busy(busy)
    );
    always_ff @(posedge ap_clk) begin
        if (!core_rst_n) asked <= 1'b0;
        else if (word_valid && word_ready && asked) asked <= !word_last;
        else if (desc_valid && desc_ready) asked <= 1'b1;
    end

    hwgen_width #(.IN_BITS(STREAM_BITS), .OUT_BITS(MEMORY_BITS), .UNIT(8)) width (
        .ap_clk(ap_clk), .ap_rst_n(core_rst_n),
        .s_tdata(s_tdata), .s_tkeep('1), .s_tlast(s_tlast), .s_tvalid(s_tvalid), .s_tready(s_tready),
        .m_tdata(word), .m_tkeep(unused_keep), .m_tlast(word_last), .m_tvalid(word_valid),
        .m_tready(word_ready && asked)
    );
    hwgen_axi_write #(.DATA_BITS(MEMORY_BITS), .MAX_BURST(MAX_BURST), .OUTSTANDING(OUTSTANDING)) mover (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_desc_tdata(desc), .s_desc_tvalid(desc_valid), .s_desc_tready(desc_ready),
        .s_data_tdata(core_rst_n ? word : '0), .s_data_tvalid((word_valid && asked) || !core_rst_n),
        .s_data_tready(word_ready),
        .m_status_tdata(status), .m_status_tvalid(status_valid), .m_status_tready(status_ready),
        .m_axi_awid(m_axi_awid), .m_axi_awaddr(m_axi_awaddr), .m_axi_awlen(m_axi_awlen), .m_axi_awsize(m_axi_awsize),
        .m_axi_awburst(m_axi_awburst), .m_axi_awcache(m_axi_awcache), .m_axi_awprot(m_axi_awprot),
        .m_axi_awvalid(m_axi_awvalid), .m_axi_awready(m_axi_awready),
        .m_axi_wdata(m_axi_wdata), .m_axi_wstrb(m_axi_wstrb), .m_axi_wlast(m_axi_wlast), .m_axi_wvalid(m_axi_wvalid),
        .m_axi_wready(m_axi_wready),
        .m_axi_bid(m_axi_bid), .m_axi_bresp(m_axi_bresp), .m_axi_bvalid(m_axi_bvalid), .m_axi_bready(m_axi_bready)
    );
endmodule
