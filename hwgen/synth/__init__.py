# SPDX-License-Identifier: Apache-2.0
"""Counts what a design takes, with Yosys."""
