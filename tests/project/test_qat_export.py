# SPDX-License-Identifier: Apache-2.0
"""Brevitas modules straight into hwgen. `make test-qat` runs what needs torch."""

from __future__ import annotations

import builtins
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from hwgen import qat
from hwgen.errors import UnsupportedError, UserError
from hwgen.frontend import load

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "brevitas_digits.py"


def test_an_unknown_dialect_and_no_brevitas(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UserError, match=r"The dialect must be qonnx or qcdq, not 'qdcq'\. Did you mean qcdq"):
        qat.export_brevitas(None, None, tmp_path / "net.onnx", dialect="qdcq")
    real = builtins.__import__

    def without_brevitas(name: str, *rest: Any, **named: Any) -> Any:
        if name.startswith("brevitas"):
            raise ImportError(name)
        return real(name, *rest, **named)

    monkeypatch.setattr(builtins, "__import__", without_brevitas)
    with pytest.raises(UserError, match=r"Brevitas is not installed\. Install it: pip install 'hwgen\[qat\]'\."):
        qat.export_brevitas(None, None, tmp_path / "net.onnx")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.qat
@pytest.mark.parametrize("dialect", qat.DIALECTS)
def test_the_example_is_built_and_verified(dialect: str, tmp_path: Path) -> None:
    pytest.importorskip("brevitas", reason="the qat extra is not installed: make test-qat")
    command = [sys.executable, str(EXAMPLE), "--dialect", dialect, "--epochs", "3", "--out", str(tmp_path)]
    done = subprocess.run([*command, "--verify", "csim"], capture_output=True, text=True, timeout=1200)
    assert done.returncode == 0, done.stderr
    facts = json.loads(done.stdout)
    assert facts["ok"] and facts["accuracy"] > 0.5
    widths = _widths(tmp_path / "digits.onnx", dialect)
    assert widths == ({1, 2, 3, 4, 5, 6, 7, 8} if dialect == "qonnx" else {2, 4, 5, 7})


def _widths(path: Path, dialect: str) -> set[int]:
    """Return the bit widths of the quantisers in the file; of QCDQ those of activations, as weights are integers."""
    model = load(path)
    quants = [node for node in model.nodes if node.op in ("Quant", "BipolarQuant")]
    if dialect == "qonnx":
        return {1 if n.op == "BipolarQuant" else int(model.constants[n.inputs[3]]) for n in quants}
    clips = [node for node in model.nodes if node.op == "Clip"]
    spans = [int(model.constants[n.inputs[2]]) - int(model.constants[n.inputs[1]]) for n in clips]
    return {span.bit_length() for span in spans}


@pytest.mark.qat
def test_what_is_wrong_is_told_and_nothing_is_written(tmp_path: Path) -> None:
    pytest.importorskip("brevitas", reason="the qat extra is not installed: make test-qat")
    import torch
    from brevitas.nn import QuantIdentity, QuantLinear
    from brevitas.quant import SignedBinaryWeightPerTensorConst

    path, example = tmp_path / "net.onnx", torch.zeros(1, 4)
    with pytest.raises(UserError, match=r"must be one frame, \(1, \.\.\.\), not of shape \(3, 4\)\. Take x\[:1\]\."):
        qat.export_brevitas(QuantLinear(4, 2, bias=False), torch.zeros(3, 4), path)
    with pytest.raises(UserError, match="The module fails on the example: "):
        qat.export_brevitas(QuantLinear(5, 2, bias=False), example, path)
    plain = torch.nn.Sequential(torch.nn.Linear(4, 2), torch.nn.ReLU())
    with pytest.raises(UnsupportedError, match="quantised"):
        qat.export_brevitas(plain, example, path)
    layer = QuantLinear(4, 2, bias=False, weight_quant=SignedBinaryWeightPerTensorConst, weight_scaling_init=0.1)
    binary = torch.nn.Sequential(QuantIdentity(bit_width=4), layer)
    with pytest.raises(UnsupportedError, match="Layers of 1 bit need dialect='qonnx'"):
        qat.export_brevitas(binary, example, path, dialect="qcdq")
    assert list(tmp_path.iterdir()) == []
    binary.train()
    assert qat.export_brevitas(binary, example, path) == path
    assert binary.training and [p.name for p in tmp_path.iterdir()] == ["net.onnx"]
