// SPDX-License-Identifier: Apache-2.0
// hwgen_axi_write: AXI4 write data mover. Descriptors {length in bytes, byte address} and a stream of packed words.
//
//   s_desc_*     descriptors: address in the low ADDRESS_BITS, length in bytes above it; neither need be aligned
//   s_data_*     ceil(length / bytes of a word) words for each descriptor, its first byte lowest; the length alone tells
//                where the data ends, bytes of the last word behind it are not written
//   m_status_*   one word for each descriptor, in order, when all of its bursts are answered: the worst BRESP
//                (0 OKAY, 2 SLVERR, 3 DECERR)
//   m_axi_*      AXI4 master, AW, W and B channels, INCR bursts of one ID
// DATA_BITS 32..1024, a power of two. MAX_BURST: beats of a burst, a power of two, 2..256; no burst crosses 4 KB (see
// hwgen_axi_bursts). OUTSTANDING: bursts under way, not answered on B.
//
// One beat a clock as long as there is data and the memory takes it; one clock more for each descriptor. A burst's data
// follows its address, and never waits for AWREADY.
module hwgen_axi_write #(
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
    input  logic [DATA_BITS-1:0]                s_data_tdata,
    input  logic                                s_data_tvalid,
    output logic                                s_data_tready,
    output logic [1:0]                          m_status_tdata,
    output logic                                m_status_tvalid,
    input  logic                                m_status_tready,
    output logic                                m_axi_awid,
    output logic [ADDRESS_BITS-1:0]             m_axi_awaddr,
    output logic [7:0]                          m_axi_awlen,
    output logic [2:0]                          m_axi_awsize,
    output logic [1:0]                          m_axi_awburst,
    output logic [3:0]                          m_axi_awcache,
    output logic [2:0]                          m_axi_awprot,
    output logic                                m_axi_awvalid,
    input  logic                                m_axi_awready,
    output logic [DATA_BITS-1:0]                m_axi_wdata,
    output logic [DATA_BITS/8-1:0]              m_axi_wstrb,
    output logic                                m_axi_wlast,
    output logic                                m_axi_wvalid,
    input  logic                                m_axi_wready,
    // One ID: responses come in order.
    // verilator lint_off UNUSEDSIGNAL
    input  logic                                m_axi_bid,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [1:0]                          m_axi_bresp,
    input  logic                                m_axi_bvalid,
    output logic                                m_axi_bready
);
    localparam int unsigned BYTES = DATA_BITS / 8;
    localparam int unsigned LOW = $clog2(BYTES);
    localparam int unsigned CHUNK = MAX_BURST << LOW > 4096 ? 4096 >> LOW : MAX_BURST;
    localparam int unsigned PLACE = $clog2(CHUNK);
    localparam int unsigned BEATS = LENGTH_BITS - LOW + 1;
    localparam int unsigned COUNT = $clog2(OUTSTANDING + 1);

    logic [BEATS-1:0] plan_beats;
    logic [PLACE-1:0] plan_place;
    logic [LOW-1:0] plan_offset, plan_stop;
    logic plan_valid, plan_ready;
    logic issue, issue_last, issue_empty, answered;
    // What each burst means for its descriptor, for the answers: {is there a burst, is it the last one}.
    logic ends_ready, end_burst, end_last, end_valid, end_ready;
    hwgen_axi_bursts #(
        .DATA_BITS(DATA_BITS), .ADDRESS_BITS(ADDRESS_BITS), .LENGTH_BITS(LENGTH_BITS), .MAX_BURST(MAX_BURST),
        .OUTSTANDING(OUTSTANDING)
    ) bursts (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_desc_tdata(s_desc_tdata), .s_desc_tvalid(s_desc_tvalid), .s_desc_tready(s_desc_tready),
        .plan_beats(plan_beats), .plan_place(plan_place), .plan_stop(plan_stop), .plan_offset(plan_offset),
        .plan_valid(plan_valid), .plan_ready(plan_ready),
        .ax_id(m_axi_awid), .ax_addr(m_axi_awaddr), .ax_len(m_axi_awlen), .ax_size(m_axi_awsize),
        .ax_burst(m_axi_awburst), .ax_cache(m_axi_awcache), .ax_prot(m_axi_awprot),
        .ax_valid(m_axi_awvalid), .ax_ready(m_axi_awready),
        .go(ends_ready), .issue(issue), .issue_last(issue_last), .issue_empty(issue_empty), .retire(answered)
    );
    hwgen_fifo #(.WIDTH(2), .DEPTH(OUTSTANDING < 2 ? 2 : OUTSTANDING), .STYLE("distributed")) ends (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_tdata({issue, issue_last || issue_empty}), .s_tvalid(issue || issue_empty), .s_tready(ends_ready),
        .m_tdata({end_burst, end_last}), .m_tvalid(end_valid), .m_tready(end_ready)
    );

    // The descriptor whose data is leaving.
    logic busy;
    logic [BEATS-1:0] left;    // beats that have not left
    logic [PLACE-1:0] place;   // of the next beat in its chunk
    logic [LOW-1:0] offset;    // a word begins at this byte of a beat
    logic [LOW-1:0] tail;      // bytes of the last beat, 0 for all
    logic first;               // the next beat is the first one
    logic spill;               // the last beat holds only bytes of the word before
    logic begun;               // the burst of the next beat has begun
    logic [COUNT-1:0] ahead;   // bursts whose address is out and whose data has not begun
    logic [DATA_BITS-9:0] held;  // the last word without its lowest byte

    wire room = !m_axi_wvalid || m_axi_wready;
    wire go = busy && room && (begun || ahead != '0);
    wire last = left == BEATS'(1);
    wire needs = !(last && spill);  // this beat takes a word
    assign s_data_tready = go && needs;
    wire send = go && (!needs || s_data_tvalid);
    wire closes = last || place == PLACE'(CHUNK - 1);
    assign plan_ready = !busy || (send && last);

    wire [DATA_BITS-9:0] previous = first ? '0 : held;
    wire [2*DATA_BITS-9:0] pair = {s_data_tdata, previous};
    wire [LOW-1:0] down = ~offset;  // bytes that the pair is shifted down by; the whole word for offset 0
    wire [2*DATA_BITS-9:0] unused_shifted = pair >> {down, 3'b000};

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            busy <= 1'b0;
            begun <= 1'b0;
            ahead <= '0;
            m_axi_wvalid <= 1'b0;
        end else begin
            if (plan_ready) busy <= plan_valid && plan_beats != '0;
            if (room) m_axi_wvalid <= send;
            if (send) begun <= !closes;
            if (issue != (send && !begun)) ahead <= issue ? ahead + 1'b1 : ahead - 1'b1;
        end
        if (send) begin
            left <= left - 1'b1;
            place <= place + 1'b1;
            first <= 1'b0;
            if (needs) held <= s_data_tdata[DATA_BITS-1:8];
            m_axi_wdata <= unused_shifted[DATA_BITS-1:0];
            m_axi_wstrb <= (first ? {BYTES{1'b1}} << offset : '1)
                         & (last && tail != '0 ? ~({BYTES{1'b1}} << tail) : '1);
            m_axi_wlast <= closes;
        end
        if (plan_ready) begin
            left <= plan_beats;
            place <= plan_place;
            offset <= plan_offset;
            tail <= plan_stop;
            first <= 1'b1;
            spill <= plan_offset != '0 && plan_stop != '0 && plan_stop <= plan_offset;
        end
    end

    // Answers: the worst of each descriptor's.
    logic [1:0] worst;
    wire [1:0] answer = end_burst && m_axi_bresp > worst ? m_axi_bresp : worst;
    wire free = !m_status_tvalid || m_status_tready;
    wire counted = end_valid && (!end_burst || m_axi_bvalid) && (!end_last || free);
    assign end_ready = counted;
    assign m_axi_bready = end_valid && end_burst && (!end_last || free);
    assign answered = m_axi_bvalid && m_axi_bready;
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            m_status_tvalid <= 1'b0;
            worst <= 2'b00;
        end else begin
            if (free) m_status_tvalid <= counted && end_last;
            if (counted) worst <= end_last ? 2'b00 : answer;
        end
        if (free) m_status_tdata <= answer;
    end
endmodule
