// SPDX-License-Identifier: Apache-2.0
// Takes the beats of a stream, at once or with random back-pressure, and has them checked.
module hwgen_sink #(
    parameter int    WIDTH = 8,
    parameter int    BEATS = 1,
    parameter int    ID    = 0,
    parameter string NAME  = "",
    parameter bit    LAST  = 0,
    parameter int    LOGGED = 8
) (
    input logic clk,
    input logic rst_n,

    input int         frames,
    input int         recorded,
    input logic [7:0] stall,  // probability of a cycle of back-pressure, in 1/256
    input int         seed,
    input int         cycle,
    input int         log,

    input  logic [WIDTH-1:0] tdata,
    input  logic             tvalid,
    output logic             tready,
    input  logic             tlast,

    output logic done,
    output int   mismatches
);
  logic [31:0] random;

  always @(posedge clk) begin
    if (!rst_n) begin
      random <= hwgen_random::first(seed, ID);
      tready <= 1'b0;
    end else begin
      random <= hwgen_random::next(random);
      tready <= random[15:8] >= stall;
    end
  end

  hwgen_checker #(
      .WIDTH(WIDTH),
      .BEATS(BEATS),
      .ID(ID),
      .NAME(NAME),
      .LAST(LAST),
      .LOGGED(LOGGED)
  ) checker_i (
      .enable(1'b1),
      .*
  );
endmodule
