// SPDX-License-Identifier: Apache-2.0
// hwgen_cdc_fifo: a stream channel of DEPTH words between two unrelated clocks.
//
//   s_clk, s_rst_n, s_*   the writing side's clock, reset and slave stream
//   m_clk, m_rst_n, m_*   the reading side's clock, reset and master stream
// WIDTH: bits of a word. DEPTH: words, a power of two; from 8 on one word a clock when both clocks are equal.
// STAGES: flip-flops of a synchroniser, 2 or more.
//
// The pointers cross as Gray code through flip-flops marked ASYNC_REG. Constrain each crossing with
// `set_max_delay -datapath_only` of the faster clock's period (Vivado), so that a pointer's bits stay together.
// Resets are synchronous to their own clock, active low. Both sides must be in reset at the same time, for STAGES + 1
// clocks of the slower one; they may leave it in any order. A reset of one side alone loses or repeats words.
// s_tready, m_tvalid and m_tdata come from registers or a compare of registers. Latency: one clock of the writing side,
// then STAGES + 1 of the reading side.
module hwgen_cdc_fifo #(
    parameter int unsigned WIDTH = 8,
    parameter int unsigned DEPTH = 16,
    parameter int unsigned STAGES = 2
) (
    input  logic             s_clk,
    input  logic             s_rst_n,
    input  logic [WIDTH-1:0] s_tdata,
    input  logic             s_tvalid,
    output logic             s_tready,
    input  logic             m_clk,
    input  logic             m_rst_n,
    output logic [WIDTH-1:0] m_tdata,
    output logic             m_tvalid,
    input  logic             m_tready
);
    localparam int unsigned BITS = $clog2(DEPTH);
    localparam bit [BITS:0] WRAP = (BITS + 1)'(3) << (BITS - 1);  // full: Gray pointers that differ in the top two bits

    (* ram_style = "distributed" *) logic [WIDTH-1:0] mem [0:DEPTH-1];

    logic [BITS:0] tail, tail_gray;  // where the next word is written
    logic [BITS:0] head, head_gray;  // where the next word is read
    (* ASYNC_REG = "TRUE" *) logic [STAGES-1:0][BITS:0] head_seen;  // by the writing side
    (* ASYNC_REG = "TRUE" *) logic [STAGES-1:0][BITS:0] tail_seen;  // by the reading side

    logic open;  // no word is taken while the writing side is in reset
    wire push = s_tvalid && s_tready;
    wire [BITS:0] tail_next = tail + 1'b1;
    assign s_tready = open && tail_gray != (head_seen[STAGES-1] ^ WRAP);
    always_ff @(posedge s_clk) begin
        if (!s_rst_n) begin
            open <= 1'b0;
            tail <= '0;
            tail_gray <= '0;
            head_seen <= '0;
        end else begin
            open <= 1'b1;
            head_seen <= {head_seen[STAGES-2:0], head_gray};
            if (push) begin
                tail <= tail_next;
                tail_gray <= tail_next ^ (tail_next >> 1);
            end
        end
        if (push) mem[tail[BITS-1:0]] <= s_tdata;
    end

    wire next = !m_tvalid || m_tready;
    wire pop = next && head_gray != tail_seen[STAGES-1];
    wire [BITS:0] head_next = head + 1'b1;
    always_ff @(posedge m_clk) begin
        if (!m_rst_n) begin
            m_tvalid <= 1'b0;
            head <= '0;
            head_gray <= '0;
            tail_seen <= '0;
        end else begin
            tail_seen <= {tail_seen[STAGES-2:0], tail_gray};
            if (next) m_tvalid <= pop;
            if (pop) begin
                head <= head_next;
                head_gray <= head_next ^ (head_next >> 1);
            end
        end
        if (pop) m_tdata <= mem[head[BITS-1:0]];
    end
endmodule
