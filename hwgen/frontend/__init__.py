# SPDX-License-Identifier: Apache-2.0
"""ONNX files in, immutable source models out."""

from hwgen.frontend.load import load, survey

__all__ = ["load", "survey"]
