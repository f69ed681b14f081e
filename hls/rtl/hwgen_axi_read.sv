// SPDX-License-Identifier: Apache-2.0
// hwgen_axi_read: AXI4 read data mover. Descriptors {length in bytes, byte address} to a stream of packed words.
//
//   s_desc_*     descriptors: address in the low ADDRESS_BITS, length in bytes above it; neither need be aligned
//   m_data_*     the bytes of each descriptor from the first word's lowest byte on; TLAST on its last word, whose TKEEP
//                tells how many bytes there are (the others are 0). A descriptor of length 0 sends none
//   m_status_*   one word behind each descriptor's data, in order: the worst RRESP (0 OKAY, 2 SLVERR, 3 DECERR)
//   m_axi_*      AXI4 master, AR and R channels, INCR bursts of one ID
// DATA_BITS 32..1024, a power of two. MAX_BURST: beats of a burst, a power of two, 2..256; no burst crosses 4 KB (see
// hwgen_axi_bursts). OUTSTANDING: bursts under way.
//
// One beat a clock as long as the memory gives one; one clock more for each descriptor, two when it is not aligned. A
// stalled m_data holds RREADY back: put a hwgen_fifo of OUTSTANDING * MAX_BURST words behind it where that hurts others.
module hwgen_axi_read #(
    parameter int unsigned DATA_BITS = 64,
    parameter int unsigned ADDRESS_BITS = 64,
    parameter int unsigned LENGTH_BITS = 32,
    parameter int unsigned MAX_BURST = 16,
    parameter int unsigned OUTSTANDING = 4
) (
    input  logic                                ap_clk,
    input  logic                                ap_rst_n,
    input  logic [LENGTH_BITS+ADDRESS_BITS-1:0] s_desc_tdata,
    input  logic                                s_desc_tvalid,
    output logic                                s_desc_tready,
    output logic [DATA_BITS-1:0]                m_data_tdata,
    output logic [DATA_BITS/8-1:0]              m_data_tkeep,
    output logic                                m_data_tlast,
    output logic                                m_data_tvalid,
    input  logic                                m_data_tready,
    output logic [1:0]                          m_status_tdata,
    output logic                                m_status_tvalid,
    input  logic                                m_status_tready,
    output logic                                m_axi_arid,
    output logic [ADDRESS_BITS-1:0]             m_axi_araddr,
    output logic [7:0]                          m_axi_arlen,
    output logic [2:0]                          m_axi_arsize,
    output logic [1:0]                          m_axi_arburst,
    output logic [3:0]                          m_axi_arcache,
    output logic [2:0]                          m_axi_arprot,
    output logic                                m_axi_arvalid,
    input  logic                                m_axi_arready,
    // One ID: responses come in order.
    // verilator lint_off UNUSEDSIGNAL
    input  logic                                m_axi_rid,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [DATA_BITS-1:0]                m_axi_rdata,
    input  logic [1:0]                          m_axi_rresp,
    input  logic                                m_axi_rlast,
    input  logic                                m_axi_rvalid,
    output logic                                m_axi_rready
);
    localparam int unsigned BYTES = DATA_BITS / 8;
    localparam int unsigned LOW = $clog2(BYTES);
    localparam int unsigned BEATS = LENGTH_BITS - LOW + 1;

    logic [BEATS-1:0] plan_beats;
    logic [LOW-1:0] plan_offset, plan_stop;
    logic plan_valid, plan_ready;
    // verilator lint_off PINCONNECTEMPTY
    hwgen_axi_bursts #(
        .DATA_BITS(DATA_BITS), .ADDRESS_BITS(ADDRESS_BITS), .LENGTH_BITS(LENGTH_BITS), .MAX_BURST(MAX_BURST),
        .OUTSTANDING(OUTSTANDING)
    ) bursts (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_desc_tdata(s_desc_tdata), .s_desc_tvalid(s_desc_tvalid), .s_desc_tready(s_desc_tready),
        .plan_beats(plan_beats), .plan_place(), .plan_stop(plan_stop), .plan_offset(plan_offset),
        .plan_valid(plan_valid), .plan_ready(plan_ready),
        .ax_id(m_axi_arid), .ax_addr(m_axi_araddr), .ax_len(m_axi_arlen), .ax_size(m_axi_arsize),
        .ax_burst(m_axi_arburst), .ax_cache(m_axi_arcache), .ax_prot(m_axi_arprot),
        .ax_valid(m_axi_arvalid), .ax_ready(m_axi_arready),
        .go(1'b1), .issue(), .issue_last(), .issue_empty(), .retire(m_axi_rvalid && m_axi_rready && m_axi_rlast)
    );
    // verilator lint_on PINCONNECTEMPTY

    // The descriptor whose data is arriving.
    logic busy;
    logic [BEATS-1:0] left;   // beats that have not arrived
    logic [LOW-1:0] offset;   // a word begins at this byte of a beat
    logic [LOW-1:0] tail;     // bytes of the last word, 0 for all
    logic skip;               // the next beat completes no word: it is the first of an unaligned descriptor
    logic flush;              // behind the last beat, its upper bytes make one more word
    logic [1:0] worst;
    logic [DATA_BITS-9:0] held;  // the last beat without its lowest byte

    wire room = !m_data_tvalid || m_data_tready;
    wire flushing = busy && left == '0 && flush;
    assign m_axi_rready = busy && left != '0 && (skip || room);
    wire take = m_axi_rvalid && m_axi_rready;
    wire send = (take && !skip) || (flushing && room);
    wire final_beat = left == BEATS'(1) && !flush;
    wire last = flushing || final_beat;
    wire finished = busy && left == '0 && !flush;  // all words are sent: the status is due
    assign plan_ready = !busy || (finished && (!m_status_tvalid || m_status_tready));

    wire [2*DATA_BITS-9:0] pair = {m_axi_rdata, held};
    wire [LOW-1:0] down = offset - 1'b1;  // bytes that the pair is shifted down by; the whole beat for offset 0
    wire [2*DATA_BITS-9:0] unused_shifted = pair >> {down, 3'b000};
    wire [BYTES-1:0] keep = last && tail != '0 ? ~({BYTES{1'b1}} << tail) : '1;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            busy <= 1'b0;
            m_data_tvalid <= 1'b0;
            m_status_tvalid <= 1'b0;
        end else begin
            if (plan_ready) busy <= plan_valid;
            if (room) m_data_tvalid <= send;
            if (!m_status_tvalid || m_status_tready) m_status_tvalid <= finished;
        end
        if (plan_ready) begin
            left <= plan_beats;
            offset <= plan_offset;
            tail <= plan_stop - plan_offset;
            skip <= plan_offset != '0;
            flush <= plan_beats != '0 && plan_offset != '0 && (plan_stop == '0 || plan_stop > plan_offset);
            worst <= 2'b00;
        end
        if (take) begin
            left <= left - 1'b1;
            skip <= 1'b0;
            held <= m_axi_rdata[DATA_BITS-1:8];
            if (m_axi_rresp > worst) worst <= m_axi_rresp;
        end
        if (flushing && room) flush <= 1'b0;
        if (send) begin
            for (int unsigned i = 0; i < BYTES; i++) begin
                m_data_tdata[8*i+:8] <= keep[i] ? unused_shifted[8*i+:8] : 8'b0;
            end
            m_data_tkeep <= keep;
            m_data_tlast <= last;
        end
        if (!m_status_tvalid || m_status_tready) m_status_tdata <= worst;
    end
endmodule
