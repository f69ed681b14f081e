# SPDX-License-Identifier: Apache-2.0
"""The back half of the compiler: optimisation, scheduling and SystemVerilog of IR; see `hwgen.hlsc.backend`."""
