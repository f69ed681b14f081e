// SPDX-License-Identifier: Apache-2.0
// hwgen_uart_rx: bytes from a serial line, 8 data bits, no parity, one stop bit.
//
//   rx      the pin; it goes through two registers, then the majority of three clocks counts
//   data    the byte, in the clock in which valid is high; there is no way to hold it back
// BAUD: at most CLOCK_HZ / 8. A phase that advances by BAUD / CLOCK_HZ of a bit in each clock tells where the middle of
// a bit is; its rate is within 0.1 % of BAUD. A byte without a stop bit is dropped, and the line must be idle once
// before the next one.
module hwgen_uart_rx #(
    parameter int unsigned CLOCK_HZ = 25_000_000,
    parameter int unsigned BAUD = 1_000_000
) (
    input  logic       ap_clk,
    input  logic       ap_rst_n,
    input  logic       rx,
    output logic [7:0] data,
    output logic       valid
);
    localparam int unsigned PHASE_BITS = $clog2(CLOCK_HZ / BAUD) + 10;
    localparam bit [63:0] STEP = ((64'(BAUD) << PHASE_BITS) + 64'(CLOCK_HZ / 2)) / 64'(CLOCK_HZ);

    logic [4:0] seen;  // the newest in bit 0; the first two may be metastable
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) seen <= '1;
        else seen <= {seen[3:0], rx};
    end
    wire line = (seen[2] && seen[3]) || (seen[2] && seen[4]) || (seen[3] && seen[4]);

    logic [PHASE_BITS-1:0] phase, next;
    logic middle, armed;
    logic [3:0] left;  // bits until the byte is whole, start and stop bit among them; 0 between bytes
    assign {middle, next} = {1'b0, phase} + (PHASE_BITS + 1)'(STEP);

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            left <= '0;
            armed <= 1'b0;
            valid <= 1'b0;
        end else begin
            valid <= middle && left == 4'd1 && line;
            if (left == '0) begin
                armed <= line;
                if (armed && !line) left <= 4'd10;
            end else if (middle) begin
                left <= left == 4'd10 && line ? '0 : left - 1'b1;
                armed <= 1'b0;
            end
        end
        phase <= left == '0 ? {1'b1, (PHASE_BITS - 1)'(0)} : next;
        if (middle && left > 4'd1) data <= {line, data[7:1]};
    end
endmodule
