# SPDX-License-Identifier: Apache-2.0
"""The words of hardware that operators and the plan share."""

from hwgen.hw.board import Board, Family, Memory, Resources
from hwgen.hw.kernel import Built, CType, Folding, KernelCall, Option, Rom, Schedule, Unit, config_json
from hwgen.hw.stream import StreamType, from_beats, pack, to_beats, unpack

__all__ = [
    "Board",
    "Built",
    "CType",
    "Family",
    "Folding",
    "KernelCall",
    "Memory",
    "Option",
    "Resources",
    "Rom",
    "Schedule",
    "StreamType",
    "Unit",
    "config_json",
    "from_beats",
    "pack",
    "to_beats",
    "unpack",
]
