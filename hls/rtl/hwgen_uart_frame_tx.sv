// SPDX-License-Identifier: Apache-2.0
// hwgen_uart_frame_tx: sends answers: 0x48 0x57, type, length (2 bytes), payload, CRC-16/CCITT-FALSE (2 bytes).
//
//   start, kind, length   begins an answer when busy is low; kind and length hold still until busy falls
//   s_*                   the payload, length bytes (at least 1, at most MOST)
//   m_*                   bytes for the line
module hwgen_uart_frame_tx #(
    parameter int unsigned MOST = 15
) (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic        start,
    input  logic [7:0]  kind,
    input  logic [15:0] length,
    output logic        busy,
    input  logic [7:0]  s_tdata,
    input  logic        s_tvalid,
    output logic        s_tready,
    output logic [7:0]  m_tdata,
    output logic        m_tvalid,
    input  logic        m_tready
);
    localparam int unsigned LEFT_BITS = $clog2(MOST + 1);
    typedef enum logic [3:0] {IDLE, SYNC0, SYNC1, TYPE, LOW, HIGH, PAYLOAD, CRC_LOW, CRC_HIGH} state_t;
    state_t state;
    logic [LEFT_BITS-1:0] left;  // bytes of the payload
    logic [15:0] crc, crc_next;

    hwgen_uart_crc check (
        .crc (crc),
        .data(m_tdata),
        .next(crc_next)
    );

    assign busy = state != IDLE;
    assign m_tvalid = busy && (state != PAYLOAD || s_tvalid);
    assign s_tready = state == PAYLOAD && m_tready;

    always_comb begin
        case (state)
            SYNC0: m_tdata = 8'h48;
            SYNC1: m_tdata = 8'h57;
            TYPE: m_tdata = kind;
            LOW: m_tdata = length[7:0];
            HIGH: m_tdata = length[15:8];
            CRC_LOW: m_tdata = crc[7:0];
            CRC_HIGH: m_tdata = crc[15:8];
            default: m_tdata = s_tdata;
        endcase
    end

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) state <= IDLE;
        else if (!busy) state <= start ? SYNC0 : IDLE;
        else if (m_tvalid && m_tready) begin
            if (state == CRC_HIGH) state <= IDLE;
            else if (state != PAYLOAD || left == LEFT_BITS'(1)) state <= state_t'(state + 4'd1);
        end
        if (m_tvalid && m_tready) begin
            if (state == SYNC1) crc <= '1;
            else if (state != CRC_LOW) crc <= crc_next;
            left <= state == HIGH ? length[LEFT_BITS-1:0] : left - 1'b1;
        end
    end
endmodule
