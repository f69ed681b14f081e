# SPDX-License-Identifier: Apache-2.0
"""What the writers of the hand-over are given."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from hwgen.plan.types import Plan, Port


@dataclass(frozen=True)
class Design:
    """A finished design, about to be handed over.

    Parameters
    ----------
    plan
        Every decision.
    folder
        The output folder; ``rtl/`` holds the whole design and ``rtl/top.f`` its file list, in order.
    model, model_sha256
        The model's file name, and its hash.
    version
        Of hwgen.
    """

    plan: Plan
    folder: Path
    model: str
    model_sha256: str
    version: str

    @property
    def inputs(self) -> tuple[Port, ...]:
        """Ports that frames enter through, in the order of their numbers."""
        return tuple(port for port in self.plan.ports if port.direction == "in" and not port.feed)

    @property
    def outputs(self) -> tuple[Port, ...]:
        """Ports that results leave through, in the order of their numbers."""
        return tuple(port for port in self.plan.ports if port.direction == "out")

    @property
    def feeds(self) -> tuple[Port, ...]:
        """Ports that want the words of ``weights/<port>.bin`` again for every frame."""
        return tuple(port for port in self.plan.ports if port.feed)
