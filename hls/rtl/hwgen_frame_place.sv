// SPDX-License-Identifier: Apache-2.0
// hwgen_frame_place: counts a port's frames, and tells when it is at the last one of a run of hwgen_run.
//
//   begin_run, run_frames   of hwgen_run
//   next                    pulse: on to the next frame
//   last                    the frame is the last of its run
module hwgen_frame_place (
    input  logic        ap_clk,
    input  logic        begin_run,
    input  logic [31:0] run_frames,
    input  logic        next,
    output logic        last
);
    logic [31:0] index;
    assign last = index + 32'd1 == run_frames;
    always_ff @(posedge ap_clk) begin
        if (begin_run) index <= '0;
        else if (next) index <= last ? '0 : index + 1'b1;
    end
endmodule
