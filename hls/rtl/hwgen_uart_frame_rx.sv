// SPDX-License-Identifier: Apache-2.0
// hwgen_uart_frame_rx: requests out of a stream of bytes, whole and checked, kept in a buffer until they are read.
//
//   s_*       bytes from the line; they cannot be held back
//   tick      a request in which two of them pass without a byte has broken off
//   m_*       for each request its type and its payload; for each that was refused 0xee and the reason
//   busy      a request is coming in
//   refused   for one clock: a request was refused
// On the line: 0x48 0x57, type, length (2 bytes), payload, CRC-16/CCITT-FALSE of type to payload (2 bytes); the low byte
// comes first. Type 1 has a payload of BYTES + 1 bytes, type 2 of 1. What comes between requests is skipped.
// Reasons: 1 CRC, 2 length, 3 type, 4 no room, 5 broken off. Where there is no room for the reason either, nothing is
// said. DEPTH: a power of two, more than BYTES + 2.
module hwgen_uart_frame_rx #(
    parameter int unsigned BYTES = 64,
    parameter int unsigned DEPTH = 512
) (
    input  logic       ap_clk,
    input  logic       ap_rst_n,
    input  logic [7:0] s_tdata,
    input  logic       s_tvalid,
    input  logic       tick,
    output logic [7:0] m_tdata,
    output logic       m_tvalid,
    input  logic       m_tready,
    output logic       busy,
    output logic       refused
);
    localparam int unsigned BITS = $clog2(DEPTH);
    localparam int unsigned LEFT_BITS = $clog2(BYTES + 2);
    localparam bit [15:0] LENGTH = 16'(BYTES + 1);
    typedef enum logic [3:0] {SYNC0, SYNC1, TYPE, LOW, HIGH, PAYLOAD, CRC_LOW, CRC_HIGH, REFUSE, REASON} state_t;
    state_t state;

    logic [BITS-1:0] head;   // where the next byte is read
    logic [BITS-1:0] whole;  // end of the requests that are whole
    logic [BITS-1:0] tail;   // where the next byte is written
    logic [LEFT_BITS-1:0] left;  // bytes of the payload that are still to come
    logic [15:0] crc, crc_next;
    logic [1:0] silence;
    logic frame;         // the request has type 1
    logic [2:0] reason;  // of the last refusal

    wire [BITS-1:0] behind = tail + 1'b1;
    wire full = behind == head;
    wire keep = s_tvalid && (state == TYPE || state == PAYLOAD);
    wire refuse = state == REFUSE || state == REASON;
    wire [15:0] length = frame ? LENGTH : 16'd1;

    logic [2:0] fault;
    always_comb begin
        fault = '0;
        if (refuse) fault = '0;
        else if (silence == 2'd2) fault = 3'd5;
        else if (keep && full) fault = 3'd4;
        else if (s_tvalid) begin
            case (state)
                TYPE: if (s_tdata != 8'd1 && s_tdata != 8'd2) fault = 3'd3;
                LOW: if (s_tdata != length[7:0]) fault = 3'd2;
                HIGH: if (s_tdata != length[15:8]) fault = 3'd2;
                CRC_LOW: if (s_tdata != crc[7:0]) fault = 3'd1;
                CRC_HIGH: if (s_tdata != crc[15:8]) fault = 3'd1;
                default: fault = '0;
            endcase
        end
    end

    hwgen_uart_crc check (
        .crc (crc),
        .data(s_tdata),
        .next(crc_next)
    );

    assign busy = state != SYNC0 && state != SYNC1;
    assign refused = fault != '0;

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            state <= SYNC0;
            whole <= '0;
            tail <= '0;
            silence <= '0;
        end else begin
            if (s_tvalid || !busy || refuse) silence <= '0;
            else if (tick) silence <= silence + 1'b1;

            if (refused) begin
                state <= REFUSE;
                tail <= whole;
            end else if (refuse) begin
                state <= state == REASON || full ? SYNC0 : REASON;
                tail <= full ? whole : behind;
                if (state == REASON && !full) whole <= behind;
            end else if (s_tvalid) begin
                if (keep) tail <= behind;
                case (state)
                    SYNC0: if (s_tdata == 8'h48) state <= SYNC1;
                    SYNC1: if (s_tdata != 8'h48) state <= s_tdata == 8'h57 ? TYPE : SYNC0;
                    TYPE: state <= LOW;
                    LOW: state <= HIGH;
                    HIGH: state <= PAYLOAD;
                    PAYLOAD: if (left == LEFT_BITS'(1)) state <= CRC_LOW;
                    CRC_LOW: state <= CRC_HIGH;
                    default: begin
                        state <= SYNC0;
                        whole <= tail;
                    end
                endcase
            end
        end
        if (refused) reason <= fault;
        if (s_tvalid) begin
            crc <= busy ? crc_next : '1;
            if (state == CRC_LOW) crc <= crc;
            if (state == TYPE) frame <= s_tdata[0];
            left <= state == HIGH ? length[LEFT_BITS-1:0] : left - 1'b1;
        end
    end

    // no_rw_check: what is read has been written two clocks before, or m_tvalid stays low
    (* no_rw_check *) logic [7:0] mem [0:DEPTH-1];
    wire [7:0] word = state == REFUSE ? 8'hee : state == REASON ? 8'(reason) : s_tdata;
    wire take = m_tvalid && m_tready;
    always_ff @(posedge ap_clk) begin
        if (keep || refuse) mem[tail] <= word;
        m_tdata <= mem[head];
        if (!ap_rst_n) begin
            head <= '0;
            m_tvalid <= 1'b0;
        end else begin
            if (take) head <= head + 1'b1;
            m_tvalid <= !take && head != whole;
        end
    end
endmodule
