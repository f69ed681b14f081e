# SPDX-License-Identifier: Apache-2.0
"""The PYNQ driver as it lies in an output folder."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from typing import Any


def load(path: Path) -> Any:
    """Import a driver, and the modules beside it."""
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location("driver", path)
    assert spec is not None and spec.loader is not None
    module = sys.modules["driver"] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
