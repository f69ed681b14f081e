// SPDX-License-Identifier: Apache-2.0
// hwgen stream to AXI4-Stream master: extends every element, and marks the last beat of a frame.
//
// The data path is wires; every byte of a beat is data, so TKEEP is all ones.
module hwgen_axis_egress #(
    parameter int LANES        = 1,
    parameter int BITS         = 8,
    parameter int ELEMENT_BITS = 8,
    parameter bit SIGNED       = 1'b0,
    parameter bit BIPOLAR      = 1'b0,  // the stream's bits 0 and 1 are the elements -1 and +1
    parameter int BEATS        = 1      // of one frame
) (
    input  logic ap_clk,
    input  logic ap_rst_n,

    input  logic [LANES*BITS-1:0] in_tdata,
    input  logic                  in_tvalid,
    output logic                  in_tready,

    output logic [LANES*ELEMENT_BITS-1:0]   m_axis_tdata,
    output logic [LANES*ELEMENT_BITS/8-1:0] m_axis_tkeep,
    output logic                            m_axis_tvalid,
    input  logic                            m_axis_tready,
    output logic                            m_axis_tlast
);
  localparam int INDEX_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam logic [INDEX_BITS-1:0] LAST = INDEX_BITS'(BEATS - 1);

  assign m_axis_tvalid = in_tvalid;
  assign in_tready     = m_axis_tready;
  assign m_axis_tkeep  = '1;

  for (genvar lane = 0; lane < LANES; lane++) begin : g_lane
    logic [ELEMENT_BITS-1:0] element;
    if (BIPOLAR) begin : g_bipolar
      assign element = {{(ELEMENT_BITS - 1) {!in_tdata[lane]}}, 1'b1};
    end else if (SIGNED) begin : g_signed
      assign element = ELEMENT_BITS'(signed'(in_tdata[lane*BITS+:BITS]));
    end else begin : g_unsigned
      assign element = ELEMENT_BITS'(in_tdata[lane*BITS+:BITS]);
    end
    assign m_axis_tdata[lane*ELEMENT_BITS+:ELEMENT_BITS] = element;
  end

  logic [INDEX_BITS-1:0] beat;
  assign m_axis_tlast = beat == LAST;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      beat <= '0;
    end else if (m_axis_tvalid && m_axis_tready) begin
      beat <= m_axis_tlast ? '0 : beat + 1'b1;
    end
  end
endmodule
