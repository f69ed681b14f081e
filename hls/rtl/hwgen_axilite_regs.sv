// SPDX-License-Identifier: Apache-2.0
// hwgen_axilite_regs: AXI4-Lite slave with the registers of Vitis HLS's ap_ctrl_hs, and arguments from 0x10 on.
//
//   s_axi_*    AXI4-Lite slave of 32 bits
//   args       the argument words from 0x10 on as they were when the run started
//   start_*    one token for each of the BOXES at the start of a run; a box takes it when it is ready
//   done_*     one word from each box at the end of its part: an AXI response, 0 for success
//   irq        interrupt, a level, as 0x04..0x0c ask for
// WORDS: argument words. MASK: which of their bits exist (a 64-bit argument takes two words, and behind each argument
// is a word that does not exist, as in Vitis HLS).
//
//   0x00  0 ap_start (written 1; cleared at the end unless auto_restart)   1 ap_done (cleared by reading)   2 ap_idle
//         3 ap_ready (cleared by reading)   7 auto_restart   9 interrupt
//         16 a box reported an error since the last ap_start (hwgen's own)
//   0x04  0 global interrupt enable   0x08  enable: 0 ap_done, 1 ap_ready   0x0c  status, toggled by writing 1
//   0x10  arguments
module hwgen_axilite_regs #(
    parameter int unsigned ADDRESS_BITS = 6,
    parameter int unsigned WORDS = 1,
    parameter bit [32*WORDS-1:0] MASK = '1,
    parameter int unsigned BOXES = 1
) (
    input  logic                    ap_clk,
    input  logic                    ap_rst_n,
    // The two lowest address bits are of no use: registers are whole words.
    // verilator lint_off UNUSEDSIGNAL
    input  logic [ADDRESS_BITS-1:0] s_axi_awaddr,
    // verilator lint_on UNUSEDSIGNAL
    input  logic                    s_axi_awvalid,
    output logic                    s_axi_awready,
    input  logic [31:0]             s_axi_wdata,
    input  logic [3:0]              s_axi_wstrb,
    input  logic                    s_axi_wvalid,
    output logic                    s_axi_wready,
    output logic [1:0]              s_axi_bresp,
    output logic                    s_axi_bvalid,
    input  logic                    s_axi_bready,
    // verilator lint_off UNUSEDSIGNAL
    input  logic [ADDRESS_BITS-1:0] s_axi_araddr,
    // verilator lint_on UNUSEDSIGNAL
    input  logic                    s_axi_arvalid,
    output logic                    s_axi_arready,
    output logic [31:0]             s_axi_rdata,
    output logic [1:0]              s_axi_rresp,
    output logic                    s_axi_rvalid,
    input  logic                    s_axi_rready,
    output logic                    irq,
    output logic [32*WORDS-1:0]     args,
    output logic [BOXES-1:0]        start_tvalid,
    input  logic [BOXES-1:0]        start_tready,
    input  logic [2*BOXES-1:0]      done_tdata,
    input  logic [BOXES-1:0]        done_tvalid,
    output logic [BOXES-1:0]        done_tready
);
    typedef logic [ADDRESS_BITS-3:0] index_t;  // of a word
    localparam index_t CONTROL = index_t'(0), GLOBAL = index_t'(1), ENABLE = index_t'(2), STATUS = index_t'(3);
    localparam index_t FIRST = index_t'(4);

    // A run: every box gets a token, and every box answers.
    logic start, restart, done, ready, error, running;
    logic [BOXES-1:0] waiting;  // boxes that have not answered
    wire [BOXES-1:0] answered = done_tvalid & done_tready;
    wire begin_run = start && !running;
    wire end_run = running && waiting == '0;
    assign done_tready = waiting;

    logic [BOXES-1:0] failed;
    for (genvar i = 0; i < BOXES; i++) begin : g_failed
        assign failed[i] = answered[i] && done_tdata[2*i+:2] != 2'b00;
    end

    // The bus: a write is taken when address and data are there.
    assign s_axi_awready = s_axi_awvalid && s_axi_wvalid && !s_axi_bvalid;
    assign s_axi_wready = s_axi_awready;
    assign s_axi_bresp = 2'b00;
    assign s_axi_rresp = 2'b00;
    assign s_axi_arready = !s_axi_rvalid;
    wire write = s_axi_awready;
    wire read = s_axi_arvalid && s_axi_arready;
    wire index_t to = s_axi_awaddr[ADDRESS_BITS-1:2];
    wire index_t from = s_axi_araddr[ADDRESS_BITS-1:2];
    wire low = write && s_axi_wstrb[0];

    logic enable;           // of all interrupts
    logic [1:0] enables, flags;  // ap_done, ap_ready
    logic [32*WORDS-1:0] held;   // the arguments of the next run
    assign irq = enable && flags != 2'b00;

    logic [31:0] word;
    always_comb begin
        word = '0;
        case (from)
            CONTROL: word = {15'b0, error, 6'b0, irq, 1'b0, restart, 3'b0, ready, !running, done, start};
            GLOBAL: word = 32'(enable);
            ENABLE: word = 32'(enables);
            STATUS: word = 32'(flags);
            default: for (int unsigned i = 0; i < WORDS; i++) if (from == FIRST + index_t'(i)) word = held[32*i+:32];
        endcase
    end

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            {start, restart, done, ready, error, running, enable, enables, flags} <= '0;
            start_tvalid <= '0;
            waiting <= '0;
            s_axi_bvalid <= 1'b0;
            s_axi_rvalid <= 1'b0;
            held <= '0;
        end else begin
            if (!s_axi_bvalid || s_axi_bready) s_axi_bvalid <= write;
            if (!s_axi_rvalid || s_axi_rready) s_axi_rvalid <= read;

            if (begin_run) begin
                running <= 1'b1;
                start_tvalid <= '1;
                waiting <= '1;
            end else begin
                start_tvalid <= start_tvalid & ~start_tready;
                waiting <= waiting & ~answered;
                if (end_run) running <= 1'b0;
            end
            if (failed != '0) error <= 1'b1;

            if (read && from == CONTROL) {done, ready} <= 2'b00;
            if (low && to == CONTROL) begin
                start <= start || s_axi_wdata[0];
                restart <= s_axi_wdata[7];
                if (s_axi_wdata[0]) error <= 1'b0;
            end
            if (low && to == GLOBAL) enable <= s_axi_wdata[0];
            if (low && to == ENABLE) enables <= s_axi_wdata[1:0];
            if (low && to == STATUS) flags <= flags ^ s_axi_wdata[1:0];
            if (end_run) begin
                {done, ready} <= 2'b11;
                start <= restart;
                flags <= flags | enables;
            end
            for (int unsigned i = 0; i < WORDS; i++) begin
                for (int unsigned b = 0; b < 4; b++) begin
                    if (write && s_axi_wstrb[b] && to == FIRST + index_t'(i)) begin
                        held[32*i+8*b+:8] <= s_axi_wdata[8*b+:8] & MASK[32*i+8*b+:8];
                    end
                end
            end
        end
        if (read) s_axi_rdata <= word;
        if (begin_run) args <= held;
    end
endmodule
