# SPDX-License-Identifier: Apache-2.0
"""Names from the source, recovered from LLVM's, unique and legal in SystemVerilog."""

from __future__ import annotations

import re

_WORDS = """
    add agg and arrayidx cleanup cmp cond conv div dec exitcond idxprom inc indvars land lor loadedv mul narrow not or
    phiofops ref rem retval sext shl shr spec storedv storemerge sub this tmp tobool trunc umax umin xor
"""
_TEMPORARY = frozenset(_WORDS.split())


def source_name(local: str) -> str:
    """Return the name that a local had in the source: `%acc.sroa.4.0` is `acc`; "" for a temporary of clang's."""
    match = re.match(r'%"?([A-Za-z_]\w*)', local)
    if match is None:
        return ""
    name = match[1]
    stem = name.rstrip("0123456789")
    return "" if stem in _TEMPORARY else name


class Names:
    """Gives out unique names."""

    def __init__(self) -> None:
        self._used: set[str] = set()

    def unique(self, name: str, default: str) -> str:
        """Return `name`, with a number behind it where it is taken."""
        stem = name or default
        found, count = stem, 0
        while found in self._used:
            count += 1
            found = f"{stem}_{count}"
        self._used.add(found)
        return found
