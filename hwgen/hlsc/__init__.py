# SPDX-License-Identifier: Apache-2.0
"""hwgen's HLS compiler: knows C++ and LLVM, never a neural network."""
