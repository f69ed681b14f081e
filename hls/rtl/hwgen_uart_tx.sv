// SPDX-License-Identifier: Apache-2.0
// hwgen_uart_tx: bytes to a serial line, 8 data bits, no parity, one stop bit.
//
//   s_*   stream of bytes
//   tx    the pin, from a register
// BAUD: at most CLOCK_HZ / 8. A bit's length is right on average within 0.1 %, whatever the ratio of the two.
module hwgen_uart_tx #(
    parameter int unsigned CLOCK_HZ = 25_000_000,
    parameter int unsigned BAUD = 1_000_000
) (
    input  logic       ap_clk,
    input  logic       ap_rst_n,
    input  logic [7:0] s_tdata,
    input  logic       s_tvalid,
    output logic       s_tready,
    output logic       tx
);
    localparam int unsigned PHASE_BITS = $clog2(CLOCK_HZ / BAUD) + 10;
    localparam bit [63:0] STEP = ((64'(BAUD) << PHASE_BITS) + 64'(CLOCK_HZ / 2)) / 64'(CLOCK_HZ);

    logic [PHASE_BITS-1:0] phase, next;
    logic over;  // the bit
    logic [3:0] left;  // bits of the byte, start and stop bit among them
    logic [8:0] bits;
    assign {over, next} = {1'b0, phase} + (PHASE_BITS + 1)'(STEP);
    assign s_tready = left == '0;
    assign tx = bits[0];

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            left <= '0;
            bits <= '1;
        end else if (s_tready) begin
            if (s_tvalid) begin
                left <= 4'd10;
                bits <= {s_tdata, 1'b0};
            end
        end else if (over) begin
            left <= left - 1'b1;
            bits <= {1'b1, bits[8:1]};
        end
        phase <= s_tready ? '0 : next;
    end
endmodule
