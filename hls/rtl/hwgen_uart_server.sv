// SPDX-License-Identifier: Apache-2.0
// hwgen_uart_server: answers requests from a serial line with the help of a network behind two AXI4-Streams.
//
//   uart_rx, uart_tx   the pins
//   m_axis_*           frames to the network, IN_BYTES each, only those whose CRC is right
//   s_axis_*           its answers, OUT_BYTES each
//   error              of the network, for the third LED
//   leds               0 alive: blinks   1 busy: a request is coming in or being answered   2 error: the last request was
//                      refused, or the network complained   3 answered: changes with every frame answered
//
// Requests, each with a tag, a byte that its answer brings back: 1 tag frame -> 0x81 tag results. 2 tag -> 0x82 tag
// version(1) BUILD_ID, its first byte first(8) IN_BYTES(2) OUT_BYTES(2) QUEUE(1); low bytes first. Refused: 0xee reason.
// Answers come in the order of the requests, one at a time; QUEUE requests may wait for theirs (DEPTH bytes of buffer).
module hwgen_uart_server #(
    parameter int unsigned CLOCK_HZ = 25_000_000,
    parameter int unsigned BAUD = 1_000_000,
    parameter int unsigned IN_BYTES = 64,
    parameter int unsigned OUT_BYTES = 10,
    parameter int unsigned IN_BITS = 8,
    parameter int unsigned OUT_BITS = 8,
    parameter int unsigned DEPTH = 512,
    parameter bit [7:0] QUEUE = 8'd1,
    parameter bit [63:0] BUILD_ID = '0
) (
    input  logic                ap_clk,
    input  logic                ap_rst_n,
    input  logic                uart_rx,
    output logic                uart_tx,
    output logic [IN_BITS-1:0]  m_axis_tdata,
    output logic                m_axis_tvalid,
    input  logic                m_axis_tready,
    output logic                m_axis_tlast,
    input  logic [OUT_BITS-1:0] s_axis_tdata,
    input  logic                s_axis_tvalid,
    output logic                s_axis_tready,
    input  logic                error,
    output logic [3:0]          leds
);
    localparam int unsigned WORD = IN_BITS / 8;  // bytes of a beat
    localparam int unsigned WORD_BITS = $clog2(WORD + 1);
    localparam int unsigned FEED_BITS = $clog2(IN_BYTES + 1);
    localparam int unsigned PLACES = OUT_BITS / 8;
    localparam int unsigned ABOUT = 14;  // bytes of the answer to an identify request, its tag left out
    localparam int unsigned PLACE_BITS = $clog2(PLACES > ABOUT ? PLACES : ABOUT);
    localparam bit [8*ABOUT-1:0] TEXT = {QUEUE, 16'(OUT_BYTES), 16'(IN_BYTES), BUILD_ID, 8'd1};
    localparam int unsigned MOST = (OUT_BYTES > ABOUT ? OUT_BYTES : ABOUT) + 1;
    localparam int unsigned TICK_BITS = $clog2(CLOCK_HZ / 10);  // a tick every 0.1 to 0.2 s

    logic [TICK_BITS+1:0] count;
    logic tick;
    always_ff @(posedge ap_clk) begin
        count <= ap_rst_n ? count + 1'b1 : '0;
        tick <= count[TICK_BITS-1:0] == '1;
    end

    // From the line to whole requests.
    logic [7:0] in_byte, request;
    logic in_valid, request_valid, request_ready, receiving, refused;
    hwgen_uart_rx #(
        .CLOCK_HZ(CLOCK_HZ),
        .BAUD(BAUD)
    ) receiver (
        .ap_clk(ap_clk),
        .ap_rst_n(ap_rst_n),
        .rx(uart_rx),
        .data(in_byte),
        .valid(in_valid)
    );
    hwgen_uart_frame_rx #(
        .BYTES(IN_BYTES),
        .DEPTH(DEPTH)
    ) requests (
        .ap_clk(ap_clk),
        .ap_rst_n(ap_rst_n),
        .s_tdata(in_byte),
        .s_tvalid(in_valid),
        .tick(tick),
        .m_tdata(request),
        .m_tvalid(request_valid),
        .m_tready(request_ready),
        .busy(receiving),
        .refused(refused)
    );

    // One request at a time: its type, then its tag or the reason of its refusal, then feed and answer side by side.
    typedef enum logic [1:0] {TYPE, TAG, ANSWER} state_t;
    state_t state;
    logic frame, bad;
    logic [7:0] tag;
    logic tag_sent;                     // the answer's first byte is out
    logic [FEED_BITS-1:0] to_feed;    // bytes of the frame
    logic [WORD_BITS-1:0] missing;    // bytes of the beat
    logic [PLACE_BITS-1:0] place;     // of the answer's next byte, in the beat or in TEXT
    logic sending, pay_valid, pay_ready;
    logic [7:0] pay;

    wire feeding = to_feed != '0 && missing != '0;
    wire take = request_valid && request_ready;
    wire start = state == TAG && take;
    wire sent = pay_valid && pay_ready;
    wire end_of_beat = frame && place == PLACE_BITS'(PLACES - 1);
    wire given = m_axis_tvalid && m_axis_tready;
    assign request_ready = state != ANSWER || feeding;
    assign m_axis_tvalid = state == ANSWER && missing == '0;
    assign m_axis_tlast = to_feed == '0;
    assign s_axis_tready = sent && tag_sent && end_of_beat;
    assign pay_valid = !tag_sent || !frame || s_axis_tvalid;
    assign pay = !tag_sent ? tag : frame ? 8'(s_axis_tdata >> {place, 3'b0}) : 8'(TEXT >> {place, 3'b0});

    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) begin
            state <= TYPE;
            to_feed <= '0;
            missing <= WORD_BITS'(WORD);
        end else begin
            case (state)
                TYPE: if (take) state <= TAG;
                TAG: if (take) state <= ANSWER;
                default: if (!sending && to_feed == '0 && !m_axis_tvalid) state <= TYPE;
            endcase
            if (start && frame) to_feed <= FEED_BITS'(IN_BYTES);
            else if (take && feeding) to_feed <= to_feed - 1'b1;
            if (given) missing <= WORD_BITS'(WORD);
            else if (take && feeding) missing <= missing - 1'b1;
        end
        if (state == TYPE) {bad, frame} <= {request[7], request[0]};
        if (state == TAG) tag <= request;
        if (start) tag_sent <= 1'b0;
        else if (sent) tag_sent <= 1'b1;
        if (!tag_sent || (sent && end_of_beat)) place <= '0;
        else if (sent) place <= place + 1'b1;
        if (take && feeding) m_axis_tdata <= IN_BITS'({request, m_axis_tdata} >> 8);
    end

    // From answers to the line.
    logic [7:0] out_byte;
    logic out_valid, out_ready;
    hwgen_uart_frame_tx #(
        .MOST(MOST)
    ) answers (
        .ap_clk(ap_clk),
        .ap_rst_n(ap_rst_n),
        .start(start),
        .kind(bad ? 8'hee : frame ? 8'h81 : 8'h82),
        .length(bad ? 16'd1 : frame ? 16'(OUT_BYTES + 1) : 16'(ABOUT + 1)),
        .busy(sending),
        .s_tdata(pay),
        .s_tvalid(pay_valid),
        .s_tready(pay_ready),
        .m_tdata(out_byte),
        .m_tvalid(out_valid),
        .m_tready(out_ready)
    );
    hwgen_uart_tx #(
        .CLOCK_HZ(CLOCK_HZ),
        .BAUD(BAUD)
    ) sender (
        .ap_clk(ap_clk),
        .ap_rst_n(ap_rst_n),
        .s_tdata(out_byte),
        .s_tvalid(out_valid),
        .s_tready(out_ready),
        .tx(uart_tx)
    );

    logic complaint, answered;
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) {complaint, answered} <= '0;
        else begin
            if (refused) complaint <= 1'b1;
            else if (start && !bad) complaint <= 1'b0;
            if (start && frame && !bad) answered <= !answered;
        end
    end
    assign leds = {answered, complaint || error, receiving || state != TYPE, count[TICK_BITS+1]};
endmodule
