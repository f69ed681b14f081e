// SPDX-License-Identifier: Apache-2.0
// hwgen_run: runs of so many frames, as ap_ctrl_hs knows them, over an accelerator of streams.
//
//   start, restart   ap_start and auto_restart; frames: of a run, taken over when it starts from idle
//   taken            clears ap_start: all frames have been taken in, and no restart is wanted; or a soft reset
//   ready, done      pulses: all frames of a run have been taken in; and have left
//   begin_run        pulse: a run starts from idle; run_frames: frames of the run
//   credits          of each port, inputs first: frames that it may still move, in 33 bits
//   moved            of each port: it has moved a whole frame
//   reset_request    ends all runs and holds core_rst_n low until nothing is draining; reset_over clears the request
//   frame_count, cycles, frame_cycles   for the registers
//
// With auto_restart the next run is let in before the one before it is over, so that frames follow each other without
// a gap. A run of no frames is done at once.
module hwgen_run #(
    parameter int unsigned INPUTS = 1,
    parameter int unsigned OUTPUTS = 1
) (
    input  logic                           ap_clk,
    input  logic                           ap_rst_n,
    input  logic                           start,
    input  logic                           restart,
    input  logic [31:0]                    frames,
    output logic                           taken,
    output logic                           ready,
    output logic                           done,
    output logic                           idle,
    output logic                           begin_run,
    output logic [31:0]                    run_frames,
    output logic [33*(INPUTS+OUTPUTS)-1:0] credits,
    input  logic [INPUTS+OUTPUTS-1:0]      moved,
    input  logic                           reset_request,
    input  logic                           draining,
    output logic                           reset_over,
    output logic                           core_rst_n,
    output logic [31:0]                    frame_count,
    output logic [63:0]                    cycles,
    output logic [31:0]                    frame_cycles
);
    localparam int unsigned PORTS = INPUTS + OUTPUTS;
    localparam int unsigned RUNS_BITS = 16;  // runs under way: more than frames fit into any pipeline

    // A soft reset lasts until nothing has drained for a few clocks.
    logic [2:0] quiet;
    assign reset_over = reset_request && !core_rst_n && quiet == '1;
    always_ff @(posedge ap_clk) begin
        core_rst_n <= ap_rst_n && (!reset_request || reset_over);
        quiet <= core_rst_n || draining ? '0 : quiet + 1'b1;
    end

    // Runs are let in one after the other.
    logic [RUNS_BITS-1:0] runs;      // let in and not done
    logic [RUNS_BITS-1:0] entering;  // let in and not taken in
    logic near_end;                  // an input is at the last frame of its runs, none is a run behind
    wire room = runs != '1;
    assign idle = runs == '0 && core_rst_n;
    assign begin_run = start && idle;
    wire again = start && restart && !idle && near_end && room && core_rst_n;
    wire grant = begin_run || again;
    wire [31:0] granted = begin_run ? frames : run_frames;
    wire empty = begin_run && frames == '0;

    logic [INPUTS-1:0] last, behind;
    for (genvar i = 0; i < PORTS; i++) begin : g_port
        logic [32:0] credit;
        assign credits[33*i+:33] = credit;
        always_ff @(posedge ap_clk) begin
            if (!core_rst_n) credit <= '0;
            else credit <= credit + (grant ? 33'(granted) : '0) - 33'(moved[i]);
        end
        if (i < INPUTS) begin : g_input
            assign last[i] = credit <= 33'd1;
            assign behind[i] = credit > 33'(run_frames);
        end
    end
    assign near_end = last != '0 && behind == '0;

    logic frame_in, frame_out;
    hwgen_join #(.SOURCES(INPUTS)) join_in (
        .ap_clk(ap_clk), .ap_rst_n(core_rst_n), .pulses(moved[INPUTS-1:0]), .joined(frame_in)
    );
    hwgen_join #(.SOURCES(OUTPUTS)) join_out (
        .ap_clk(ap_clk), .ap_rst_n(core_rst_n), .pulses(moved[PORTS-1:INPUTS]), .joined(frame_out)
    );

    // A run is over when its last frame has been taken in and has left.
    logic [31:0] left_in, left_out;  // frames of the run that is going in, or out
    logic both;
    wire last_in = frame_in && left_in == 32'd1;
    wire last_out = frame_out && left_out == 32'd1;
    assign ready = last_in || empty;
    assign done = both || empty;
    assign taken = reset_over || ((empty || (last_in && entering == RUNS_BITS'(1))) && !restart);
    hwgen_join #(.SOURCES(2)) join_run (
        .ap_clk(ap_clk), .ap_rst_n(core_rst_n), .pulses({last_out, last_in}), .joined(both)
    );

    logic [31:0] since;  // the last frame's end
    always_ff @(posedge ap_clk) begin
        if (!core_rst_n) begin
            runs <= '0;
            entering <= '0;
        end else begin
            runs <= runs + RUNS_BITS'(grant) - RUNS_BITS'(done);
            entering <= entering + RUNS_BITS'(grant && !empty) - RUNS_BITS'(last_in);
        end
        if (begin_run) begin
            run_frames <= frames;
            left_in <= frames;
            left_out <= frames;
            cycles <= '0;
            since <= '0;
        end else begin
            if (frame_in) left_in <= last_in ? run_frames : left_in - 1'b1;
            if (frame_out) left_out <= last_out ? run_frames : left_out - 1'b1;
            if (!idle) cycles <= cycles + 1'b1;
            since <= frame_out ? '0 : since + 1'b1;
        end
        if (frame_out) frame_cycles <= since + 1'b1;
        if (frame_out) frame_count <= frame_count + 1'b1;
        if (!ap_rst_n) begin
            frame_count <= '0;
            cycles <= '0;
            frame_cycles <= '0;
        end
    end
endmodule
