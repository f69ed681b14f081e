# SPDX-License-Identifier: Apache-2.0
"""The part of C simulation that runs LLVM, a script of its own so that its crash is not ours.

The argument is a folder with ``jobs.json``, the modules and the inputs; see `hwgen.hlsc.csim`, which starts it.
"""

from __future__ import annotations

import ctypes
import itertools
import json
import re
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
import numpy as np
import numpy.typing as npt

_NAME = r'(?:[\w.$-]+|"[^"]*")'
_LOAD = re.compile(rf"^(\s*%{_NAME} = load) volatile (i(\d+)), ptr (%{_NAME}), align (\d+).*$", re.MULTILINE)
_STORE = re.compile(rf"^(\s*store) volatile (i(\d+)) ([^,]+), ptr (%{_NAME}), align (\d+).*$", re.MULTILINE)
_WAITS = re.compile(r"^declare .*@hwgen_stream_waits\(.*$", re.MULTILINE)
_TARGET = re.compile(r"^target (?:datalayout|triple) = .*$", re.MULTILINE)
ENTRY = "hwgen.call"
_ALIGN = 64
_JUMP = 1024
"""Bytes of a `jmp_buf`, and more."""
_MOST = 1 << 26
_RATIO = 64
"""Bytes of the longest output of one job: the first, and the second for each byte of its inputs."""
_PAUSES = ((0, 256), (0x1B873593, 128), (0xCC9E2D51, 128), (0x2127599B, 128), (0x85EBCA6B, 20), (0xC2B2AE35, 230))
"""For a process with non-blocking reads: seeds, and how likely, of 256, such a read sees a word that is there."""
_IDLE_POLLS = 1 << 22
"""How often non-blocking reads may find only streams without words before the call ends."""
_IDLE_CALLS = 1000
_SCRATCH = 64
"""Offset of the spare word in a stream's descriptor; before it lie the five 64-bit fields of `Stream`."""

# A stream's descriptor: where the next word is read, where the words end, the same for writing, and what went wrong.
# A blocking read of an empty stream ends the call of the process that is under way, wherever it is.
_RUNTIME = """
@hwgen.leave = internal global [{jump} x i8] zeroinitializer, align 16
declare i32 @_setjmp(ptr) returns_twice
declare void @longjmp(ptr, i32) noreturn
define void @{entry}({parameters}) {{
  %again = call i32 @_setjmp(ptr @hwgen.leave) returns_twice
  %first = icmp eq i32 %again, 0
  br i1 %first, label %run, label %left
run:
  call void @{symbol}({parameters}) noinline
  br label %left
left:
  ret void
}}
@hwgen.random = global i32 0, align 4
@hwgen.likely = global i32 256, align 4
@hwgen.idle = internal global i32 0, align 4
define internal zeroext i1 @hwgen_stream_waits(ptr %s) alwaysinline {{
  %end.at = getelementptr i8, ptr %s, i64 8
  %cursor = load ptr, ptr %s, align 8
  %end = load ptr, ptr %end.at, align 8
  %empty = icmp eq ptr %cursor, %end
  br i1 %empty, label %nothing, label %draw
nothing:
  %before = load i32, ptr @hwgen.idle, align 4
  %idle = add i32 %before, 1
  store i32 %idle, ptr @hwgen.idle, align 4
  %over = icmp ugt i32 %idle, {idle}
  br i1 %over, label %dry, label %no
dry:
  %status = getelementptr i8, ptr %s, i64 32
  store i64 1, ptr %status, align 8
  call void @longjmp(ptr @hwgen.leave, i32 1)
  unreachable
no:
  ret i1 false
draw:
  %seed = load i32, ptr @hwgen.random, align 4
  %times = mul i32 %seed, 1664525
  %next = add i32 %times, 1013904223
  store i32 %next, ptr @hwgen.random, align 4
  %drawn = lshr i32 %next, 24
  %likely = load i32, ptr @hwgen.likely, align 4
  %there = icmp ult i32 %drawn, %likely
  ret i1 %there
}}
define internal ptr @hwgen.pop(ptr %s, i64 %size) alwaysinline {{
  %end.at = getelementptr i8, ptr %s, i64 8
  %cursor = load ptr, ptr %s, align 8
  %end = load ptr, ptr %end.at, align 8
  %empty = icmp eq ptr %cursor, %end
  br i1 %empty, label %fault, label %good, !prof !{{!"branch_weights", i32 1, i32 100000}}
fault:
  %status = getelementptr i8, ptr %s, i64 32
  store i64 1, ptr %status, align 8
  call void @longjmp(ptr @hwgen.leave, i32 1)
  unreachable
good:
  %next = getelementptr i8, ptr %cursor, i64 %size
  store ptr %next, ptr %s, align 8
  store i32 0, ptr @hwgen.idle, align 4
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
  %status.at = getelementptr i8, ptr %s, i64 32
  %status = load i64, ptr %status.at, align 8
  %endless = icmp eq i64 %status, {endless}
  br i1 %endless, label %leave, label %good
leave:
  call void @longjmp(ptr @hwgen.leave, i32 1)
  unreachable
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


def instrument(text: str, symbol: str, types: Sequence[str], grow: int) -> str:
    """Replace volatile accesses by accesses at the cursors of the stream they are made on; `ENTRY` calls `symbol`."""
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

    text = _WAITS.sub("", text)
    text = _STORE.sub(push, _LOAD.sub(pop, _TARGET.sub("", text)))
    quoted = symbol if re.fullmatch(r"[\w.$]+", symbol) else f'"{symbol}"'
    parameters = ", ".join(f"{kind} %s{number}" for number, kind in enumerate(types))
    return text + _RUNTIME.format(
        jump=_JUMP, entry=ENTRY, symbol=quoted, parameters=parameters, grow=grow, endless=3, idle=_IDLE_POLLS
    )


def optimised(text: str, symbol: str) -> tuple[bytes, bool]:
    """Optimise a module; returns its bitcode, and whether `symbol` ever returns."""
    machine = _machine()
    module = llvm.parse_assembly(text)
    module.triple = llvm.get_process_triple()
    module.data_layout = str(machine.target_data)
    for function in module.functions:
        if not function.is_declaration and function.name not in (symbol, ENTRY):
            function.linkage = llvm.Linkage.internal
    builder = llvm.create_pass_builder(machine, llvm.create_pipeline_tuning_options(speed_level=2))
    builder.getModulePassManager().run(module, builder)
    returns = any(inst.opcode == "ret" for block in module.get_function(symbol).blocks for inst in block.instructions)
    return module.as_bitcode(), returns


def loaded(code: bytes) -> llvm.ExecutionEngine:
    """Compile an optimised module anew, so that its `static` variables hold what they hold at first."""
    engine = llvm.create_mcjit_compiler(llvm.parse_bitcode(code), _machine())
    engine.finalize_object()
    return engine


def _machine() -> llvm.TargetMachine:
    return llvm.Target.from_default_triple().create_target_machine(opt=2, jit=True)


def aligned(size: int) -> npt.NDArray[np.uint8]:
    """Return a zeroed byte array that starts at a multiple of 64."""
    raw = np.zeros(size + _ALIGN, dtype=np.uint8)
    offset = -raw.ctypes.data % _ALIGN
    return raw[offset : offset + size]


class Stream:
    """One stream: its descriptor in memory, and the words behind it; an output holds up to `most` bytes."""

    def __init__(self, name: str, bits: int, words: npt.NDArray[np.uint8] | None, most: int = 0) -> None:
        self.most = most
        self.name = name
        self.bits = bits
        self.stride = storage_bytes(bits)
        self.writable = words is None
        self.descriptor = aligned(_SCRATCH + self.stride + _ALIGN)
        self.fields = self.descriptor[:40].view(np.uint64)
        self.address = int(self.descriptor.ctypes.data)
        self.beats = beats = 1024 if words is None else words.shape[0]
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
        if self.buffer.size > self.most:
            self.fields[4] = 3
        used = int(self.fields[2]) - int(self.buffer.ctypes.data)
        larger = aligned(2 * self.buffer.size)
        larger[:used] = self.buffer[:used]
        self.buffer = larger
        start = int(larger.ctypes.data)
        self.fields[2:4] = (start + used, start + larger.size)

    def offer(self, beats: int) -> None:
        """Let the process read up to word `beats` of the input."""
        self.fields[1] = int(self.buffer.ctypes.data) + beats * self.stride

    @property
    def dry(self) -> bool:
        """Whether the process tried to read more than was offered."""
        return not self.writable and int(self.fields[4]) == 1

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


def complaint(streams: Sequence[Stream], frame: int, whole: bool = True) -> str | None:
    """Return what is wrong with the streams after a frame; a `whole` frame takes all that it is offered, no more."""
    for stream in streams:
        status = int(stream.fields[4])
        if status == 3:
            size = f"{stream.most >> 20} MB"
            return f"The process must read a stream now and then: it wrote {size} to {stream.name} without end."
        if stream.dry and whole:
            return f"The process must not read more than one frame of {stream.name}: it was empty in frame {frame}."
        if status and not stream.dry:
            wrong, right = ("read", "written") if stream.writable else ("written", "read")
            return f"The stream {stream.name} must be {right} only, and was {wrong} in frame {frame}."
        if whole and not stream.writable and stream.unread():
            return f"The process must read all of {stream.name}: it left {stream.unread()} words in frame {frame}."
    return None


def whole_frames(
    process: Callable[[], None], inputs: Sequence[Stream], streams: Sequence[Stream], frames: int
) -> str | None:
    """Call a process once for each frame, offering it as much of every input; returns what went wrong."""
    for frame in range(frames):
        for stream in inputs:
            stream.offer((frame + 1) * (stream.beats // frames))
        process()
        wrong = complaint(streams, frame)
        if wrong:
            return wrong
    return None


def until_dry(
    process: Callable[[], None],
    inputs: Sequence[Stream],
    streams: Sequence[Stream],
    patience: int,
    calls: int | None,
) -> str | None:
    """Call a process until it reads an empty input; returns what went wrong.

    It ends as well when `patience` calls took nothing; or if `calls` is given, after so many, whatever they took.
    """
    for stream in inputs:
        stream.offer(stream.beats)
    frame = idle = 0
    while frame != calls:
        left = [stream.unread() for stream in inputs]
        process()
        idle = idle + 1 if left == [stream.unread() for stream in inputs] else 0
        wrong = complaint(streams, frame, whole=False)
        if wrong or any(stream.dry for stream in inputs) or (calls is None and idle >= patience):
            return wrong
        frame += 1
    return None


class Job:
    """One compiled process and its inputs; `asks` tells whether it has non-blocking reads.

    `memories` are what its pointers point to, as the last run left it.
    """

    def __init__(self, folder: Path, index: int, spec: dict[str, Any]) -> None:
        source = (folder / f"{index}.ll").read_text()
        self.spec = spec
        self.asks = _WAITS.search(source) is not None
        self._words = [np.load(folder / f"{index}.in{number}.npy") for number in range(len(spec["inputs"]))]
        self._known: dict[int, Stream] = {}
        self._grow = ctypes.CFUNCTYPE(None, ctypes.c_void_p)(lambda address: self._known[address].grow())
        self._given = load_memories(folder, index)
        self.memories: list[npt.NDArray[np.uint8]] = []
        types = [kind for _, kind, _ in spec["arguments"]]
        text = instrument(source, spec["symbol"], types, ctypes.cast(self._grow, ctypes.c_void_p).value or 0)
        self._code, self._returns = optimised(text, spec["symbol"])

    def run(self, seed: int, likely: int) -> tuple[list[npt.NDArray[np.uint8]], str | None]:
        """Run the process from its first state; returns what was written, and what went wrong.

        Of 256 non-blocking reads of a word that is there `likely` find it, as `seed` draws.
        """
        inputs = [
            Stream(name, bits, given) for (name, bits), given in zip(self.spec["inputs"], self._words, strict=True)
        ]
        most = _MOST + _RATIO * sum(words.nbytes for words in self._words)
        outputs = [Stream(name, bits, None, most) for name, bits in self.spec["outputs"]]
        streams = inputs + outputs
        self._known = {stream.address: stream for stream in streams}
        engine = loaded(self._code)
        for name, value in (("hwgen.random", seed), ("hwgen.likely", likely)):
            ctypes.c_uint32.from_address(engine.get_global_value_address(name)).value = value
        self.memories = [copied(memory) for memory in self._given]
        process = self._entry(engine, streams)
        if self.spec["frames"] is None or not self._returns:
            wrong = until_dry(process, inputs, streams, _IDLE_CALLS if self.asks else 1, self.spec["calls"])
        else:
            wrong = whole_frames(process, inputs, streams, self.spec["frames"])
        return [stream.taken() for stream in outputs], wrong

    def _entry(self, engine: llvm.ExecutionEngine, streams: Sequence[Stream]) -> Callable[[], None]:
        """Return a function that calls the process with the arguments of the next frame."""
        values = {"stream": [s.address for s in streams], "memory": [int(m.ctypes.data) for m in self.memories]}
        arguments = self.spec["arguments"]
        entry = ctypes.CFUNCTYPE(None, *[ctypes.c_uint64] * len(arguments))(engine.get_function_address(ENTRY))
        held = [ctypes.c_uint64() for _ in arguments]
        frames = itertools.count()

        def process() -> None:
            frame, given = next(frames), []
            for place, (kind, passed, value) in zip(held, arguments, strict=True):
                if kind != "scalar":
                    given.append(values[kind][value])
                    continue
                # A scalar is passed in a whole register, whatever its width, or a reference to it.
                place.value = value[frame if len(value) > 1 else 0]
                given.append(ctypes.addressof(place) if passed == "ptr" else place.value)
            entry(*given)

        return process


def difference(name: str, one: npt.NDArray[np.uint8], other: npt.NDArray[np.uint8], whole: bool) -> str | None:
    """Return how two runs differ in what they wrote to a stream; without `whole`, one may have written less."""
    both = min(len(one), len(other))
    rows = np.flatnonzero((one[:both] != other[:both]).any(axis=1))
    if not len(rows) and (len(one) == len(other) or not whole):
        return None
    at = int(rows[0]) if len(rows) else both
    said = ["missing" if at >= len(a) else f"{int.from_bytes(a[at].tobytes(), 'little'):#x}" for a in (one, other)]
    return (
        f"What {name} carries must not depend on when words come: word {at} is {said[0]} or {said[1]}, by whether "
        "non-blocking reads find a word."
    )


def simulate(folder: Path, index: int, job: dict[str, Any]) -> str | None:
    """Run one job and save its outputs; returns what went wrong."""
    compiled = Job(folder, index, job)
    found: list[npt.NDArray[np.uint8]] = []
    for seed, likely in _PAUSES if compiled.asks else _PAUSES[:1]:
        words, wrong = compiled.run(seed, likely)
        if wrong:
            return wrong
        found = found or words
        for number, ((name, _), one, other) in enumerate(zip(job["outputs"], found, words, strict=True)):
            differs = difference(name, one, other, job["frames"] is not None)
            if differs:
                return differs
            found[number] = max(one, other, key=len)
    for number, taken in enumerate(found):
        np.save(folder / f"{index}.out{number}.npy", taken)
    for number, memory in enumerate(compiled.memories):
        np.save(folder / f"{index}.mem{number}.npy", memory)
    return None


def load_memories(folder: Path, index: int) -> list[npt.NDArray[np.uint8]]:
    """Return the memories of a job."""
    found: list[npt.NDArray[np.uint8]] = []
    while (path := folder / f"{index}.mem{len(found)}.npy").is_file():
        found.append(np.load(path))
    return found


def copied(data: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a copy that starts at a multiple of 64."""
    found = aligned(data.size)
    found[:] = data
    return found


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
