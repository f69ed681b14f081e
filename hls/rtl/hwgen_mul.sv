// SPDX-License-Identifier: Apache-2.0
// One multiplier block: p = (d - a) * b, two's complement; d - a wraps at D_WIDTH bits.
//
// LATENCY registers lie inside the block: 1 behind the product; 2 in front and behind; 3 also in the middle; 4 two in
// front. move[k] lets word k + 1 of the pipeline move on. SUBTRACT 0 leaves `a` out.
//
// Without a macro this is plain SystemVerilog, from which Vivado infers the block. HWGEN_DSP48E2, HWGEN_DSP48E1 and
// HWGEN_MULT18X18D name the primitive instead, for synthesis that shall have no choice: Yosys with -nodsp,
// read_verilog -sv -DHWGEN_MULT18X18D hwgen_mul.sv for ECP5. HWGEN_SB_MAC16 names that of iCE40, without its registers:
// they cannot wait one by one.
`ifdef HWGEN_DSP48E2
`define HWGEN_DSP48 DSP48E2
`define HWGEN_DSP48_WIDE 27
`define HWGEN_DSP48_MODE .AMULTSEL(SUBTRACT ? "AD" : "A"), .BMULTSEL("B"), .PREADDINSEL("A")
`define HWGEN_DSP48_MULTIPLY 9'b000000101
`elsif HWGEN_DSP48E1
`define HWGEN_DSP48 DSP48E1
`define HWGEN_DSP48_WIDE 25
`define HWGEN_DSP48_MODE .USE_DPORT(SUBTRACT ? "TRUE" : "FALSE")
`define HWGEN_DSP48_MULTIPLY 7'b0000101
`endif
// Lint: without registers there is no clock, without a subtraction no `a`.
// verilator lint_off UNUSEDSIGNAL
(* use_dsp = "yes" *)
module hwgen_mul #(
    parameter int D_WIDTH = 18,
    parameter int B_WIDTH = 18,
    parameter int LATENCY = 3,
    parameter bit SUBTRACT = 0,
    localparam int MOVES = LATENCY > 0 ? LATENCY : 1
) (
    input  logic                                clk,
    input  logic        [          MOVES - 1:0] move,
    input  logic signed [        D_WIDTH - 1:0] d,
    input  logic signed [        D_WIDTH - 1:0] a,
    input  logic signed [        B_WIDTH - 1:0] b,
    output logic signed [D_WIDTH + B_WIDTH - 1:0] p
);
    // verilator lint_off UNUSEDPARAM
    localparam int P_WIDTH = D_WIDTH + B_WIDTH;
    localparam int FRONT = LATENCY < 2 ? 0 : LATENCY < 4 ? 1 : 2;
    localparam bit MIDDLE = LATENCY > 2;
    localparam bit BEHIND = LATENCY > 0;
    // verilator lint_on UNUSEDPARAM

`ifdef HWGEN_DSP48
    // AREG and DREG hold the factors, then ADREG the difference; BREG counts both.
    localparam int WIDE = `HWGEN_DSP48_WIDE;
    localparam int AREGS = SUBTRACT && FRONT > 1 ? 1 : FRONT;
    wire first = FRONT > 0 ? move[0] : 1'b0;
    wire second = FRONT > 1 ? move[1] : first;
    wire middle = MIDDLE ? move[FRONT] : 1'b0;
    wire behind = BEHIND ? move[LATENCY-1] : 1'b0;
    wire signed [WIDE-1:0] d_wide = WIDE'(d);
    wire signed [WIDE-1:0] a_wide = WIDE'(a);
    wire signed [29:0] a_port = SUBTRACT ? 30'(a_wide) : 30'(d_wide);
    wire signed [WIDE-1:0] d_port = SUBTRACT ? d_wide : '0;
    wire signed [17:0] b_port = 18'(b);
    wire [47:0] p_port;
    assign p = p_port[P_WIDTH-1:0];
    `HWGEN_DSP48 #(
        `HWGEN_DSP48_MODE, .USE_MULT("MULTIPLY"), .AREG(AREGS), .ACASCREG(AREGS), .BREG(FRONT), .BCASCREG(FRONT),
        .DREG(SUBTRACT && FRONT > 0 ? 1 : 0), .ADREG(SUBTRACT && FRONT > 1 ? 1 : 0), .MREG(MIDDLE), .PREG(BEHIND),
        .CREG(0), .ALUMODEREG(0), .CARRYINREG(0), .CARRYINSELREG(0), .INMODEREG(0), .OPMODEREG(0)
    ) block (
        .CLK(clk), .A(a_port), .B(b_port), .C(48'b0), .D(d_port), .P(p_port),
        .ALUMODE(4'b0000), .CARRYINSEL(3'b000), .INMODE(SUBTRACT ? 5'b01100 : 5'b00000), .OPMODE(`HWGEN_DSP48_MULTIPLY),
        .ACIN(30'b0), .BCIN(18'b0), .PCIN(48'b0), .CARRYIN(1'b0), .CARRYCASCIN(1'b0), .MULTSIGNIN(1'b0),
        .CEA1(first), .CEA2(SUBTRACT ? first : second), .CEB1(first), .CEB2(second), .CED(first), .CEAD(second),
        .CEM(middle), .CEP(behind), .CEC(1'b0), .CEALUMODE(1'b0), .CECARRYIN(1'b0), .CECTRL(1'b0), .CEINMODE(1'b0),
        .RSTA(1'b0), .RSTB(1'b0), .RSTC(1'b0), .RSTD(1'b0), .RSTM(1'b0), .RSTP(1'b0), .RSTALLCARRYIN(1'b0),
        .RSTALUMODE(1'b0), .RSTCTRL(1'b0), .RSTINMODE(1'b0)
    );
`elsif HWGEN_MULT18X18D
    // No subtraction in this block: SUBTRACT must be 0.
    wire front = FRONT > 0 ? move[FRONT-1] : 1'b0;
    wire middle = MIDDLE ? move[FRONT] : 1'b0;
    wire behind = BEHIND ? move[LATENCY-1] : 1'b0;
    wire signed [17:0] x = 18'(d);
    wire signed [17:0] y = 18'(b);
    wire [35:0] p_wide;
    assign p = p_wide[P_WIDTH-1:0];
    MULT18X18D #(
        .REG_INPUTA_CLK(FRONT > 0 ? "CLK0" : "NONE"), .REG_INPUTA_CE("CE0"), .REG_INPUTA_RST("RST0"),
        .REG_INPUTB_CLK(FRONT > 0 ? "CLK0" : "NONE"), .REG_INPUTB_CE("CE0"), .REG_INPUTB_RST("RST0"),
        .REG_PIPELINE_CLK(MIDDLE ? "CLK0" : "NONE"), .REG_PIPELINE_CE("CE1"), .REG_PIPELINE_RST("RST0"),
        .REG_OUTPUT_CLK(BEHIND ? "CLK0" : "NONE"), .REG_OUTPUT_CE("CE2"), .REG_OUTPUT_RST("RST0")
    ) block (
        .CLK0(clk), .CLK1(1'b0), .CLK2(1'b0), .CLK3(1'b0), .CE0(front), .CE1(middle), .CE2(behind), .CE3(1'b0),
        .RST0(1'b0), .RST1(1'b0), .RST2(1'b0), .RST3(1'b0),
        .SIGNEDA(1'b1), .SIGNEDB(1'b1), .SOURCEA(1'b0), .SOURCEB(1'b0),
        .A0(x[0]), .A1(x[1]), .A2(x[2]), .A3(x[3]), .A4(x[4]), .A5(x[5]),
        .A6(x[6]), .A7(x[7]), .A8(x[8]), .A9(x[9]), .A10(x[10]), .A11(x[11]),
        .A12(x[12]), .A13(x[13]), .A14(x[14]), .A15(x[15]), .A16(x[16]), .A17(x[17]),
        .B0(y[0]), .B1(y[1]), .B2(y[2]), .B3(y[3]), .B4(y[4]), .B5(y[5]),
        .B6(y[6]), .B7(y[7]), .B8(y[8]), .B9(y[9]), .B10(y[10]), .B11(y[11]),
        .B12(y[12]), .B13(y[13]), .B14(y[14]), .B15(y[15]), .B16(y[16]), .B17(y[17]),
        .C0(1'b0), .C1(1'b0), .C2(1'b0), .C3(1'b0), .C4(1'b0), .C5(1'b0),
        .C6(1'b0), .C7(1'b0), .C8(1'b0), .C9(1'b0), .C10(1'b0), .C11(1'b0),
        .C12(1'b0), .C13(1'b0), .C14(1'b0), .C15(1'b0), .C16(1'b0), .C17(1'b0),
        .P0(p_wide[0]), .P1(p_wide[1]), .P2(p_wide[2]), .P3(p_wide[3]), .P4(p_wide[4]), .P5(p_wide[5]),
        .P6(p_wide[6]), .P7(p_wide[7]), .P8(p_wide[8]), .P9(p_wide[9]), .P10(p_wide[10]), .P11(p_wide[11]),
        .P12(p_wide[12]), .P13(p_wide[13]), .P14(p_wide[14]), .P15(p_wide[15]), .P16(p_wide[16]), .P17(p_wide[17]),
        .P18(p_wide[18]), .P19(p_wide[19]), .P20(p_wide[20]), .P21(p_wide[21]), .P22(p_wide[22]), .P23(p_wide[23]),
        .P24(p_wide[24]), .P25(p_wide[25]), .P26(p_wide[26]), .P27(p_wide[27]), .P28(p_wide[28]), .P29(p_wide[29]),
        .P30(p_wide[30]), .P31(p_wide[31]), .P32(p_wide[32]), .P33(p_wide[33]), .P34(p_wide[34]), .P35(p_wide[35])
    );
`else
    wire signed [D_WIDTH - 1:0] wide = SUBTRACT ? d - a : d;
    wire [3*D_WIDTH-1:0] factors_d;
    wire [3*B_WIDTH-1:0] factors_b;
    wire [3*P_WIDTH-1:0] products;
    wire signed [D_WIDTH-1:0] factor_d = factors_d[FRONT*D_WIDTH+:D_WIDTH];
    wire signed [B_WIDTH-1:0] factor_b = factors_b[FRONT*B_WIDTH+:B_WIDTH];
    assign factors_d[0+:D_WIDTH] = wide;
    assign factors_b[0+:B_WIDTH] = b;
`ifdef HWGEN_SB_MAC16
    wire signed [15:0] x = 16'(factor_d);
    wire signed [15:0] y = 16'(factor_b);
    wire [31:0] p_wide;
    assign products[0+:P_WIDTH] = p_wide[P_WIDTH-1:0];
    SB_MAC16 #(
        .A_SIGNED(1'b1), .B_SIGNED(1'b1), .MODE_8x8(1'b0), .TOPOUTPUT_SELECT(2'b11), .BOTOUTPUT_SELECT(2'b11)
    ) block (
        .CLK(clk), .CE(1'b1), .A(x), .B(y), .C(16'b0), .D(16'b0), .O(p_wide), .AHOLD(1'b0), .BHOLD(1'b0), .CHOLD(1'b0),
        .DHOLD(1'b0), .IRSTTOP(1'b0), .IRSTBOT(1'b0), .ORSTTOP(1'b0), .ORSTBOT(1'b0), .OLOADTOP(1'b0), .OLOADBOT(1'b0),
        .ADDSUBTOP(1'b0), .ADDSUBBOT(1'b0), .OHOLDTOP(1'b0), .OHOLDBOT(1'b0), .CI(1'b0), .ACCUMCI(1'b0),
        .SIGNEXTIN(1'b0)
    );
`else
    assign products[0+:P_WIDTH] = P_WIDTH'(factor_d) * P_WIDTH'(factor_b);
`endif
    for (genvar k = 0; k < 2; k++) begin : fronts
        if (k < FRONT) begin : used
            logic [D_WIDTH-1:0] held_d;
            logic [B_WIDTH-1:0] held_b;
            always_ff @(posedge clk)
                if (move[k]) begin
                    held_d <= factors_d[k*D_WIDTH+:D_WIDTH];
                    held_b <= factors_b[k*B_WIDTH+:B_WIDTH];
                end
            assign factors_d[(k+1)*D_WIDTH+:D_WIDTH] = held_d;
            assign factors_b[(k+1)*B_WIDTH+:B_WIDTH] = held_b;
        end else begin : unused
            assign factors_d[(k+1)*D_WIDTH+:D_WIDTH] = '0;
            assign factors_b[(k+1)*B_WIDTH+:B_WIDTH] = '0;
        end
    end
    for (genvar k = 0; k < 2; k++) begin : backs
        if (k < LATENCY - FRONT) begin : used
            logic [P_WIDTH-1:0] held;
            always_ff @(posedge clk) if (move[FRONT+k]) held <= products[k*P_WIDTH+:P_WIDTH];
            assign products[(k+1)*P_WIDTH+:P_WIDTH] = held;
        end else begin : unused
            assign products[(k+1)*P_WIDTH+:P_WIDTH] = '0;
        end
    end
    assign p = products[(LATENCY-FRONT)*P_WIDTH+:P_WIDTH];
`endif
endmodule
