// SPDX-License-Identifier: Apache-2.0
// hwgen_frame_descriptors: descriptors of a data mover for the frames of a run, BYTES long, STEP bytes apart from frame to
// frame; REPEATS of them for each frame, all at its address.
//
//   begin_run, run_frames, base   of hwgen_run, and the address of the run's first frame; kept until the next begin_run.
//                                 A run that is restarted begins at `base` again
//   credit, moved                 frames that may still be moved; pulse: one is moved
//   wanted                        high where the next descriptor may leave
//   m_desc_*                      to the mover: {length in bytes, address}
//   s_status_*                    from the mover: an AXI response for each descriptor
//   failed                        pulse: that was none of success
//   busy                          descriptors are under way; a soft reset (core_rst_n) waits for them
module hwgen_frame_descriptors #(
    parameter int unsigned BYTES = 1,
    parameter int unsigned STEP = BYTES,
    parameter int unsigned REPEATS = 1
) (
    input  logic        ap_clk,
    input  logic        ap_rst_n,
    input  logic        core_rst_n,
    input  logic        begin_run,
    input  logic [31:0] run_frames,
    input  logic [63:0] base,
    input  logic [32:0] credit,
    output logic        moved,
    input  logic        wanted,
    output logic [95:0] m_desc_tdata,
    output logic        m_desc_tvalid,
    input  logic        m_desc_tready,
    input  logic [1:0]  s_status_tdata,
    input  logic        s_status_tvalid,
    output logic        s_status_tready,
    output logic        failed,
    output logic        busy
);
    localparam int unsigned PASS_BITS = REPEATS > 1 ? $clog2(REPEATS) : 1;
    localparam logic [PASS_BITS-1:0] FINAL = PASS_BITS'(REPEATS - 1);
    logic [15:0] flying;  // descriptors that are not answered
    logic [15:0] begun;   // frames that have left in part or whole and are not moved
    logic [PASS_BITS-1:0] asked, answered;  // descriptors of a frame
    logic [63:0] first, address;
    logic last;           // the next frame is the last of its run
    wire issue = m_desc_tvalid && m_desc_tready;
    assign m_desc_tdata = {32'(BYTES), address};
    wire frame_asked = issue && asked == FINAL;
    assign m_desc_tvalid = core_rst_n && wanted && (asked != '0 || credit > 33'(begun)) && flying != '1;
    assign s_status_tready = 1'b1;
    assign moved = s_status_tvalid && core_rst_n && answered == FINAL;
    assign failed = s_status_tvalid && s_status_tdata != 2'b00;
    assign busy = flying != '0;
    hwgen_frame_place place (
        .ap_clk(ap_clk), .begin_run(begin_run), .run_frames(run_frames), .next(frame_asked), .last(last)
    );
    always_ff @(posedge ap_clk) begin
        if (!ap_rst_n) flying <= '0;
        else if (issue != s_status_tvalid) flying <= issue ? flying + 1'b1 : flying - 1'b1;
        if (!core_rst_n) begin
            begun <= '0;
            asked <= '0;
            answered <= '0;
        end else begin
            begun <= begun + 16'(issue && asked == '0) - 16'(moved);
            if (issue) asked <= frame_asked ? '0 : asked + 1'b1;
            if (s_status_tvalid) answered <= moved ? '0 : answered + 1'b1;
        end
        if (begin_run) begin
            first <= base;
            address <= base;
        end else if (frame_asked) begin
            address <= last ? first : address + 64'(STEP);
        end
    end
endmodule
