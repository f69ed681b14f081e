# SPDX-License-Identifier: Apache-2.0
"""The part of C simulation that runs LLVM, a script of its own so that its crash is not ours.

The argument is a folder with ``jobs.json``, the modules and the inputs; see `hwgen.hlsc.csim`, which starts it.
"""

from __future__ import annotations

import ctypes
import json
import re
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

_NAME = r'(?:[\w.$-]+|"[^"]*")'
_LOAD = re.compile(rf"^(\s*%{_NAME} = load) volatile (i(\d+)), ptr (%{_NAME}), align (\d+).*$", re.MULTILINE)
_STORE = re.compile(rf"^(\s*store) volatile (i(\d+)) ([^,]+), ptr (%{_NAME}), align (\d+).*$", re.MULTILINE)
_TARGET = re.compile(r"^target (?:datalayout|triple) = .*$", re.MULTILINE)
_ALIGN = 64
_SCRATCH = 64
"""Offset of the spare word in a stream's descriptor; before it lie the five 64-bit fields of `Stream`."""

# A stream's descriptor: where the next word is read, where the words end, the same for writing, and what went wrong.
_RUNTIME = """
define internal ptr @hwgen.pop(ptr %s, i64 %size) alwaysinline {{
  %end.at = getelementptr i8, ptr %s, i64 8
  %cursor = load ptr, ptr %s, align 8
  %end = load ptr, ptr %end.at, align 8
  %empty = icmp eq ptr %cursor, %end
  br i1 %empty, label %fault, label %good, !prof !{{!"branch_weights", i32 1, i32 100000}}
fault:
  %status = getelementptr i8, ptr %s, i64 32
  store i64 1, ptr %status, align 8
  %spare = getelementptr i8, ptr %s, i64 {scratch}
  ret ptr %spare
good:
  %next = getelementptr i8, ptr %cursor, i64 %size
  store ptr %next, ptr %s, align 8
  ret ptr %cursor
}}
define internal ptr @hwgen.push(ptr %s, i64 %size) alwaysinline {{
  %at = getelementptr i8, ptr %s, i64 16
  %end.at = getelementptr i8, ptr %s, i64 24
  %cursor = load ptr, ptr %at, align 8
  %end = load ptr, ptr %end.at, align 8
  %full = icmp eq ptr %cursor, %end
  br i1 %full, label %grow, label %good, !prof !{{!"branch_weights", i32 1, i32 100000}}
grow:
  call void inttoptr (i64 {grow} to ptr)(ptr %s)
  br label %good
good:
  %place = load ptr, ptr %at, align 8
  %next = getelementptr i8, ptr %place, i64 %size
  store ptr %next, ptr %at, align 8
  ret ptr %place
}}
"""


def storage_bytes(bits: int) -> int:
    """Return the size of clang's memory form of an unsigned `_BitInt`."""
    size = (bits + 7) // 8
    return next((n for n in (1, 2, 4, 8, 16) if size <= n), (size + 7) // 8 * 8)


def instrument(text: str, grow: int) -> str:
    """Replace volatile accesses by accesses at the cursors of the stream they are made on."""
    number = 0

    def pop(match: re.Match[str]) -> str:
        nonlocal number
        number += 1
        at = f"%hwgen.at.{number}"
        size = int(match[3]) // 8
        return f"  {at} = call ptr @hwgen.pop(ptr {match[4]}, i64 {size})\n{match[1]} {match[2]}, ptr {at}, align 1"

    def push(match: re.Match[str]) -> str:
        nonlocal number
        number += 1
        at = f"%hwgen.at.{number}"
        size = int(match[3]) // 8
        return (
            f"  {at} = call ptr @hwgen.push(ptr {match[5]}, i64 {size})\n"
            f"{match[1]} {match[2]} {match[4]}, ptr {at}, align 1"
        )

    text = _STORE.sub(push, _LOAD.sub(pop, _TARGET.sub("", text)))
    return text + _RUNTIME.format(scratch=_SCRATCH, grow=grow)


def compile_module(text: str, symbol: str) -> llvm.ExecutionEngine:
    """Optimise and compile a module; everything but `symbol` may be inlined away."""
    machine = llvm.Target.from_default_triple().create_target_machine(opt=2, jit=True)
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(machine.target_data)
    for function in module.functions:
        if not function.is_declaration and function.name != symbol:
            function.linkage = llvm.Linkage.internal
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    engine = llvm.create_mcjit_compiler(module, machine)
    engine.finalize_object()
    return engine


def aligned(size: int) -> npt.NDArray[np.uint8]:
    """Return a zeroed byte array that starts at a multiple of 64."""
    raw = np.zeros(size + _ALIGN, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGN
    return raw[offset : offset + size]


class Stream:
    """One stream: its descriptor in memory, and the words behind it."""

    def __init__(self, name: str, bits: int, words: npt.NDArray[np.uint8] | None) -> None:
        self.name = name
        self.bits = bits
        self.stride = storage_bytes(bits)
        self.writable = words is None
        self.descriptor = aligned(_SCRATCH + self.stride + _ALIGN)
        self.fields = self.descriptor[:40].view(np.uint64)
        self.address = int(self.descriptor.ctypes.data)
        beats = 1024 if words is None else words.shape[0]
        self.buffer = aligned(max(1, beats) * self.stride)
        start = int(self.buffer.ctypes.data)
        if words is None:
            self.fields[:] = (0, 0, start, start + beats * self.stride, 0)
        else:
            self.buffer[: beats * self.stride].reshape(beats, self.stride)[:, : words.shape[1]] = words
            self.fields[:] = (start, start, 0, 0, 0)

    def grow(self) -> None:
        """Make room for more words; words written to an input go to the spare word."""
        if not self.writable:
            self.fields[4] = 2
            spare = self.address + _SCRATCH
            self.fields[2:4] = (spare, spare + self.stride)
            return
        used = int(self.fields[2]) - int(self.buffer.ctypes.data)
        larger = aligned(2 * self.buffer.size)
        larger[:used] = self.buffer[:used]
        self.buffer = larger
        start = int(larger.ctypes.data)
        self.fields[2:4] = (start + used, start + larger.size)

    def offer(self, beats: int) -> None:
        """Let the process read up to word `beats` of the input."""
        self.fields[1] = int(self.buffer.ctypes.data) + beats * self.stride

    def unread(self) -> int:
        """Return how many offered words were not read."""
        return (int(self.fields[1]) - int(self.fields[0])) // self.stride

    def taken(self) -> npt.NDArray[np.uint8]:
        """Return the words written, one row each."""
        used = int(self.fields[2]) - int(self.buffer.ctypes.data)
        words = self.buffer[:used].reshape(-1, self.stride)[:, : (self.bits + 7) // 8].copy()
        if self.bits % 8:
            words[:, -1] &= (1 << self.bits % 8) - 1
        return words


def complaint(streams: Sequence[Stream], frame: int) -> str | None:
    """Return what is wrong with the streams after a frame."""
    for stream in streams:
        status = int(stream.fields[4])
        if status == 1 and not stream.writable:
            return f"The process must not read more than one frame of {stream.name}: it was empty in frame {frame}."
        if status:
            wrong, right = ("read", "written") if stream.writable else ("written", "read")
            return f"The stream {stream.name} must be {right} only, and was {wrong} in frame {frame}."
        if not stream.writable and stream.unread():
            return f"The process must read all of {stream.name}: it left {stream.unread()} words in frame {frame}."
    return None


def simulate(folder: Path, index: int, job: dict[str, Any]) -> str | None:
    """Run one job and save its outputs; returns what went wrong."""
    streams = [
        Stream(name, bits, np.load(folder / f"{index}.in{number}.npy"))
        for number, (name, bits) in enumerate(job["inputs"])
    ]
    beats = [
        np.load(folder / f"{index}.in{n}.npy", mmap_mode="r").shape[0] // job["frames"] for n in range(len(streams))
    ]
    outputs = [Stream(name, bits, None) for name, bits in job["outputs"]]
    inputs, streams = streams, streams + outputs
    known = {stream.address: stream for stream in streams}
    grow = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda address: known[address].grow())
    where = ctypes.cast(grow, ctypes.c_void_p).value
    text = instrument((folder / f"{index}.ll").read_text(), where or 0)
    engine = compile_module(text, job["symbol"])
    process = ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * len(streams))(engine.get_function_address(job["symbol"]))
    addresses = [stream.address for stream in streams]
    for frame in range(job["frames"]):
        for stream, count in zip(inputs, beats, strict=True):
            stream.offer((frame + 1) * count)
        process(*addresses)
        wrong = complaint(streams, frame)
        if wrong:
            return wrong
    for number, stream in enumerate(outputs):
        np.save(folder / f"{index}.out{number}.npy", stream.taken())
    return None


def main() -> None:
    """Run all jobs of the folder."""
    folder = Path(sys.argv[1])
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    for index, job in enumerate(json.loads((folder / "jobs.json").read_text())):
        error = simulate(folder, index, job)
        (folder / f"{index}.json").write_text(json.dumps({"error": error}))


if __name__ == "__main__":
    main()
