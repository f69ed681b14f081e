# SPDX-License-Identifier: Apache-2.0
"""ONNX names become legal, unique identifiers of C++ and SystemVerilog."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 32

_CPP = (
    "alignas alignof and asm auto bitand bitor bool break case catch char class compl concept const constexpr continue "
    "decltype default delete do double else enum explicit export extern false float for friend goto if inline int long "
    "mutable namespace new noexcept not nullptr operator or private protected public register requires return short "
    "signed sizeof static struct switch template this throw true try typedef typeid typename union unsigned using "
    "virtual void volatile while xor main std hls hwgen"
)
_SYSTEM_VERILOG = (
    "always assert assign assume automatic begin bind bins bit buf byte cell chandle checker clocking config "
    "constraint context cover cross design disable dist edge endcase end event expect extends final "
    "first_match force foreach "
    "forever fork function generate genvar global iff illegal import include initial inout input inside instance "
    "integer interface intersect join large let liblist library local localparam logic macromodule matches medium "
    "modport module nand negedge nettype nor null output package packed parameter posedge primitive priority program "
    "property pure rand randc ref reg reject release repeat restrict rnmos rtran scalared sequence shortint shortreal "
    "small soft solve specify string strong super supply0 supply1 table tagged task time timeprecision timeunit tran "
    "tri type unique until untyped use var vectored wait wand weak wildcard wire with within wor xnor ap_clk ap_rst_n"
)
RESERVED = frozenset(_CPP.split()) | frozenset(_SYSTEM_VERILOG.split())

_SUFFIX = re.compile(r"(_prequant|_quantize|_dequant|:\d+)+$", re.IGNORECASE)


def identifier(name: str, fallback: str = "n", limit: int = MAX_LENGTH) -> str:
    """Return `name` as a lower-case identifier that no language of hwgen reserves.

    Exporters fuse many layers into one name (``model/a/Relu;model/b/Conv2D1_prequant``): of these the last layer's
    last two path segments are kept. Anything but letters and digits becomes ``_``; the
    result has at most about `limit` characters.
    """
    last = _SUFFIX.sub("", name.rsplit(";", 1)[-1].strip("/"))
    words = [word for word in re.split(r"[^0-9A-Za-z]+", "/".join(last.split("/")[-2:])) if word]
    text = re.sub("_+", "_", "_".join(words)).lower().strip("_")[:limit].rstrip("_")
    if not text:
        text = fallback
    if not text[0].isalpha():
        text = f"{fallback}_{text}"
    return f"{text}_" if text in RESERVED else text


class Namer:
    """Hands out identifiers, each one once."""

    def __init__(self, taken: Iterable[str] = ()) -> None:
        self._taken = set(taken)

    def fresh(self, wanted: str) -> str:
        """Return `wanted`, or `wanted` with the smallest number that makes it unique; `wanted` must be legal."""
        name, count = wanted, 2
        while name in self._taken:
            name, count = f"{wanted.rstrip('_')}_{count}", count + 1
        self._taken.add(name)
        return name
