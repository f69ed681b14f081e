# SPDX-License-Identifier: Apache-2.0
"""Dialects of ONNX, rewritten on import into the operators that hwgen lowers; one file for each."""

from __future__ import annotations

from hwgen.frontend.dialects import plain_integer
from hwgen.frontend.draft import Draft

__all__ = ["rewritten"]


def rewritten(draft: Draft) -> Draft:
    """Return the draft in standard operators and QONNX quantisers.

    Parameters
    ----------
    draft
        Constants lifted, nothing folded yet: constants that quantise weights are still in front of their quantiser.
    """
    return plain_integer.rewritten(draft)
