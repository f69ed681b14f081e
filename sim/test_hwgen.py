# SPDX-License-Identifier: Apache-2.0
"""cocotb test: performs the runs of runs.txt and checks each; the beats move and are compared in SystemVerilog.

The clock has rising edges at odd time steps, a cycle is two steps. Fields of a line in runs.txt: see README.md.
"""

from pathlib import Path

import cocotb
from cocotb.triggers import First, RisingEdge, Timer
from cocotb.utils import get_sim_time

RESET_CYCLES = 4
DRAIN_CYCLES = 64
SETTINGS = ("run", "select", "monitor", "frames", "recorded", "gap", "stall", "seed")


async def cycles(count):
    """Wait for so many cycles of the clock."""
    await Timer(2 * count, "step")


async def reset(dut):
    """Hold the reset for a few cycles; all drivers start over with the first frame."""
    dut.rst_n.value = 0
    await cycles(RESET_CYCLES)
    dut.rst_n.value = 1


async def perform(dut, fields):
    """Perform one run; return whether it ended, its mismatches, and its cycles."""
    for name, value in zip(SETTINGS, fields, strict=False):
        getattr(dut, name).value = value
    reset_at, limit = fields[8:10]
    await reset(dut)
    if reset_at:
        await cycles(reset_at)
        await reset(dut)
    start = get_sim_time("step")
    await First(RisingEdge(dut.done), Timer(2 * limit, "step"))
    if get_sim_time("step") % 2:
        await Timer(1, "step")  # to the end of the cycle
    took = (get_sim_time("step") - start) // 2
    await cycles(DRAIN_CYCLES)
    return int(dut.done.value), int(dut.mismatches.value), took + reset_at


@cocotb.test()
async def every_run_equals_the_golden(dut):
    """Every device under test delivers all of its frames, in every scenario."""
    failed = []
    with Path("status.txt").open("w") as status:
        for line in Path("runs.txt").read_text().splitlines():
            *numbers, label = line.split()
            fields = [int(number) for number in numbers]
            done, mismatches, took = await perform(dut, fields)
            status.write(f"{fields[0]} {done} {mismatches} {took}\n")
            dut._log.info(f"{label}: {'ok' if done and not mismatches else 'FAIL'}, {took} cycles")
            if not done or mismatches:
                failed.append(label)
    assert not failed, f"{len(failed)} runs failed, the first is {failed[0]}"
