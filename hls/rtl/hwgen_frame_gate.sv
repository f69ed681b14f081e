// SPDX-License-Identifier: Apache-2.0
// hwgen_frame_gate: lets whole frames of BEATS beats pass, as many as there is credit for. The data path is wires.
//
//   s_tvalid, s_tready   the stream's handshake outside
//   m_tvalid, m_tready   inside
//   moved                pulse: the last beat of a frame passes
module hwgen_frame_gate #(
    parameter int unsigned BEATS = 1
) (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic [32:0] credit,
    output logic        moved,
    input  logic        s_tvalid,
    output logic        s_tready,
    output logic        m_tvalid,
    input  logic        m_tready
);
    localparam int unsigned INDEX_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
    logic [INDEX_BITS-1:0] beat;
    wire open = credit != '0 && ap_rst_n;
    wire pass = s_tvalid && s_tready;
    assign m_tvalid = s_tvalid && open;
    assign s_tready = m_tready && open;
    assign moved = pass && beat == INDEX_BITS'(BEATS - 1);
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n || moved) beat <= '0;
        else if (pass) beat <= beat + 1'b1;
    end
endmodule
