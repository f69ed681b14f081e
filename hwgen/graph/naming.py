# SPDX-License-Identifier: Apache-2.0
"""ONNX names become legal, unique identifiers of C++ and SystemVerilog."""

from __future__ import annotations

import re
from collections.abc import Iterable

MAX_LENGTH = 32

# Keywords of C++20 and of IEEE 1800-2017, then what our own text and the C headers define.
_CPP = (
    "alignas alignof and and_eq asm atomic_cancel atomic_commit atomic_noexcept auto bitand bitor bool break case "
    "catch char char16_t char32_t char8_t class co_await co_return co_yield compl concept const const_cast consteval "
    "constexpr constinit continue decltype default delete do double dynamic_cast else enum explicit export extern "
    "false float for friend goto if inline int long mutable namespace new noexcept not not_eq nullptr operator or "
    "or_eq private protected public reflexpr register reinterpret_cast requires restrict return short signed sizeof "
    "static static_assert static_cast struct switch synchronized template this thread_local throw true try typedef "
    "typeid typename typeof union unsigned using virtual void volatile wchar_t while xor xor_eq"
)
_SYSTEM_VERILOG = (
    "accept_on alias always always_comb always_ff always_latch assert assign assume automatic before begin bind bins "
    "binsof bit buf bufif0 bufif1 byte casex casez cell chandle checker clocking cmos config constraint context cover "
    "covergroup coverpoint cross deassign defparam design disable dist edge end endcase endchecker endclass "
    "endclocking endconfig endfunction endgenerate endgroup endinterface endmodule endpackage endprimitive endprogram "
    "endproperty endsequence endspecify endtable endtask event eventually expect extends final first_match force "
    "foreach forever fork forkjoin function generate genvar global highz0 highz1 iff ifnone ignore_bins illegal_bins "
    "implements implies import incdir include initial inout input inside instance integer interconnect interface "
    "intersect join join_any join_none large let liblist library local localparam logic longint macromodule matches "
    "medium modport module nand negedge nettype nexttime nmos nor noshowcancelled notif0 notif1 null output package "
    "packed parameter pmos posedge primitive priority program property pull0 pull1 pulldown pullup "
    "pulsestyle_ondetect pulsestyle_onevent pure rand randc randcase randsequence rcmos real realtime ref reg "
    "reject_on release repeat rnmos rpmos rtran rtranif0 rtranif1 s_always s_eventually s_nexttime s_until "
    "s_until_with scalared sequence shortint shortreal showcancelled small soft solve specify specparam string strong "
    "strong0 strong1 super supply0 supply1 sync_accept_on sync_reject_on table tagged task throughout time "
    "timeprecision timeunit tran tranif0 tranif1 tri tri0 tri1 triand trior trireg type unique unique0 until "
    "until_with untyped use uwire var vectored wait wait_order wand weak weak0 weak1 wildcard wire with within wor "
    "xnor"
)
_DEFINED = (
    "ap_clk ap_int ap_rst_n ap_uint errno hls hwgen int16_t int32_t int64_t int8_t linux main ptrdiff_t size_t "
    "std stderr stdin stdout uint16_t uint32_t uint64_t uint8_t unix"
)
RESERVED = frozenset(f"{_CPP} {_SYSTEM_VERILOG} {_DEFINED}".split())
PREFIXES = ("hwgen_", "s_axis_", "m_axis_")

_SUFFIX = re.compile(r"(_prequant|_quantize|_dequant|:\d+)+$", re.IGNORECASE)


def identifier(name: str, fallback: str = "n", limit: int = MAX_LENGTH) -> str:
    """Return `name` as a lower-case identifier that no language of hwgen reserves.

    Exporters fuse many layers into one name (``model/a/Relu;model/b/Conv2D1_prequant``): of these the last layer's
    last two path segments are kept. Anything but letters and digits becomes ``_``; the
    result has at most about `limit` characters. What is reserved, or begins as the modules of the library and the
    top's ports do, gets a ``_`` at its end.
    """
    last = _SUFFIX.sub("", name.rsplit(";", 1)[-1].strip("/"))
    words = [word for word in re.split(r"[^0-9A-Za-z]+", "/".join(last.split("/")[-2:])) if word]
    text = re.sub("_+", "_", "_".join(words)).lower().strip("_")[:limit].rstrip("_")
    if not text:
        text = fallback
    if not text[0].isalpha():
        text = f"{fallback}_{text}"
    return f"{text}_" if text in RESERVED or text.startswith(PREFIXES) else text


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
