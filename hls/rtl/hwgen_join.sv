// SPDX-License-Identifier: Apache-2.0
// hwgen_join: one pulse for each set of pulses, one from every source; sources may run ahead of each other.
//
//   pulses   one bit a source
//   joined   all sources have pulsed once more; in the clock of the last of them
// COUNT_BITS: how far a source may be ahead, 2 ** COUNT_BITS - 1 pulses.
module hwgen_join #(
    parameter int unsigned SOURCES = 2,
    parameter int unsigned COUNT_BITS = 16
) (
    input  logic               ap_clk,
    input  logic               ap_rst_n,
    input  logic [SOURCES-1:0] pulses,
    output logic               joined
);
    logic [SOURCES-1:0][COUNT_BITS-1:0] ahead;  // pulses that the others have not met
    logic [SOURCES-1:0] there;
    for (genvar i = 0; i < SOURCES; i++) begin : g_source
        assign there[i] = pulses[i] || ahead[i] != '0;
        always_ff @(posedge ap_clk) begin
            if (!ap_rst_n) ahead[i] <= '0;
            else if (pulses[i] != joined) ahead[i] <= pulses[i] ? ahead[i] + 1'b1 : ahead[i] - 1'b1;
        end
    end
    assign joined = &there;
endmodule
