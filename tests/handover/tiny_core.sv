// SPDX-License-Identifier: Apache-2.0
// A core for tests: beats of 3 bytes, the weights' bytes added to the frame's. `error` tells that ends do not meet.
module digits_mlp (
    input  logic ap_clk,
    input  logic ap_rst_n,
    input  logic [23:0] s_axis_0_tdata,
    input  logic [2:0] s_axis_0_tkeep,
    input  logic s_axis_0_tvalid,
    output logic s_axis_0_tready,
    input  logic s_axis_0_tlast,
    input  logic [23:0] s_axis_w0_tdata,
    input  logic [2:0] s_axis_w0_tkeep,
    input  logic s_axis_w0_tvalid,
    output logic s_axis_w0_tready,
    input  logic s_axis_w0_tlast,
    output logic [23:0] m_axis_0_tdata,
    output logic [2:0] m_axis_0_tkeep,
    output logic m_axis_0_tvalid,
    input  logic m_axis_0_tready,
    output logic m_axis_0_tlast,
    output logic error
);
    assign m_axis_0_tvalid = s_axis_0_tvalid && s_axis_w0_tvalid;
    assign s_axis_0_tready = m_axis_0_tready && s_axis_w0_tvalid;
    assign s_axis_w0_tready = m_axis_0_tready && s_axis_0_tvalid;
    for (genvar i = 0; i < 3; i++) begin : g_byte
        assign m_axis_0_tdata[8*i+:8] = s_axis_0_tdata[8*i+:8] + s_axis_w0_tdata[8*i+:8];
    end
    assign m_axis_0_tkeep = '1;
    assign m_axis_0_tlast = s_axis_0_tlast;
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) error <= 1'b0;
        else if (m_axis_0_tvalid && m_axis_0_tready) begin
            error <= error || s_axis_0_tlast != s_axis_w0_tlast || !(&{s_axis_0_tkeep, s_axis_w0_tkeep});
        end
    end
endmodule
