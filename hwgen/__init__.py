# SPDX-License-Identifier: Apache-2.0
"""hwgen turns a neural network into an FPGA accelerator: ONNX in, verified HLS C++ and RTL out."""

from hwgen.version import VERSION as __version__
