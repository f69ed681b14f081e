# SPDX-License-Identifier: Apache-2.0
"""A float model in, a quantised one out: post-training quantisation."""

from hwgen.quantize.quantize import Quantised, quantise

__all__ = ["Quantised", "quantise"]
