# SPDX-License-Identifier: Apache-2.0
"""Dialects of ONNX, rewritten on import into the operators that hwgen lowers; one file for each."""

from __future__ import annotations

from collections.abc import Mapping

from hwgen.frontend.dialects import four_bits, integer_ops, plain_integer, sklearn
from hwgen.frontend.dialects.rules import Rule, apply
from hwgen.frontend.draft import Draft

__all__ = ["DOMAINS", "RULES", "rewritten"]

DOMAINS: Mapping[str, frozenset[str]] = {
    "com.microsoft": frozenset(integer_ops.MICROSOFT) | integer_ops.SAME,
    "ai.onnx.ml": frozenset(sklearn.RULES),
}
"""Operators that are read of domains other than ONNX's and QONNX's; none has the name of an ONNX operator with another
meaning, so that inside hwgen they carry no domain."""

RULES: Mapping[str, Rule] = {**integer_ops.RULES, **integer_ops.MICROSOFT, **sklearn.RULES}


def rewritten(draft: Draft) -> Draft:
    """Return the draft in standard operators and QONNX quantisers.

    Parameters
    ----------
    draft
        Constants lifted, nothing folded yet: constants that quantise weights are still in front of their quantiser.

    Raises
    ------
    UnsupportedError
        With everything that cannot be rewritten.
    """
    return plain_integer.rewritten(apply(draft, {**RULES, **four_bits.RULES}))
