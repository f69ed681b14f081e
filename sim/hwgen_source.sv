// SPDX-License-Identifier: Apache-2.0
// Plays the beats of vectors/<NAME>.bin into a stream: back to back, or with random idle cycles.
// The file holds whole frames, each beat in ceil(WIDTH / 8) bytes, most significant byte first; it is played again
// from its start when more frames are asked for than are recorded. Reset starts over with the first frame.
module hwgen_source #(
    parameter int    WIDTH = 8,
    parameter int    BEATS = 1,   // in one frame
    parameter int    ID    = 0,   // names the stream in the log and decorrelates its random numbers
    parameter string NAME  = ""
) (
    input logic clk,
    input logic rst_n,

    input int         frames,    // frames to send
    input int         recorded,  // frames in the file
    input logic [7:0] gap,       // probability of an idle cycle, in 1/256
    input int         seed,
    input int         cycle,     // time stamp for the log
    input int         log,       // file handle

    output logic [WIDTH-1:0] tdata,
    output logic             tvalid,
    output logic             tlast,
    input  logic             tready
);
  localparam int BYTES = (WIDTH + 7) / 8;

  logic [8*BYTES-1:0] word;
  logic [31:0] random;
  int file = 0;
  int loaded;         // beats of the current frame that have been presented
  int loaded_frames;

  always @(posedge clk) begin
    if (!rst_n) begin
      if (file == 0) file = $fopen({"vectors/", NAME, ".bin"}, "rb");
      else void'($rewind(file));
      if (file == 0) $fatal(1, "vectors/%s.bin cannot be opened", NAME);
      random <= hwgen_random::first(seed, ID);
      tvalid <= 1'b0;
      tlast <= 1'b0;
      loaded = 0;
      loaded_frames = 0;
    end else begin
      random <= hwgen_random::next(random);
      if (!tvalid || tready) begin
        if (loaded_frames != frames && random[15:8] >= gap) begin
          void'($fread(word, file));
          tdata <= word[WIDTH-1:0];
          tvalid <= 1'b1;
          tlast <= loaded == BEATS - 1;
          loaded = loaded + 1;
          if (loaded == BEATS) begin
            loaded = 0;
            loaded_frames = loaded_frames + 1;
            if (loaded_frames % recorded == 0) void'($rewind(file));
          end
        end else begin
          tvalid <= 1'b0;
          tlast <= 1'b0;
        end
      end
    end
  end

  hwgen_probe #(
      .BEATS(BEATS),
      .ID(ID)
  ) probe_i (
      .enable(1'b1),
      .*
  );
endmodule
