// SPDX-License-Identifier: Apache-2.0
// Compares every beat that passes over a stream with vectors/<NAME>.bin (format: see hwgen_source) and logs
// when each frame passed, the first wrong beats with what was expected, and beats beyond the last frame.
module hwgen_checker #(
    parameter int    WIDTH = 8,
    parameter int    BEATS = 1,   // in one frame
    parameter int    ID    = 0,   // names the stream in the log
    parameter string NAME  = "",
    parameter bit    LAST  = 0,   // the stream has TLAST
    parameter int    LOGGED = 8   // wrong beats to log
) (
    input logic clk,
    input logic rst_n,

    input logic enable,
    input int   frames,    // frames to expect
    input int   recorded,  // frames in the file
    input int   cycle,     // time stamp for the log
    input int   log,       // file handle

    input logic [WIDTH-1:0] tdata,
    input logic             tvalid,
    input logic             tready,
    input logic             tlast,

    output logic done,
    output int   mismatches
);
  localparam int BYTES = (WIDTH + 7) / 8;

  logic [8*BYTES-1:0] word;
  int file = 0;
  int beat;   // beats of the current frame that have passed
  int frame;
  int first;  // cycle in which the current frame's first beat passed

  initial begin
    done = 1'b0;
    mismatches = 0;
  end

  always @(posedge clk) begin
    if (enable && !rst_n) begin
      if (file == 0) file = $fopen({"vectors/", NAME, ".bin"}, "rb");
      else void'($rewind(file));
      if (file == 0) $fatal(1, "vectors/%s.bin cannot be opened", NAME);
      done <= 1'b0;
      mismatches <= 0;
      beat = 0;
      frame = 0;
    end else if (enable && tvalid && tready) begin
      if (done) begin
        if (mismatches < LOGGED) $fdisplay(log, "extra %0d %0d %0d %h %0d", ID, frame, beat, tdata, cycle);
        mismatches <= mismatches + 1;
        beat = beat + 1;
      end else begin
        void'($fread(word, file));
        if (tdata !== word[WIDTH-1:0]) begin
          if (mismatches < LOGGED) $fdisplay(log, "bad %0d %0d %0d %h %0d", ID, frame, beat, tdata, cycle);
          mismatches <= mismatches + 1;
        end else if (LAST && tlast != (beat == BEATS - 1)) begin
          if (mismatches < LOGGED) $fdisplay(log, "tlast %0d %0d %0d %b %0d", ID, frame, beat, tlast, cycle);
          mismatches <= mismatches + 1;
        end
        if (beat == 0) first = cycle;
        beat = beat + 1;
        if (beat == BEATS) begin
          $fdisplay(log, "out %0d %0d %0d %0d", ID, frame, first, cycle);
          beat = 0;
          frame = frame + 1;
          done <= frame == frames;
          if (frame % recorded == 0) void'($rewind(file));
        end
      end
    end
  end
endmodule
