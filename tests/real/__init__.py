# SPDX-License-Identifier: Apache-2.0
"""Acceptance: whole builds of real networks, each from its ONNX file to RTL that equals the golden model."""
