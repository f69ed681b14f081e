// SPDX-License-Identifier: Apache-2.0
// hwgen_axi_bursts: descriptors {length in bytes, byte address} to AXI4 INCR bursts; a part of the data movers.
//
//   s_desc_*    descriptors: address in the low ADDRESS_BITS, length above it; a length of 0 makes no burst
//   plan_*      what a mover must know of each descriptor, in order, OUTSTANDING of them ahead of its data
//                 beats   how many                  place  the first beat's number within its chunk
//                 offset  byte of the first beat where the data begins
//                 stop    byte of the last beat behind the data, 0 where the whole beat is data
//   ax_*        an AR or AW channel: whole beats, INCR, one ID, normal bufferable memory
//   go          whether a burst may be issued, or an empty descriptor accepted, in this clock
//   issue       a burst enters the channel's register: it is seen on ax_* from the next clock on; `issue_last` with the
//               last one of a descriptor, `issue_empty` (no burst) for a descriptor of length 0
//   retire      a burst is finished; at most OUTSTANDING are under way
//
// Bursts end where the address is a multiple of CHUNK = min(MAX_BURST beats, 4096 bytes): none crosses 4 KB, and all but
// the first and last are of full length and aligned. DATA_BITS 32..1024 and MAX_BURST 2..256 are powers of two.
module hwgen_axi_bursts #(
    parameter int unsigned DATA_BITS = 64,
    parameter int unsigned ADDRESS_BITS = 64,
    parameter int unsigned LENGTH_BITS = 32,
    parameter int unsigned MAX_BURST = 16,
    parameter int unsigned OUTSTANDING = 4,
    localparam int unsigned LOW = $clog2(DATA_BITS / 8),
    localparam int unsigned CHUNK = MAX_BURST << LOW > 4096 ? 4096 >> LOW : MAX_BURST,
    localparam int unsigned PLACE = $clog2(CHUNK),
    localparam int unsigned BEATS = LENGTH_BITS - LOW + 1
) (
    input  logic                                ap_clk,
    input  logic                                ap_rst_n,
    input  logic [LENGTH_BITS+ADDRESS_BITS-1:0] s_desc_tdata,
    input  logic                                s_desc_tvalid,
    output logic                                s_desc_tready,
    output logic [BEATS-1:0]                    plan_beats,
    output logic [PLACE-1:0]                    plan_place,
    output logic [LOW-1:0]                      plan_stop,
    output logic [LOW-1:0]                      plan_offset,
    output logic                                plan_valid,
    input  logic                                plan_ready,
    output logic                                ax_id,
    output logic [ADDRESS_BITS-1:0]             ax_addr,
    output logic [7:0]                          ax_len,
    output logic [2:0]                          ax_size,
    output logic [1:0]                          ax_burst,
    output logic [3:0]                          ax_cache,
    output logic [2:0]                          ax_prot,
    output logic                                ax_valid,
    input  logic                                ax_ready,
    input  logic                                go,
    output logic                                issue,
    output logic                                issue_last,
    output logic                                issue_empty,
    input  logic                                retire
);
    localparam int unsigned COUNT = $clog2(OUTSTANDING + 1);

    assign ax_id = 1'b0;
    assign ax_size = 3'(LOW);
    assign ax_burst = 2'b01;   // INCR
    assign ax_cache = 4'b0011; // normal memory, bufferable
    assign ax_prot = 3'b000;

    // A descriptor in beats: (offset + length) bytes, rounded up.
    wire [LOW-1:0] offset = s_desc_tdata[LOW-1:0];
    wire [LENGTH_BITS-1:0] bytes = s_desc_tdata[ADDRESS_BITS+:LENGTH_BITS];
    wire [LENGTH_BITS:0] span = (LENGTH_BITS + 1)'(bytes) + (LENGTH_BITS + 1)'(offset);
    wire [BEATS-1:0] whole = span[LENGTH_BITS:LOW] + BEATS'(span[LOW-1:0] != '0);
    wire [BEATS-1:0] beats = bytes == '0 ? '0 : whole;

    logic [ADDRESS_BITS-LOW-1:0] address;  // of the next burst, in beats
    logic [BEATS-1:0] left;                // beats that are not asked for yet
    logic [COUNT-1:0] flying;              // bursts under way
    wire [PLACE:0] room = (PLACE + 1)'(CHUNK) - (PLACE + 1)'(address[PLACE-1:0]);
    wire ends = left <= BEATS'(room);
    wire [PLACE:0] burst = ends ? left[PLACE:0] : room;

    wire idle = left == '0;
    wire accept = s_desc_tvalid && s_desc_tready;
    wire planned;
    assign s_desc_tready = idle && go && planned;
    hwgen_fifo #(
        .WIDTH(BEATS + PLACE + 2 * LOW), .DEPTH(OUTSTANDING < 2 ? 2 : OUTSTANDING), .STYLE("distributed")
    ) plans (
        .ap_clk(ap_clk), .ap_rst_n(ap_rst_n),
        .s_tdata({beats, s_desc_tdata[LOW+:PLACE], span[LOW-1:0], offset}),
        .s_tvalid(s_desc_tvalid && idle && go), .s_tready(planned),
        .m_tdata({plan_beats, plan_place, plan_stop, plan_offset}), .m_tvalid(plan_valid), .m_tready(plan_ready)
    );
    assign issue = !idle && go && (!ax_valid || ax_ready) && flying != COUNT'(OUTSTANDING);
    assign issue_last = issue && ends;
    assign issue_empty = accept && bytes == '0;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            left <= '0;
            flying <= '0;
            ax_valid <= 1'b0;
        end else begin
            if (accept) left <= beats;
            else if (issue) left <= left - BEATS'(burst);
            if (issue != retire) flying <= issue ? flying + 1'b1 : flying - 1'b1;
            if (!ax_valid || ax_ready) ax_valid <= issue;
        end
        if (accept) address <= s_desc_tdata[ADDRESS_BITS-1:LOW];
        else if (issue) address <= address + (ADDRESS_BITS - LOW)'(burst);
        if (issue) begin
            ax_addr <= {address, LOW'(0)};
            ax_len <= 8'(burst - 1'b1);
        end
    end
endmodule
