# SPDX-License-Identifier: Apache-2.0
"""hwgen's HLS compiler: knows C++ and LLVM, never a neural network.

`compile_process` turns one C++ process into SystemVerilog, `compile_dataflow` a function that joins processes by
streams, `csim` runs a process as C++.
"""

from hwgen.hlsc.blackbox import BlackBox, read_black_box
from hwgen.hlsc.compiler import compile_dataflow, compile_process
from hwgen.hlsc.csim import csim, csim_many
from hwgen.hlsc.errors import HlsError
from hwgen.hlsc.target import Module, StreamPort, Target, Top

__all__ = [
    "BlackBox",
    "HlsError",
    "Module",
    "StreamPort",
    "Target",
    "Top",
    "compile_dataflow",
    "compile_process",
    "csim",
    "csim_many",
    "read_black_box",
]
