# SPDX-License-Identifier: Apache-2.0
"""A hand-written design in the shape of a generated one: 2 x 3 pixels of 4 channels, doubled, then summed."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from hwgen.graph import Ints, TensorType
from hwgen.hw import Board, Choice, Folding, KernelCall, Resources, StreamType
from hwgen.plan.types import Channel, Plan, Port, Process
from hwgen.resources import data_folder

X, Y, Z = (TensorType((1, c, 2, 3), signed, bits) for c, signed, bits in ((4, True, 4), (4, True, 5), (1, True, 8)))
CHANNELS = (
    Channel("x", "x", X.shape, StreamType.of(X, 2), 0, None, ("twice", 0)),
    Channel("y", "y", Y.shape, StreamType.of(Y, 2), 2, ("twice", 0), ("total", 0)),
    Channel("z", "z", Z.shape, StreamType.of(Z, 1), 0, ("total", 0), None),
)

# y = 2 x + 1, two stages.
TWICE = """
module twice (
    input logic ap_clk, input logic ap_rst_n,
    input logic [7:0] in0_tdata, input logic in0_tvalid, output logic in0_tready,
    output logic [9:0] out0_tdata, output logic out0_tvalid, input logic out0_tready
);
  logic v1, v2;
  logic [7:0] x1;
  logic [9:0] y2;
  logic go;
  assign go = !v2 || out0_tready;
  assign in0_tready = go;
  assign out0_tvalid = v2;
  assign out0_tdata = y2;
  logic signed [4:0] low, high;
  assign low = $signed(x1[3:0]);
  assign high = $signed(x1[7:4]);
  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      v1 <= 0;
      v2 <= 0;
    end else if (go) begin
      v1 <= in0_tvalid;
      v2 <= v1;
    end
    if (go) begin
      x1 <= in0_tdata;
      y2[4:0] <= low + low + 5'sd1;
      y2[9:5] <= high + high + 5'sd1;
    end
  end
endmodule
"""

# z = sum over the four channels, that is over two beats.
TOTAL = """
module total (
    input logic ap_clk, input logic ap_rst_n,
    input logic [9:0] in0_tdata, input logic in0_tvalid, output logic in0_tready,
    output logic [7:0] out0_tdata, output logic out0_tvalid, input logic out0_tready
);
  logic fold;
  logic signed [7:0] sum;
  logic v;
  logic signed [7:0] z, part, low, high;
  assign low = $signed(in0_tdata[4:0]);
  assign high = $signed(in0_tdata[9:5]);
  assign part = low + high + (fold ? sum : 8'sd0);
  assign in0_tready = !v || out0_tready;
  assign out0_tvalid = v;
  assign out0_tdata = z;
  always_ff @(posedge ap_clk) begin
    if (!ap_rst_n) begin
      fold <= 0;
      v <= 0;
    end else if (in0_tready) begin
      if (in0_tvalid) fold <= !fold;
      v <= in0_tvalid && fold;
    end
    if (in0_tvalid && in0_tready) begin
      sum <= part;
      z <= part;
    end
  end
endmodule
"""

CORE = """
module tiny_core (
    input logic ap_clk, input logic ap_rst_n,
    input logic [7:0] s_axis_0_tdata, input logic s_axis_0_tvalid, output logic s_axis_0_tready,
    output logic [7:0] m_axis_0_tdata, output logic m_axis_0_tvalid, input logic m_axis_0_tready
);
  logic [9:0] y;
  logic y_valid, y_ready;
  twice twice_i (
      .ap_clk, .ap_rst_n, .in0_tdata(s_axis_0_tdata), .in0_tvalid(s_axis_0_tvalid), .in0_tready(s_axis_0_tready),
      .out0_tdata(y), .out0_tvalid(y_valid), .out0_tready(y_ready));
  total total_i (
      .ap_clk, .ap_rst_n, .in0_tdata(y), .in0_tvalid(y_valid), .in0_tready(y_ready),
      .out0_tdata(m_axis_0_tdata), .out0_tvalid(m_axis_0_tvalid), .out0_tready(m_axis_0_tready));
endmodule
"""

SHELL = """
module tiny (
    input logic ap_clk, input logic ap_rst_n,
    input logic [15:0] s_axis_0_tdata, input logic [1:0] s_axis_0_tkeep, input logic s_axis_0_tvalid,
    output logic s_axis_0_tready, input logic s_axis_0_tlast,
    output logic [7:0] m_axis_0_tdata, output logic [0:0] m_axis_0_tkeep, output logic m_axis_0_tvalid,
    input logic m_axis_0_tready, output logic m_axis_0_tlast,
    output logic error
);
  logic [7:0] x, z;
  logic x_valid, x_ready, z_valid, z_ready;
  hwgen_axis_ingress #(.LANES(2), .BITS(4), .ELEMENT_BITS(8), .BEATS(12)) ingress (
      .ap_clk, .ap_rst_n, .s_axis_tdata(s_axis_0_tdata), .s_axis_tkeep(s_axis_0_tkeep),
      .s_axis_tvalid(s_axis_0_tvalid), .s_axis_tready(s_axis_0_tready), .s_axis_tlast(s_axis_0_tlast),
      .out_tdata(x), .out_tvalid(x_valid), .out_tready(x_ready), .error(error));
  tiny_core core (
      .ap_clk, .ap_rst_n, .s_axis_0_tdata(x), .s_axis_0_tvalid(x_valid), .s_axis_0_tready(x_ready),
      .m_axis_0_tdata(z), .m_axis_0_tvalid(z_valid), .m_axis_0_tready(z_ready));
  hwgen_axis_egress #(.LANES(1), .BITS(8), .ELEMENT_BITS(8), .SIGNED(1'b1), .BEATS(6)) egress (
      .ap_clk, .ap_rst_n, .in_tdata(z), .in_tvalid(z_valid), .in_tready(z_ready),
      .m_axis_tdata(m_axis_0_tdata), .m_axis_tkeep(m_axis_0_tkeep), .m_axis_tvalid(m_axis_0_tvalid),
      .m_axis_tready(m_axis_0_tready), .m_axis_tlast(m_axis_0_tlast));
endmodule
"""
FILES = {"twice": TWICE, "total": TOTAL, "tiny_core": CORE, "tiny": SHELL}


def plan() -> Plan:
    """Return the plan that the RTL above implements."""
    board = Board("zcu102", "ZCU102", "xczu9eg", "xcup", Resources(), 300.0, 128, "")
    return Plan(
        name="tiny",
        board=board,
        clock_mhz=300.0,
        limits=Resources(),
        processes=(_process("twice", CHANNELS[0], CHANNELS[1], 2), _process("total", CHANNELS[1], CHANNELS[2], 1)),
        channels=CHANNELS,
        ports=(
            Port("s_axis_0", "in", "x", "x", X, 8, 16, "NHWC"),
            Port("m_axis_0", "out", "z", "z", Z, 8, 8, "NHWC"),
        ),
        ii=12,
        latency=14,
        resources=Resources(),
        bottleneck="twice",
        binding="",
        decisions=(),
    )


def _process(name: str, source: Channel, target: Channel, depth: int) -> Process:
    call = KernelCall(f"{name}.hpp", name, {}, (source.type,), (target.type,))
    choice = Choice(Folding(2, 2))
    return Process(name, name, name, (), choice, call, (source.name,), (target.name,), 12, depth, Resources(), "")


def golden(frames: int = 4) -> dict[str, Ints]:
    """Return random inputs and what follows from them."""
    x = np.random.default_rng(7).integers(-8, 8, size=(frames, 4, 2, 3), dtype=np.int64)
    y = 2 * x + 1
    return {"x": x, "y": y, "z": y.sum(axis=1, keepdims=True)}


def write(folder: Path, **changed: str) -> Path:
    """Write the RTL under `folder`, some modules replaced, and return `folder`."""
    rtl = folder / "rtl"
    rtl.mkdir(parents=True)
    for name, text in {**FILES, **changed}.items():
        (rtl / f"{name}.sv").write_text(text)
    for path in (data_folder("hls") / "rtl").glob("hwgen_axis_*.sv"):
        (rtl / path.name).write_bytes(path.read_bytes())
    return folder
