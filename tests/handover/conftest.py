# SPDX-License-Identifier: Apache-2.0
"""A design that is handed over, built once for all tests; they must leave it as it is."""

from __future__ import annotations

from pathlib import Path

import pytest

import hwgen
from hwgen import artifacts
from hwgen.handover import Design
from hwgen.manifest import NAME
from hwgen.plan import Plan
from hwgen.version import VERSION

DESIGN = Path(__file__).resolve().parents[2] / "designs" / "digits-mlp"


@pytest.fixture(scope="session")
def design(tmp_path_factory: pytest.TempPathFactory) -> Design:
    """Digits-mlp with everything around its RTL, not verified."""
    folder = tmp_path_factory.mktemp("handover") / "out"
    hwgen.build(DESIGN / "model.onnx", budget=DESIGN / "budget.yaml", out=folder, verify="none")
    plan = artifacts.restore(folder / "plan", Plan)
    return Design(plan, folder, "model.onnx", artifacts.read_json(folder / NAME)["model"]["sha256"], VERSION)
