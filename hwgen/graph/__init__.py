# SPDX-License-Identifier: Apache-2.0
"""Immutable data: the integer graph and its types."""

from hwgen.graph.graph import Attr, Graph, Ints, Node, digest
from hwgen.graph.types import TensorType, bits_for

__all__ = ["Attr", "Graph", "Ints", "Node", "TensorType", "bits_for", "digest"]
