// SPDX-License-Identifier: Apache-2.0
// AXI4-Stream slave to hwgen stream: takes the lowest BITS of every element, and watches the frame's end.
//
// The data path is wires: a beat is taken when the stream behind takes it. `error` rises when TLAST comes early or late
// or a beat has a null byte, and stays until reset.
module hwgen_axis_ingress #(
    parameter int LANES        = 1,
    parameter int BITS         = 8,
    parameter int ELEMENT_BITS = 8,
    parameter bit BIPOLAR      = 1'b0,  // elements are -1 and +1, the stream's bits 0 and 1
    parameter int BEATS        = 1      // of one frame
) (
    input  logic ap_clk,
    input  logic ap_rst_n,

    // The bits above BITS only extend the element.
    // verilator lint_off UNUSEDSIGNAL
    input  logic [LANES*ELEMENT_BITS-1:0]   s_axis_tdata,
    // verilator lint_on UNUSEDSIGNAL
    input  logic [LANES*ELEMENT_BITS/8-1:0] s_axis_tkeep,
    input  logic                            s_axis_tvalid,
    output logic                            s_axis_tready,
    input  logic                            s_axis_tlast,

    output logic [LANES*BITS-1:0] out_tdata,
    output logic                  out_tvalid,
    input  logic                  out_tready,

    output logic error
);
  localparam int INDEX_BITS = BEATS > 1 ? $clog2(BEATS) : 1;
  localparam logic [INDEX_BITS-1:0] LAST = INDEX_BITS'(BEATS - 1);

  assign out_tvalid    = s_axis_tvalid;
  assign s_axis_tready = out_tready;

  for (genvar lane = 0; lane < LANES; lane++) begin : g_lane
    if (BIPOLAR) begin : g_bipolar
      assign out_tdata[lane] = !s_axis_tdata[lane*ELEMENT_BITS+ELEMENT_BITS-1];
    end else begin : g_integer
      assign out_tdata[lane*BITS+:BITS] = s_axis_tdata[lane*ELEMENT_BITS+:BITS];
    end
  end

  logic [INDEX_BITS-1:0] beat;
  logic last, takes;
  assign last  = beat == LAST;
  assign takes = s_axis_tvalid && s_axis_tready;

  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      beat  <= '0;
      error <= 1'b0;
    end else if (takes) begin
      beat <= last ? '0 : beat + 1'b1;
      if (s_axis_tlast != last || !(&s_axis_tkeep)) error <= 1'b1;
    end
  end
endmodule
