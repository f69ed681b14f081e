# SPDX-License-Identifier: Apache-2.0
"""Small programs that random testing found to be compiled wrongly, or refused without need."""

from __future__ import annotations

from pathlib import Path

import pytest

from .support import HEAD, check

CASES = {
    # LLVM makes the default of a switch over all values unreachable.
    "exhaustive_switch": """
void exhaustive_switch(hls::stream<ap_uint<2>>& in0, hls::stream<ap_uint<8>>& out0) {
  ap_uint<8> sum = 1;
  for (int i = 0; i < 9; ++i) {
#pragma HLS PIPELINE II = 1
    const ap_uint<2> x = in0.read();
    switch ((unsigned)x) {
      case 0: out0.write(sum); break;
      case 1: sum += 3; out0.write(7); break;
      case 2: out0.write(sum * 5); sum = 0; break;
      default: out0.write(x ^ sum);
    }
  }
}
""",
}


@pytest.mark.parametrize("name", CASES)
def test_found(name: str, tmp_path: Path) -> None:
    source = tmp_path / f"{name}.cpp"
    source.write_text(HEAD + CASES[name])
    check(source, name, [], seed=3)
