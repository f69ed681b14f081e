// SPDX-License-Identifier: Apache-2.0
// hwgen_frame_gate: lets whole frames of BEATS beats pass, as many as there is credit for. The data path is wires.
//
//   begin_run, run_frames   of hwgen_run; credit: frames that may pass
//   moved                   pulse: the last beat of a frame passes
//   s_*                     the stream's handshake outside. A packet is whole frames, one run at most, as a DMA sends it:
//                           TLAST may come at the end of any frame, and has to at the end of a run
//   m_*                     inside, where every frame ends with TLAST. An early TLAST is handed on, for the core to see
//   late                    pulse: a run ends without TLAST
module hwgen_frame_gate #(
    parameter int unsigned BEATS = 1
) (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic        begin_run,
    input  logic [31:0] run_frames,
    input  logic [32:0] credit,
    output logic        moved,
    output logic        late,
    input  logic        s_tvalid,
    output logic        s_tready,
    input  logic        s_tlast,
    output logic        m_tvalid,
    input  logic        m_tready,
    output logic        m_tlast
);
    localparam int unsigned INDEX_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [INDEX_BITS-1:0] beat;
    logic ends;  // the frame is the last of its run
    wire open = credit != '0 && ap_rst_n;
    wire pass = s_tvalid && s_tready;
    wire last = beat == INDEX_BITS'(BEATS - 1);
    assign m_tvalid = s_tvalid && open;
    assign s_tready = m_tready && open;
    assign m_tlast = last || s_tlast;
    assign moved = pass && last;
    assign late = moved && ends && !s_tlast;
    hwgen_frame_place place (
        .ap_clk(ap_clk), .begin_run(begin_run), .run_frames(run_frames), .next(moved), .last(ends)
    );
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n || moved) beat <= '0;
        else if (pass) beat <= beat + 1'b1;
    end
endmodule
