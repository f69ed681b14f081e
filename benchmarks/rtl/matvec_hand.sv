// SPDX-License-Identifier: Apache-2.0
// 64 x 32 matrix-vector product, 8 columns and 4 rows at a time, 15 thresholds a row: written by hand to compare with.
// Four stages and an output register, an iteration every clock. The benchmark writes the tables' modules.
module matvec_hand (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic [31:0] in_tdata,
    input  logic        in_tvalid,
    output logic        in_tready,
    output logic [15:0] out_tdata,
    output logic        out_tvalid,
    input  logic        out_tready
);
    localparam int Pe = 4, Simd = 8, Steps = 15, Acc = 14;

    logic [2:0] column, row;
    wire reading = row == 0;
    wire enable = !out_tvalid || out_tready;
    wire step = enable && (in_tvalid || !reading);
    assign in_tready = enable && reading;

    (* ram_style = "distributed" *) logic [31:0] vector [8];
    wire [31:0] word = reading ? in_tdata : vector[column];
    logic [Pe*Simd*4-1:0] weights;
    matvec_hand_weights weights_table (.address({row, column}), .word(weights));

    // Stage 1: activations and weights.
    logic valid_1, first_1, last_1;
    logic [2:0] row_1;
    logic [31:0] x_1;
    logic [Pe*Simd*4-1:0] w_1;
    always_ff @(posedge ap_clk)
        if (!ap_rst_n) begin
            column <= 0;
            row <= 0;
            valid_1 <= 0;
        end else if (enable) begin
            valid_1 <= step;
            if (step) begin
                column <= column + 1;
                if (column == 7) row <= row + 1;
            end
        end
    always_ff @(posedge ap_clk) if (step && reading) vector[column] <= in_tdata;
    always_ff @(posedge ap_clk)
        if (enable) begin
            {first_1, last_1, row_1} <= {column == 0, column == 7, row};
            {x_1, w_1} <= {word, weights};
        end

    // Stage 2: sums of two products.
    logic valid_2, first_2, last_2;
    logic [2:0] row_2;
    logic signed [8:0] pair_2 [Pe*Simd/2];
    always_ff @(posedge ap_clk)
        if (!ap_rst_n) valid_2 <= 0;
        else if (enable) valid_2 <= valid_1;
    always_ff @(posedge ap_clk)
        if (enable) begin
            {first_2, last_2, row_2} <= {first_1, last_1, row_1};
            for (int i = 0; i < Pe * Simd / 2; i++)
                pair_2[i] <= 9'($signed({1'b0, x_1[8*(i%4)+:4]}) * $signed(w_1[8*i+:4]))
                           + 9'($signed({1'b0, x_1[8*(i%4)+4+:4]}) * $signed(w_1[8*i+4+:4]));
        end

    // Stage 3: accumulate and compare.
    logic valid_3;
    logic signed [Acc-1:0] acc [Pe];
    logic signed [Acc-1:0] next [Pe];
    logic [Pe*Steps*Acc-1:0] levels;
    logic [Pe*Steps-1:0] reached_3;
    matvec_hand_levels levels_table (.address(row_2), .word(levels));
    logic signed [10:0] total [Pe];
    always_comb
        for (int p = 0; p < Pe; p++) begin
            total[p] = 11'(pair_2[4*p]) + 11'(pair_2[4*p+1]) + 11'(pair_2[4*p+2]) + 11'(pair_2[4*p+3]);
            next[p] = (first_2 ? 14'sd0 : acc[p]) + 14'(total[p]);
        end
    always_ff @(posedge ap_clk)
        if (!ap_rst_n) valid_3 <= 0;
        else if (enable) valid_3 <= valid_2 && last_2;
    always_ff @(posedge ap_clk)
        if (enable && valid_2) begin
            for (int p = 0; p < Pe; p++) begin
                acc[p] <= next[p];
                for (int t = 0; t < Steps; t++)
                    reached_3[Steps*p+t] <= next[p] >= $signed(levels[Acc*(Steps*p+t)+:Acc]);
            end
        end

    // Stage 4: count.
    always_ff @(posedge ap_clk)
        if (!ap_rst_n) out_tvalid <= 0;
        else if (enable) out_tvalid <= valid_3;
    logic [3:0] counts [Pe];
    always_comb
        for (int p = 0; p < Pe; p++) begin
            counts[p] = 0;
            for (int t = 0; t < Steps; t++) counts[p] = counts[p] + 4'(reached_3[Steps*p+t]);
        end
    always_ff @(posedge ap_clk) if (enable) out_tdata <= {counts[3], counts[2], counts[1], counts[0]};
endmodule
