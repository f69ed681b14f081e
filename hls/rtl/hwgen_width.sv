// SPDX-License-Identifier: Apache-2.0
// hwgen_width: AXI4-Stream width converter, up or down by any whole ratio; the first word's place is the lowest bits.
//
//   ap_clk, ap_rst_n   clock; synchronous reset, active low
//   s_*                slave stream of IN_BITS:  tdata, tkeep, tlast, tvalid, tready
//   m_*                master stream of OUT_BITS: the same
// UNIT: bits that one TKEEP bit stands for, 8 for AXI4-Stream's bytes; it divides both widths.
// Where TKEEP and TLAST are not used, tie s_tkeep to ones and s_tlast to zero: no logic is left of them.
//
// Up: a word with TLAST completes the wide word early, the missing units have TKEEP 0 and data 0.
// Down: behind the last narrow word that holds a kept unit of a TLAST word nothing is sent.
// One word of the narrower side every clock; latency 1. m_tvalid and m_* come from registers, s_tready is m_tready's.
module hwgen_width #(
    parameter int unsigned IN_BITS = 8,
    parameter int unsigned OUT_BITS = 32,
    parameter int unsigned UNIT = IN_BITS < OUT_BITS ? IN_BITS : OUT_BITS
) (
    input  logic                     ap_clk,
    input  logic                     ap_rst_n,
    input  logic [IN_BITS-1:0]       s_tdata,
    input  logic [IN_BITS/UNIT-1:0]  s_tkeep,
    input  logic                     s_tlast,
    input  logic                     s_tvalid,
    output logic                     s_tready,
    output logic [OUT_BITS-1:0]      m_tdata,
    output logic [OUT_BITS/UNIT-1:0] m_tkeep,
    output logic                     m_tlast,
    output logic                     m_tvalid,
    input  logic                     m_tready
);
    if (IN_BITS == OUT_BITS) begin : g_same
        assign s_tready = !m_tvalid || m_tready;
        always_ff @(posedge ap_clk) begin
            if (!ap_rst_n) m_tvalid <= 1'b0;
            else if (s_tready) m_tvalid <= s_tvalid;
            if (s_tready) {m_tdata, m_tkeep, m_tlast} <= {s_tdata, s_tkeep, s_tlast};
        end
    end else if (IN_BITS < OUT_BITS) begin : g_up
        localparam int unsigned PARTS = OUT_BITS / IN_BITS;
        localparam int unsigned KEEPS = IN_BITS / UNIT;
        logic [PARTS-1:0] place;  // one-hot: where the next narrow word goes
        wire take = s_tvalid && s_tready;
        wire complete = place[PARTS-1] || s_tlast;
        assign s_tready = !m_tvalid || m_tready;
        always_ff @(posedge ap_clk) begin
            if (!ap_rst_n) begin
                place <= PARTS'(1);
                m_tvalid <= 1'b0;
            end else begin
                if (take) place <= complete ? PARTS'(1) : {place[PARTS-2:0], 1'b0};
                if (s_tready) m_tvalid <= take && complete;
            end
            if (take) m_tlast <= s_tlast;
            for (int unsigned i = 0; i < PARTS; i++) begin
                if (take && place[0] && i != 0) begin
                    m_tdata[i*IN_BITS+:IN_BITS] <= '0;
                    m_tkeep[i*KEEPS+:KEEPS] <= '0;
                end else if (take && place[i]) begin
                    m_tdata[i*IN_BITS+:IN_BITS] <= s_tdata;
                    m_tkeep[i*KEEPS+:KEEPS] <= s_tkeep;
                end
            end
        end
    end else begin : g_down
        localparam int unsigned PARTS = IN_BITS / OUT_BITS;
        localparam int unsigned KEEPS = OUT_BITS / UNIT;
        logic [PARTS-1:0] place;             // one-hot: which part is at the output
        logic [IN_BITS-OUT_BITS-1:0] rest;   // the parts behind it
        logic [(PARTS-1)*KEEPS-1:0] keeps;
        logic ends;                          // the wide word had TLAST
        wire last = place[PARTS-1] || (ends && keeps == '0);
        assign m_tlast = ends && last;
        assign s_tready = !m_tvalid || (m_tready && last);
        always_ff @(posedge ap_clk) begin
            if (!ap_rst_n) m_tvalid <= 1'b0;
            else if (s_tready) m_tvalid <= s_tvalid;
            if (s_tready) begin
                place <= PARTS'(1);
                {rest, m_tdata} <= s_tdata;
                {keeps, m_tkeep} <= s_tkeep;
                ends <= s_tlast;
            end else if (m_tready) begin
                place <= {place[PARTS-2:0], 1'b0};
                {rest, m_tdata} <= {OUT_BITS'(0), rest};
                {keeps, m_tkeep} <= {KEEPS'(0), keeps};
            end
        end
    end
endmodule
