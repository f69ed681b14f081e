# SPDX-License-Identifier: Apache-2.0
"""The PYNQ driver against the simulated shell; `test_drivers` starts it."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import cocotb
import numpy as np
from cocotb.task import bridge
from driver_module import load
from simulator import leave, settings
from zynq import Zynq, fake_pynq

FIGURES: dict[str, Any] = {}


async def prepared(dut: Any) -> tuple[Zynq, Any, Any]:
    """Return the board, the driver's module, and a function that opens the overlay from a thread."""
    path = Path(settings()["driver"])
    board, module = Zynq(dut), load(path)
    sys.modules["pynq"] = fake_pynq(board, settings()["vlnv"])
    await board.start()
    return board, module, lambda: module.open_overlay("digits.bit")


def data() -> tuple[Any, Any, Any]:
    """Return the integers that go in, those that must come out, and the model's own frames with its answers."""
    kept = np.load("frames.npz")
    return kept["entering"], kept["leaving"], kept


@cocotb.test()
async def frames_come_back_right(dut: Any) -> None:
    """Integers and floats, more than a transfer holds, with the interrupt; counters tell the truth."""
    board, _, opened = await prepared(dut)
    entering, leaving, kept = data()

    def work() -> None:
        accelerator = opened()
        found = accelerator.run_integers({"s_axis_0": entering})["m_axis_0"]
        assert np.array_equal(found, leaving)
        assert accelerator.read("frame_count") == len(entering)
        cycles = accelerator.read("cycles")
        assert cycles > len(entering) * accelerator.read("frame_cycles") * 0.9
        FIGURES.update(cycles=cycles, frame_cycles=accelerator.read("frame_cycles"))
        assert np.array_equal(accelerator.run_integers({"s_axis_0": entering[:1]})["m_axis_0"], leaving[:1])
        answers = accelerator.run({"pixels": kept["pixels"]})["logits"]
        assert answers.dtype == np.float32 and np.allclose(answers, kept["logits"], rtol=1e-6)
        board.dma.mm2s.transfers = 0
        accelerator.board.length_bits = 11
        most = ((1 << 11) - 1) // accelerator.inputs[0].frame_bytes
        assert np.array_equal(accelerator.run_integers({"s_axis_0": entering})["m_axis_0"], leaving)
        assert board.dma.mm2s.transfers == -(-len(entering) // most)
        accelerator.close()

    await bridge(work)()
    assert board.interrupts >= 3
    leave(**FIGURES)


def refusal(module: Any, what: Any) -> str:
    """Return the sentence that a call ends with."""
    try:
        what()
    except module.AcceleratorError as error:
        return str(error)
    return ""


@cocotb.test()
async def wrong_sizes_are_told(dut: Any) -> None:
    """Wrong arrays are refused by the driver; what reaches the hardware all the same is an error there."""
    _, module, opened = await prepared(dut)
    entering, leaving, _ = data()

    def work() -> None:
        accelerator = opened()
        said = refusal(module, lambda: accelerator.run({"pixels": np.zeros((3, 8, 8), np.float32)}))
        assert said == "Array pixels must have the shape (frames, 1, 8, 8), not (3, 8, 8)."
        said = refusal(module, lambda: accelerator.run({}))
        assert said == "The frames must hold an array for the model's input pixels, not only nothing."
        said = refusal(module, lambda: accelerator.run_integers({"s_axis_0": entering[:, :60]}))
        assert said == "Port s_axis_0 takes frames of shape (64), not (60,)."
        said = refusal(module, lambda: accelerator.run_integers({"s_axis_0": entering + 16}))
        assert said.startswith("Port s_axis_0 takes integers from 0 to 15, not 16 to ")
        stopped = "The accelerator stopped: a frame at an input had another length than the design's."
        frame_in, frame_out = accelerator.inputs[0].frame_bytes, accelerator.outputs[0].frame_bytes
        beat = accelerator.inputs[0].beat_bytes
        for size in (2 * frame_in - beat, 2 * frame_in - beat // 2, 2 * frame_in + beat):
            buffer = accelerator.board.allocate(4096)
            module.Channel(accelerator.board.dmas[0], module.S2MM).start(buffer.physical_address, 2 * frame_out)
            accelerator.begin(2)
            module.Channel(accelerator.board.dmas[0], module.MM2S).start(buffer.physical_address, size)
            assert refusal(module, accelerator.finish) == stopped, size
            assert accelerator.read("errors") == 0
            found = accelerator.run_integers({"s_axis_0": entering[:3]})["m_axis_0"]
            assert np.array_equal(found, leaving[:3]), size
        small = module.Channel(accelerator.board.dmas[0], module.S2MM)
        small.start(buffer.physical_address, frame_out)
        accelerator.begin(2)
        module.Channel(accelerator.board.dmas[0], module.MM2S).start(buffer.physical_address, 2 * frame_in)
        accelerator.finish()
        said = ""
        while not said:
            said = refusal(module, small.done)
        assert "a buffer that is too small" in said
        accelerator.reset()
        assert np.array_equal(accelerator.run_integers({"s_axis_0": entering[:2]})["m_axis_0"], leaving[:2])

    await bridge(work)()


@cocotb.test()
async def a_reset_in_flight(dut: Any) -> None:
    """A reset at any time leaves the accelerator ready for whole frames; a run without data is given up."""
    board, module, opened = await prepared(dut)
    entering, leaving, _ = data()

    def work() -> None:
        accelerator = opened()
        rng = np.random.default_rng(1)
        into, out = (module.Channel(accelerator.board.dmas[0], way) for way in (module.MM2S, module.S2MM))
        frame_in, frame_out = accelerator.inputs[0].frame_bytes, accelerator.outputs[0].frame_bytes
        frames = 40
        buffer = accelerator.board.allocate(frames * max(frame_in, frame_out))
        buffer[:] = rng.integers(0, 16, len(buffer), dtype=np.uint8)
        for _ in range(4):
            out.start(buffer.physical_address, frames * frame_out)
            accelerator.begin(frames)
            into.start(buffer.physical_address, frames * frame_in)
            for _ in range(int(rng.integers(1, 50))):
                accelerator.read("cycles")
            accelerator.reset()
            assert accelerator.read("control") == 4
            found = accelerator.run_integers({"s_axis_0": entering[:3]})["m_axis_0"]
            assert np.array_equal(found, leaving[:3])
        accelerator.timeout = 0.0
        accelerator.begin(1)
        said = refusal(module, accelerator.finish)
        assert said == "No frame has left the accelerator for 0 s; it is reset."
        accelerator.timeout = 60.0
        assert np.array_equal(accelerator.run_integers({"s_axis_0": entering[:3]})["m_axis_0"], leaving[:3])

    await bridge(work)()
    board.dut.ap_rst_n.value = 1


@cocotb.test()
async def another_design_is_refused(dut: Any) -> None:
    """The driver looks at the registers before it starts anything."""
    _, module, opened = await prepared(dut)

    def work() -> None:
        sys.modules["pynq"].Overlay("x.bit").ip_dict["accelerator_0"]["type"] = "hwgen:accelerators:other:1.0"
        said = refusal(module, opened)
        assert said.startswith("digits.bit must hold the IP hwgen:accelerators:digits_mlp:1.0, not only accelerator_0")
        sys.modules["pynq"].Overlay("x.bit").ip_dict["accelerator_0"]["type"] = settings()["vlnv"]
        accelerator = opened()
        accelerator.facts["identity"]["build"] ^= 1
        said = refusal(module, accelerator._check)
        assert said.startswith("The board must hold the design digits_mlp: build is 0x")

    await bridge(work)()
