// SPDX-License-Identifier: Apache-2.0
// Logs when each frame passed over a stream: the cycles of its first and its last beat. Checks nothing.
module hwgen_probe #(
    parameter int BEATS = 1,  // in one frame
    parameter int ID    = 0   // names the stream in the log
) (
    input logic clk,
    input logic rst_n,

    input logic enable,
    input int   cycle,  // time stamp for the log
    input int   log,    // file handle

    input logic tvalid,
    input logic tready
);
  int beat;   // beats of the current frame that have passed
  int frame;
  int first;  // cycle in which the current frame's first beat passed

  always @(posedge clk) begin
    if (!rst_n) begin
      beat  = 0;
      frame = 0;
    end else if (enable && tvalid && tready) begin
      if (beat == 0) first = cycle;
      beat = beat + 1;
      if (beat == BEATS) begin
        $fdisplay(log, "in %0d %0d %0d %0d", ID, frame, first, cycle);
        beat  = 0;
        frame = frame + 1;
      end
    end
  end
endmodule
