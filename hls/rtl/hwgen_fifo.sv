// SPDX-License-Identifier: Apache-2.0
// hwgen_fifo: a stream channel of at least DEPTH words, one word in and one out every clock.
//
// s_tready, m_tvalid and m_tdata come from registers (DEPTH 1: s_tready also depends on m_tready).
//   DEPTH 1       one register                              latency 1
//   DEPTH 2       two registers: head and spare             latency 1
//   DEPTH >= 3    RAM of DEPTH words, and an output register that is filled ahead   latency 2
// STYLE: "auto" (block RAM above 64 words), "distributed" or "block"; "registers" for DEPTH 1 and 2.
module hwgen_fifo #(
    parameter int unsigned WIDTH = 8,
    parameter int unsigned DEPTH = 2,
    parameter STYLE = "auto"
) (
    input  logic             ap_clk,
    input  logic             ap_rst_n,
    input  logic [WIDTH-1:0] s_tdata,
    input  logic             s_tvalid,
    output logic             s_tready,
    output logic [WIDTH-1:0] m_tdata,
    output logic             m_tvalid,
    input  logic             m_tready
);
    wire next = !m_tvalid || m_tready;  // the output register is free, or is being emptied

    if (DEPTH == 1) begin : g_one
        assign s_tready = next;
        always_ff @(posedge ap_clk) begin
            if (!ap_rst_n) m_tvalid <= 1'b0;
            else if (next) m_tvalid <= s_tvalid;
            if (next) m_tdata <= s_tdata;
        end
    end else if (DEPTH == 2) begin : g_two
        logic [WIDTH-1:0] spare;
        always_ff @(posedge ap_clk) begin
            if (!ap_rst_n) begin
                m_tvalid <= 1'b0;
                s_tready <= 1'b1;  // the spare register is free
            end else begin
                if (next) m_tvalid <= s_tvalid || !s_tready;
                if (next) s_tready <= 1'b1;
                else if (s_tvalid) s_tready <= 1'b0;
            end
            if (s_tready) spare <= s_tdata;
            if (next) m_tdata <= s_tready ? s_tdata : spare;
        end
    end else begin : g_ram
        localparam int unsigned BITS = $clog2(DEPTH);
        localparam bit ROUND = (1 << BITS) == DEPTH;
        localparam bit [BITS:0] EMPTY = (BITS + 1)'((1 << BITS) - DEPTH);
        localparam bit [BITS-1:0] LAST = BITS'(DEPTH - 1);

        logic [BITS-1:0] head;   // where the next word is read
        logic [BITS-1:0] tail;   // where the next word is written
        logic [BITS:0]   count;  // EMPTY + words in the RAM: its top bit says full

        // no_rw_check: a word is never read in the clock in which it is written, except into an invalid m_tdata
        assign s_tready = !count[BITS];
        wire push = s_tvalid && s_tready;
        wire pop = next && count != EMPTY;

        if (STYLE == "block" || (STYLE == "auto" && DEPTH > 64)) begin : g_block
            (* ram_style = "block", no_rw_check *) logic [WIDTH-1:0] mem [0:DEPTH-1];
            always_ff @(posedge ap_clk) begin
                if (push) mem[tail] <= s_tdata;
                if (next) m_tdata <= mem[head];
            end
        end else begin : g_distributed
            (* ram_style = "distributed", no_rw_check *) logic [WIDTH-1:0] mem [0:DEPTH-1];
            always_ff @(posedge ap_clk) begin
                if (push) mem[tail] <= s_tdata;
                if (next) m_tdata <= mem[head];
            end
        end

        always_ff @(posedge ap_clk) begin
            if (!ap_rst_n) begin
                m_tvalid <= 1'b0;
                head <= '0;
                tail <= '0;
                count <= EMPTY;
            end else begin
                if (next) m_tvalid <= pop;
                if (pop) head <= (!ROUND && head == LAST) ? '0 : head + 1'b1;
                if (push) tail <= (!ROUND && tail == LAST) ? '0 : tail + 1'b1;
                if (push != pop) count <= push ? count + 1'b1 : count - 1'b1;
            end
        end
    end
endmodule
