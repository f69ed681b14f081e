// SPDX-License-Identifier: Apache-2.0
// hwgen_frame_fetch: frames from memory to a stream (see hwgen_frame_descriptors); REPEATS times BYTES bytes make a frame.
//
//   m_*       the stream: tdata, tkeep, tlast on a frame's last beat, tvalid, tready
//   m_axi_*   AXI4 master, AR and R channels (see hwgen_axi_read)
// STREAM_BITS and MEMORY_BITS: one a whole multiple of the other. A soft reset throws away what is under way.
module hwgen_frame_fetch #(
    parameter int unsigned STREAM_BITS = 32,
    parameter int unsigned MEMORY_BITS = 32,
    parameter int unsigned BYTES = 4,
    parameter int unsigned STEP = BYTES,
    parameter int unsigned REPEATS = 1,
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
    output logic [STREAM_BITS-1:0]   m_tdata,
    output logic [STREAM_BITS/8-1:0] m_tkeep,
    output logic                     m_tlast,
    output logic                     m_tvalid,
    input  logic                     m_tready,
    output logic                     m_axi_arid,
    output logic [63:0]              m_axi_araddr,
    output logic [7:0]               m_axi_arlen,
    output logic [2:0]               m_axi_arsize,
    output logic [1:0]               m_axi_arburst,
    output logic [3:0]               m_axi_arcache,
    output logic [2:0]               m_axi_arprot,
    output logic                     m_axi_arvalid,
    input  logic                     m_axi_arready,
    input  logic                     m_axi_rid,
    input  logic [MEMORY_BITS-1:0]   m_axi_rdata,
    input  logic [1:0]               m_axi_rresp,
    input  logic                     m_axi_rlast,
    input  logic                     m_axi_rvalid,
    output logic                     m_axi_rready
);
    logic [95:0] desc;
    logic desc_valid, desc_ready, status_valid, status_ready;
    logic [1:0] status;
    hwgen_frame_descriptors #(.BYTES(BYTES), .STEP(STEP), .REPEATS(REPEATS)) descriptors (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n), .core_rst_n(core_rst_n),
        .begin_run(begin_run), .run_frames(run_frames), .base(base), .credit(credit), .moved(moved), .wanted(1'b1),
        .m_desc_tdata(desc), .m_desc_tvalid(desc_valid), .m_desc_tready(desc_ready),
        .s_status_tdata(status), .s_status_tvalid(status_valid), .s_status_tready(status_ready),
        .failed(failed), .busy(busy)
    );

    logic [MEMORY_BITS-1:0] word;
    logic [MEMORY_BITS/8-1:0] word_keep;
    logic word_last, word_valid, word_ready;
    hwgen_axi_read #(.DATA_BITS(MEMORY_BITS), .MAX_BURST(MAX_BURST), .OUTSTANDING(OUTSTANDING)) mover (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_desc_tdata(desc), .s_desc_tvalid(desc_valid), .s_desc_tready(desc_ready),
        .m_data_tdata(word), .m_data_tkeep(word_keep), .m_data_tlast(word_last),
        .m_data_tvalid(word_valid), .m_data_tready(word_ready || !core_rst_n),
        .m_status_tdata(status), .m_status_tvalid(status_valid), .m_status_tready(status_ready),
        .m_axi_arid(m_axi_arid), .m_axi_araddr(m_axi_araddr), .m_axi_arlen(m_axi_arlen), .m_axi_arsize(m_axi_arsize),
        .m_axi_arburst(m_axi_arburst), .m_axi_arcache(m_axi_arcache), .m_axi_arprot(m_axi_arprot),
        .m_axi_arvalid(m_axi_arvalid), .m_axi_arready(m_axi_arready),
        .m_axi_rid(m_axi_rid), .m_axi_rdata(m_axi_rdata), .m_axi_rresp(m_axi_rresp), .m_axi_rlast(m_axi_rlast),
        .m_axi_rvalid(m_axi_rvalid), .m_axi_rready(m_axi_rready)
    );
    // TLAST at the end of a frame's last pass alone.
    localparam int unsigned PASS_BITS = REPEATS > 1 ? $clog2(REPEATS) : 1;
    localparam logic [PASS_BITS-1:0] FINAL = PASS_BITS'(REPEATS - 1);
    logic [PASS_BITS-1:0] pass;
    logic pass_last;
    assign m_tlast = pass_last && pass == FINAL;
    always_ff @(posedge ap_clk) begin
        if (!core_rst_n) pass <= '0;
        else if (m_tvalid && m_tready && pass_last) pass <= m_tlast ? '0 : pass + 1'b1;
    end

    hwgen_width #(.IN_BITS(MEMORY_BITS), .OUT_BITS(STREAM_BITS), .UNIT(8)) width (
        .ap_clk(ap_clk), .ap_rst_n(core_rst_n),
        .s_tdata(word), .s_tkeep(word_keep), .s_tlast(word_last), .s_tvalid(word_valid && core_rst_n),
        .s_tready(word_ready),
        .m_tdata(m_tdata), .m_tkeep(m_tkeep), .m_tlast(pass_last), .m_tvalid(m_tvalid), .m_tready(m_tready)
    );
endmodule
