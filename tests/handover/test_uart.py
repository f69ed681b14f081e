# SPDX-License-Identifier: Apache-2.0
"""The UART shell at the pins: the driver, or raw bytes, through a pseudo-terminal to Verilator and back."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import serial

from hwgen.handover import Design, Host, HostPort, Tensor, uart
from hwgen.handover.host_model import AcceleratorError
from hwgen.handover.uart_driver import Uart
from hwgen.handover.uart_protocol import FRAME, IDENTIFY, IDENTITY, REFUSED, RESULT, Reader, packet
from hwgen.hw import Resources
from hwgen.plan.types import Plan
from hwgen.verify.uart import SimulatedBoard
from hwgen.version import VERSION
from tests.verify import tiny

MODEL = "0123456789abcdef" * 4
TENSORS = {"x": Tensor((1, 4, 2, 3), "int64"), "z": Tensor((1, 1, 2, 3), "int64")}
HOST = Host(
    {"x": TENSORS["x"]},
    {"z": TENSORS["z"]},
    {"s_axis_0": HostPort("x", TENSORS["x"], (), 0), "m_axis_0": HostPort("z", TENSORS["z"], (), 0)},
)
IN_BYTES, OUT_BYTES = 24, 6
LENGTHS = {RESULT: OUT_BYTES + 1, IDENTITY: 15, REFUSED: 1}
ERROR_LED = 4
PATIENCE = 30.0


def plan(**changed: object) -> Plan:
    found = tiny.plan()
    board = dataclasses.replace(found.board, resources=Resources(lut=1000, bram36=1))
    return dataclasses.replace(found, **{"board": board, **changed})


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tiny.write(tmp_path_factory.mktemp("uart") / "out")
    files = sorted((out / "rtl").glob("*.sv"))
    (out / "rtl" / "top.f").write_text("".join(f"{path.name}\n" for path in files))
    uart.write(Design(plan(), out, "model.onnx", MODEL, VERSION, HOST))
    return out


CLOCK_HZ, BAUD = 868_000, 100_000


@pytest.fixture(scope="module")
def simulated(folder: Path) -> Iterator[SimulatedBoard]:
    with SimulatedBoard(folder, "tiny", CLOCK_HZ, BAUD) as board:
        yield board


@pytest.fixture
def line(simulated: SimulatedBoard) -> Iterator[serial.Serial]:
    with serial.Serial(simulated.port, 115_200, timeout=PATIENCE) as found:
        yield found


@pytest.fixture
def board(folder: Path, line: serial.Serial) -> Uart:
    found = Uart(line, folder / "driver", timeout=PATIENCE)
    found.check()
    return found


def answers(line: serial.Serial, count: int) -> list[tuple[int, bytes]]:
    """Return the next answers."""
    reader, found = Reader(LENGTHS), list[tuple[int, bytes]]()
    while len(found) < count:
        data = line.read(1)
        assert data, f"only {found} came"
        found += reader.feed(data)
    return found


def frame(tag: int, values: np.ndarray) -> bytes:
    return packet(FRAME, bytes([tag]) + np.moveaxis(values, 0, -1).astype(np.int8).tobytes())


def result(tag: int, values: np.ndarray) -> tuple[int, bytes]:
    return RESULT, bytes([tag]) + values.astype(np.int8).tobytes()


def test_board_says_which_design_it_holds(board: Uart) -> None:
    found = board.identify()
    assert (found.protocol, found.build_id) == (1, MODEL[:16])
    assert (found.in_bytes, found.out_bytes, found.queue) == (IN_BYTES, OUT_BYTES, 511 // (IN_BYTES + 2))


def test_frames_back_to_back(board: Uart) -> None:
    tensors = tiny.golden(60)
    np.testing.assert_array_equal(board.run({"x": tensors["x"]})["z"], tensors["z"])
    assert board.recoveries == 0


@pytest.mark.parametrize("off", [-0.02, 0.02])
def test_host_whose_clock_is_off(folder: Path, off: float) -> None:
    tensors = tiny.golden(20)
    simulated = SimulatedBoard(folder, "tiny", CLOCK_HZ, BAUD, host_baud=round(BAUD * (1 + off)))
    with simulated, Uart.open(simulated.port, 115_200, folder / "driver", timeout=PATIENCE) as board:
        np.testing.assert_array_equal(board.run({"x": tensors["x"]})["z"], tensors["z"])
        assert board.recoveries == 0


def test_answers_bring_tags_back_in_order(line: serial.Serial) -> None:
    tensors = tiny.golden(3)
    line.write(b"".join(frame(7 * i, tensors["x"][i]) for i in range(3)) + packet(IDENTIFY, b"\xff"))
    found = answers(line, 4)
    assert found[:3] == [result(7 * i, tensors["z"][i]) for i in range(3)]
    assert found[3][1][0] == 0xFF


@pytest.mark.parametrize("noise", [b"\x00" * 40, b"HHHH", b"\x48", b"W\x01\x19\x00", bytes(range(0x58, 0x100))])
def test_garbage_between_requests_is_skipped(noise: bytes, line: serial.Serial) -> None:
    tensors = tiny.golden(2)
    line.write(noise + frame(1, tensors["x"][0]) + noise + frame(2, tensors["x"][1]))
    assert answers(line, 2) == [result(1, tensors["z"][0]), result(2, tensors["z"][1])]


def test_damaged_requests_are_refused_with_the_reason(line: serial.Serial, simulated: SimulatedBoard) -> None:
    tensors = tiny.golden(1)
    good = frame(9, tensors["x"][0])
    turned = [bytes(b ^ (0x10 if at == i else 0) for at, b in enumerate(good)) for i in (2, 3, 4, 9, len(good) - 1)]
    for bad, reason in zip(turned, (3, 2, 2, 1, 1), strict=True):
        line.write(bad)
        assert answers(line, 1) == [(REFUSED, bytes([reason]))]
        assert (simulated.ask("leds") or 0) & ERROR_LED
        line.write(good)
        assert answers(line, 1) == [result(9, tensors["z"][0])]
        assert not (simulated.ask("leds") or 0) & ERROR_LED


def test_a_request_that_breaks_off_is_refused_after_a_while(line: serial.Serial) -> None:
    tensors = tiny.golden(1)
    good = frame(3, tensors["x"][0])
    line.write(good[:20])
    assert answers(line, 1) == [(REFUSED, b"\x05")]
    line.write(good)
    assert answers(line, 1) == [result(3, tensors["z"][0])]


def test_more_requests_than_there_is_room_for(board: Uart, line: serial.Serial) -> None:
    tensors, flood = tiny.golden(4), 450
    line.write(b"".join(packet(IDENTIFY, bytes([i % 256])) for i in range(flood)) + frame(0, tensors["x"][0]))
    line.timeout = 1.0
    reader, found = Reader(LENGTHS), list[tuple[int, bytes]]()
    while data := line.read(1):
        found += reader.feed(data)
    assert 200 < len(found) < flood
    tags = [payload[0] for kind, payload in found if kind == IDENTITY]
    assert tags[:200] == list(range(200))
    np.testing.assert_array_equal(board.run({"x": tensors["x"]})["z"], tensors["z"])


def test_reset_in_mid_frame(board: Uart, line: serial.Serial, simulated: SimulatedBoard) -> None:
    tensors = tiny.golden(20)
    board.timeout = 1.0
    simulated.ask("reset 17")
    np.testing.assert_array_equal(board.run({"x": tensors["x"]})["z"], tensors["z"])
    assert board.recoveries >= 1


class Noisy:
    """A line that damages every so many bytes on the way, in each direction."""

    def __init__(self, line: serial.Serial, out: int, back: int) -> None:
        self.line, self.every, self.seen = line, {"out": out, "back": back}, {"out": 0, "back": 0}
        self.timeout: float | None = None

    def _pass(self, way: str, data: bytes) -> bytes:
        every, start = self.every[way], self.seen[way]
        self.seen[way] += len(data)
        return bytes(b ^ (0x24 if every and (start + i) % every == every - 1 else 0) for i, b in enumerate(data))

    @property
    def in_waiting(self) -> int:
        return self.line.in_waiting

    def read(self, size: int = 1, /) -> bytes:
        self.line.timeout = 0.3
        return self._pass("back", self.line.read(size))

    def write(self, data: bytes, /) -> int | None:
        return self.line.write(self._pass("out", data))

    def close(self) -> None:
        return None


@pytest.mark.parametrize(("out", "back"), [(311, 0), (0, 157), (401, 211)])
def test_driver_gets_every_answer_over_a_bad_line(folder: Path, line: serial.Serial, out: int, back: int) -> None:
    tensors = tiny.golden(40)
    board = Uart(Noisy(line, out, back), folder / "driver", timeout=PATIENCE)
    board.check()
    np.testing.assert_array_equal(board.run({"x": tensors["x"]})["z"], tensors["z"])
    assert board.recoveries > 1


def test_driver_stands_alone(folder: Path, simulated: SimulatedBoard) -> None:
    tensors = tiny.golden(3)
    text = f"""
import sys
sys.modules["hwgen"] = None
sys.path.insert(0, {str(folder / "driver")!r})
import numpy, uart
with uart.Uart.open({simulated.port!r}, 115200, timeout={PATIENCE}) as board:
    x = numpy.array({tensors["x"].tolist()!r})
    print(board.run({{"x": x}})["z"].tolist())
"""
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == str(tensors["z"].tolist()), done.stderr


def test_a_line_that_fails_is_told(folder: Path) -> None:
    class Pulled(Noisy):
        def write(self, data: bytes, /) -> int | None:
            raise OSError(5, "Input/output error")

    with pytest.raises(AcceleratorError, match=r"^Port the line failed: .*Input/output error\.$"):
        Uart(Pulled(serial.Serial(), 0, 0), folder / "driver").check()


def test_another_design_is_told_apart(folder: Path, line: serial.Serial, tmp_path: Path) -> None:
    facts = json.loads((folder / "driver" / "uart.json").read_text())
    (tmp_path / "uart.json").write_text(json.dumps(facts | {"build_id": "00" * 8}))
    with pytest.raises(AcceleratorError, match=rf"must hold tiny \(0000000000000000\), not {MODEL[:16]}"):
        Uart(line, tmp_path, timeout=PATIENCE).check()


def test_designs_that_get_no_shell(tmp_path: Path) -> None:
    ports = tiny.plan().ports
    more = dataclasses.replace(ports[0], name="s_axis_1")
    fed = dataclasses.replace(ports[0], name="s_axis_w0", feed="weights")
    full = dataclasses.replace(plan().board, resources=Resources())
    wide = dataclasses.replace(ports[0], tdata_bits=65_536)
    for reason, changed in {
        "2 and 1": {"ports": (*ports, more)},
        "s_axis_w0 wants weights": {"ports": (*ports, fed)},
        "cannot hold a frame of 24 bytes": {"board": full},
        "may have 65534 bytes, and this design's has 98304": {"ports": (wide, ports[1])},
    }.items():
        found = plan(**changed)
        assert reason in (uart.obstacle(found) or "")
        uart.write(Design(found, tmp_path, "model.onnx", MODEL, VERSION, HOST))
        assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("free", "depth", "queue"), [(104, 2048, 2), (0.3, 1024, 1)])
def test_buffer_holds_two_requests_where_it_can(free: float, depth: int, queue: int) -> None:
    board = dataclasses.replace(plan().board, resources=Resources(bram36=free))
    ports = (dataclasses.replace(tiny.plan().ports[0], tdata_bits=512), tiny.plan().ports[1])
    found = uart.shell(plan(board=board, ports=ports))
    assert (found.in_bytes, found.depth, found.queue) == (768, depth, queue)
