# SPDX-License-Identifier: Apache-2.0
"""ONNX files in, immutable source models out."""

from hwgen.frontend.load import load
from hwgen.frontend.survey import survey

__all__ = ["load", "survey"]
