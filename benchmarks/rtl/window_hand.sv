// SPDX-License-Identifier: Apache-2.0
// A 3x3 window over 8x8 pixels of 16 channels, 8 a word, written by hand as the yardstick for hls/include/hwgen/window.hpp:
// same words, same II, same buffer. For each of the 6x6 output pixels its 3 rows, 3 columns, 2 words.
//
// `held` words lie in the buffer from `base` on, the first word of the window at hand. The next frame is taken in while
// this one is given out.
module window_hand (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic [63:0] in0_tdata,
    input  logic        in0_tvalid,
    output logic        in0_tready,
    output logic [63:0] out0_tdata,
    output logic        out0_tvalid,
    input  logic        out0_tready
);
    (* ram_style = "distributed" *) logic [63:0] buffer [0:63];

    logic [5:0] head;    // where the next word goes
    logic [5:0] base;    // where the window begins
    logic [6:0] held;    // words from there on, 0..64
    logic [2:0] inner;   // column and half of the pixel, 0..5
    logic [1:0] middle;  // row of the window, 0..2
    logic [2:0] column, row;

    wire [5:0] offset = {middle, 1'b0, inner};  // a row of the frame is 16 words
    wire move = !out0_tvalid || out0_tready;
    wire give = held > {1'b0, offset};
    wire take = in0_tvalid && !held[6];
    assign in0_tready = move && !held[6];

    wire inner_done = inner == 3'd5;
    wire pixel_done = inner_done && middle == 2'd2;
    wire row_done = column == 3'd5;
    wire frame_done = row_done && row == 3'd5;
    wire [5:0] step = frame_done ? 6'd38 : row_done ? 6'd6 : 6'd2;  // from this window to the next
    wire [5:0] gone = give && pixel_done ? step : 6'd0;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            head <= '0;
            base <= '0;
            held <= '0;
            inner <= '0;
            middle <= '0;
            column <= '0;
            row <= '0;
            out0_tvalid <= 1'b0;
        end else if (move) begin
            out0_tvalid <= give;
            head <= head + 6'(take);
            base <= base + gone;
            held <= held + 7'(take) - {1'b0, gone};
            if (give) begin
                inner <= inner_done ? '0 : inner + 1'b1;
                if (inner_done) middle <= pixel_done ? '0 : middle + 1'b1;
                if (pixel_done) column <= row_done ? '0 : column + 1'b1;
                if (pixel_done && row_done) row <= frame_done ? '0 : row + 1'b1;
            end
        end
    end

    always_ff @(posedge ap_clk) begin
        if (move) out0_tdata <= buffer[base + offset];
        if (move && take) buffer[head] <= in0_tdata;
    end
endmodule
