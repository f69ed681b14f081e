# SPDX-License-Identifier: Apache-2.0
"""Turns a plan into files: HLS C++, the Vitis project, the AXI4-Stream shell."""

from hwgen.render.project import render, vectors

__all__ = ["render", "vectors"]
