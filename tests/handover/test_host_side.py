# SPDX-License-Identifier: Apache-2.0
"""What the drivers do on the host: packets of the UART's, and what a port's integers stand for."""

from __future__ import annotations

import random

import numpy as np
import pytest

from hwgen.frontend.host import to_integers, to_reals
from hwgen.graph import TensorType
from hwgen.graph.layout import Layout
from hwgen.handover.host_model import AcceleratorError, Port
from hwgen.handover.uart_protocol import Reader, crc16, packet
from hwgen.hw import StreamType, to_beats
from hwgen.ops.lowered import Observation

LENGTHS = {0x81: 5, 0xEE: 1}


def test_crc_is_ccitt_false() -> None:
    assert crc16(b"123456789") == 0x29B1  # the check value of the catalogue of CRC algorithms


def test_reader_finds_answers_in_noise_however_they_are_cut() -> None:
    answers = [(0x81, b"HWHW!"), (0xEE, b"\x01"), (0x81, b"\x00\x01\x02\x03\x04")]
    noise = [b"", b"H", b"HW", b"HW\x81\x05\x00abcdefg", b"HW\x07\x02\x00", b"\xff\x00HHW"]
    draw = random.Random(5)
    for _ in range(200):
        text = b"".join(draw.choice(noise) + packet(kind, payload) for kind, payload in answers)
        reader, found = Reader(LENGTHS), []
        while text:
            cut = draw.randint(1, 9)
            found += reader.feed(text[:cut])
            text = text[cut:]
        assert found == answers


def test_reader_passes_over_a_damaged_answer() -> None:
    damaged = packet(0x81, b"abcde").replace(b"c", b"C")
    assert list(Reader(LENGTHS).feed(damaged + packet(0xEE, b"\x02"))) == [(0xEE, b"\x02")]


CASES = [
    (TensorType((1, 3, 2, 4), True, 5, (0.25,), 3), 8, Observation("t", "o", (0.25,), 3), (1, 3, 2, 4)),
    (TensorType((1, 6), False, 12, (0.5,) * 6), 16, Observation("t", "o", tuple(2.0**-k for k in range(6)), 0), (1, 6)),
    (TensorType((1, 4, 1, 1), True, 1, (1.0,)), 8, Observation("t", "o", (1.0,), 0), (1, 4)),
    (
        TensorType((1, 3, 5, 1), True, 20, (0.125,)),
        32,
        Observation("t", "o", (0.125,), -7, (1.5,), Layout((5, 3), (1, 0))),
        (1, 5, 3),
    ),
]


@pytest.mark.parametrize(("kind", "bits", "seen", "shape"), CASES)
def test_port_agrees_with_hwgen(kind: TensorType, bits: int, seen: Observation, shape: tuple[int, ...]) -> None:
    lanes = kind.channels
    fields = {"shape": kind.shape, "signed": kind.signed, "bits": kind.bits, "element_bits": bits, "lanes": lanes}
    port = Port(
        name="p", **fields, beats=kind.elements // lanes, beat_bytes=lanes * bits // 8 + 1, onnx="o", onnx_shape=shape,
        dtype="float32", scale=seen.scale, zero_point=seen.zero_point, offset=seen.offset, axes=seen.layout.shape,
        order=seen.layout.perm,
    )  # fmt: skip
    step = 2 if kind.bipolar else 1
    integers = kind.lo + step * np.random.default_rng(3).integers(
        0, (kind.hi - kind.lo) // step + 1, (7, *kind.shape[1:])
    )
    beats = to_beats(integers, StreamType.of(kind, lanes)).astype(f"<{'i' if kind.signed else 'u'}{bits // 8}")
    memory = port.pack(integers)
    padded = memory.reshape(7, port.beats, port.beat_bytes)
    assert padded[:, :, :-1].tobytes() == beats.tobytes() and not padded[:, :, -1].any()
    np.testing.assert_array_equal(port.unpack(memory), integers)
    reals = to_reals(seen, integers, shape, np.dtype(np.float32))
    np.testing.assert_array_equal(port.dequantise(integers), reals)
    np.testing.assert_array_equal(port.quantise(reals), to_integers(seen, kind, reals))


def test_integers_that_do_not_fit_a_port_are_told() -> None:
    port = Port("p", (1, 2), False, 4, 8, 2, 1, 2, "o", (1, 2), "int64", (), 0, (), (), ())
    with pytest.raises(AcceleratorError, match="Port p takes integers from 0 to 15, not 3 to 16"):
        port.pack(np.array([[3, 16]]))
    with pytest.raises(AcceleratorError, match=r"takes frames of shape \(2\), not \(3,\)"):
        port.pack(np.zeros((1, 3), np.int64))
