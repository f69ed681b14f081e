# SPDX-License-Identifier: Apache-2.0
"""The server behind the pins before a network that takes its time: wide beats, pauses, requests that pile up."""

from __future__ import annotations

import random
import shutil
from collections.abc import Iterator

import pytest
import serial

from hwgen.handover.uart import PARTS
from hwgen.handover.uart_protocol import FRAME, REFUSED, RESULT, Reader, packet
from hwgen.resources import data_folder
from hwgen.verify.uart import SimulatedBoard

IN_BEAT, IN_BEATS, OUT_BEAT, OUT_BEATS = 7, 3, 5, 2
LENGTHS = {RESULT: OUT_BEAT * OUT_BEATS + 1, REFUSED: 1}
PATIENCE = 30.0
SLOW = """
module slow_uart #(
    parameter int unsigned CLOCK_HZ = 1, parameter int unsigned BAUD = 1
) (
    input logic clk, input logic rst_n, input logic uart_rx, output logic uart_tx, output logic [3:0] leds
);
  logic [55:0] in, first, second, third;
  logic [39:0] out;
  logic in_valid, in_ready, in_last, out_valid, out_ready, error;
  hwgen_uart_server #(
      .CLOCK_HZ(CLOCK_HZ), .BAUD(BAUD), .IN_BYTES(21), .OUT_BYTES(10), .IN_BITS(56), .OUT_BITS(40), .DEPTH(128)
  ) server (
      .ap_clk(clk), .ap_rst_n(rst_n), .uart_rx, .uart_tx, .leds, .error,
      .m_axis_tdata(in), .m_axis_tvalid(in_valid), .m_axis_tready(in_ready), .m_axis_tlast(in_last),
      .s_axis_tdata(out), .s_axis_tvalid(out_valid), .s_axis_tready(out_ready));

  // Takes three words, thinks for 4000 clocks, gives two: first ^ second, then third with a pause before it.
  logic [2:0] have;
  logic [11:0] think;
  logic [6:0] pause;
  assign in_ready = have < 3 && pause[1:0] == 2'b11;
  assign out_valid = have >= 3 && think == '0 && (have == 3 || pause[6]);
  assign out = have == 3 ? first[39:0] ^ second[39:0] : third[39:0];
  always_ff @(posedge clk) begin
    if (!rst_n) begin
      have <= '0;
      pause <= '0;
      error <= 1'b0;
    end else begin
      pause <= out_valid && !out_ready ? pause : pause + 1'b1;
      if (in_valid && in_ready) begin
        {third, second, first} <= {in, third, second};
        have <= have + 1'b1;
        think <= 12'd4000;
        if (in_last != (have == 2)) error <= 1'b1;
      end else if (out_valid && out_ready) have <= have == 3 ? 3'd4 : '0;
      else if (have == 3 && think != '0) think <= think - 1'b1;
    end
  end
endmodule
"""


@pytest.fixture(scope="module")
def line(tmp_path_factory: pytest.TempPathFactory) -> Iterator[serial.Serial]:
    folder = tmp_path_factory.mktemp("slow")
    shell = folder / "rtl" / "shell"
    shell.mkdir(parents=True)
    library = [f"hwgen_uart_{part}.sv" for part in PARTS]
    for name in library:
        shutil.copyfile(data_folder("hls") / "rtl" / name, shell / name)
    (shell / "slow_uart.sv").write_text(SLOW)
    (shell / "uart.f").write_text("\n".join([*library, "slow_uart.sv"]) + "\n")
    with SimulatedBoard(folder, "slow") as board, serial.Serial(board.port, 115_200, timeout=PATIENCE) as found:
        yield found
        assert not (board.ask("leds") or 0) & 4  # TLAST came with the last beat of every frame


def answer(frame: bytes) -> bytes:
    first, second, third = (frame[i * IN_BEAT :][:OUT_BEAT] for i in range(IN_BEATS))
    return bytes(a ^ b for a, b in zip(first, second, strict=True)) + third


@pytest.mark.parametrize("count", [1, 4, 5])
def test_requests_wait_while_the_network_thinks(line: serial.Serial, count: int) -> None:
    """A buffer of 128 bytes holds five requests of 23; the sixth would wait for the network."""
    draw = random.Random(count)
    frames = [draw.randbytes(IN_BEAT * IN_BEATS) for _ in range(count)]
    line.write(b"".join(packet(FRAME, bytes([tag]) + frame) for tag, frame in enumerate(frames)))
    reader, found = Reader(LENGTHS), list[tuple[int, bytes]]()
    while len(found) < count:
        data = line.read(1)
        assert data, found
        found += reader.feed(data)
    assert found == [(RESULT, bytes([tag]) + answer(frame)) for tag, frame in enumerate(frames)]


def test_requests_beyond_the_buffer_are_refused(line: serial.Serial) -> None:
    draw, count = random.Random(1), 40
    frames = [draw.randbytes(IN_BEAT * IN_BEATS) for _ in range(count)]
    line.write(b"".join(packet(FRAME, bytes([tag]) + frame) for tag, frame in enumerate(frames)))
    reader, found = Reader(LENGTHS), list[tuple[int, bytes]]()
    line.timeout = 1.0
    while data := line.read(1):
        found += reader.feed(data)
    assert {kind for kind, _ in found} == {RESULT, REFUSED}
    for kind, payload in found:
        assert payload == (payload[:1] + answer(frames[payload[0]]) if kind == RESULT else b"\x04")
