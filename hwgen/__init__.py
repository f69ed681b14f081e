# SPDX-License-Identifier: Apache-2.0
"""hwgen turns a neural network into an FPGA accelerator: ONNX in, verified HLS C++ and RTL out."""

__version__ = "0.1.0"
