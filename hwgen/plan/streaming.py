# SPDX-License-Identifier: Apache-2.0
"""Whose weights come from memory off the chip."""

from __future__ import annotations

from math import inf

from hwgen.plan.sites import Streaming
from hwgen.plan.types import Plan


def streaming_of(plan: Plan) -> Streaming:
    """Return what a plan streams, whatever the memory gives."""
    return Streaming(frozenset(p.layer for p in plan.processes if p.choice.storage == "streamed"), inf)
