# SPDX-License-Identifier: Apache-2.0
"""The words of hardware that operators and the plan share."""

from hwgen.hw.board import Board, Family, Memory, Resources
from hwgen.hw.kernel import (
    Built,
    Choice,
    CType,
    Folding,
    KernelCall,
    Option,
    Rom,
    Schedule,
    Storage,
    Unit,
    config_json,
    fed,
)
from hwgen.hw.stream import StreamType, from_beats, pack, to_beats, unpack

__all__ = [
    "Board",
    "Built",
    "CType",
    "Choice",
    "Family",
    "Folding",
    "KernelCall",
    "Memory",
    "Option",
    "Resources",
    "Rom",
    "Schedule",
    "Storage",
    "StreamType",
    "Unit",
    "config_json",
    "fed",
    "from_beats",
    "pack",
    "to_beats",
    "unpack",
]
