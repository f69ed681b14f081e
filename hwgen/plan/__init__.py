# SPDX-License-Identifier: Apache-2.0
"""Decides: units, foldings, FIFO depths, with a reason for each."""
