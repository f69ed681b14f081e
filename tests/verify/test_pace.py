# SPDX-License-Identifier: Apache-2.0
"""The pace of a process alone: counted, kept, and not guessed where frames are too long."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from hwgen.verify import pace

sys.path.insert(0, str(Path(__file__).parent))
import tiny


def test_the_pace_is_counted_and_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    process = tiny.plan().process("total")
    module = tmp_path / "total.sv"
    module.write_text(tiny.TOTAL)
    kept = tmp_path / "kept"
    monkeypatch.setattr(pace, "cache_folder", lambda: kept)
    assert pace.interval(process, [module]) == 12
    (entry,) = (kept / "pace").glob("*.json")
    entry.write_text("[7, 20, 40]")
    assert pace.interval(process, [module]) == 20
    entry.unlink()
    monkeypatch.setattr(pace, "LIMIT", 30)
    assert pace.interval(process, [module]) is None
